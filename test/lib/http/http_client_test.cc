#include "lib/http/http_client.h"

#include <catch2/catch.hpp>
#include <future>

#include "lib/base/await.h"
#include "test/fakes/http_thread.h"
#include "test/fakes/scripted_server.h"

namespace thaw::http_client_test {
namespace {

HttpRequest get_of(const std::string& url, uint64_t max_bytes = 1 << 20) {
  HttpRequest request;
  request.url = url;
  request.max_bytes = max_bytes;
  return request;
}

Result<HttpResponse> exchange(HttpClient& client, HttpRequest request) {
  return await<HttpResponse>(
      [&](Completion<HttpResponse> done) { client.submit(std::move(request), std::move(done)); });
}

Code code_of(const Result<HttpResponse>& result) {
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().message.find('\n') == std::string::npos);
  return result.error().code;
}

TimePoint in(std::chrono::milliseconds time) { return steady_clock().now() + time; }

}  // namespace

TEST_CASE("a response comes with its status, headers and body, over one connection", "[http]") {
  ScriptedServer server([](const ScriptedRequest& request) {
    return answer_with(request.target == "/no" ? 404 : 200, "body of " + request.target,
                       "ETag: \"a\"\r\nX-Blank:   b \r\n");
  });
  HttpThread http;
  for (const char* target : {"/yes", "/no", "/a/../b", "/x?list-type=2&a=%2F"}) {
    const auto response = exchange(http.client(), get_of(server.url() + target));
    REQUIRE(response.ok());
    CHECK(response->status == (target == std::string("/no") ? 404 : 200));
    CHECK(as_text(response->body.view()) == std::string("body of ") + target);
    CHECK(response->header("etag") == "\"a\"");
    CHECK(response->header("x-blank") == "b");
  }
  CHECK(server.connections() == 1);
}

TEST_CASE("methods and headers are sent as asked, and no others", "[http]") {
  Mutex mutex;
  ScriptedRequest seen;
  ScriptedServer server([&](const ScriptedRequest& request) {
    MutexLock lock(mutex);
    seen = request;
    return request.method == "HEAD" ? ScriptedAnswer{"HTTP/1.1 200 X\r\nContent-Length: 77\r\n\r\n"}
                                    : answer_with(200, "");
  });
  HttpThread http;
  const std::string large(3'000'000, 'x');
  HttpRequest put = get_of(server.url() + "/k");
  put.method = HttpMethod::kPut;
  put.headers = {{"x-amz-date", "now"}};
  put.body = as_bytes(large);
  REQUIRE(exchange(http.client(), std::move(put)).ok());
  {
    MutexLock lock(mutex);
    CHECK(seen.method == "PUT");
    CHECK(seen.body == large);
    CHECK(seen.head.find("x-amz-date: now\r\n") != std::string::npos);
    CHECK(seen.head.find("Expect") == std::string::npos);
    CHECK(seen.head.find("Content-Type") == std::string::npos);
  }
  HttpRequest empty = get_of(server.url() + "/k");
  empty.method = HttpMethod::kPut;
  REQUIRE(exchange(http.client(), std::move(empty)).ok());
  {
    MutexLock lock(mutex);
    CHECK(seen.head.find("Content-Length: 0\r\n") != std::string::npos);
  }
  HttpRequest head = get_of(server.url() + "/k", 0);
  head.method = HttpMethod::kHead;
  const auto size = exchange(http.client(), std::move(head));
  REQUIRE(size.ok());
  CHECK(size->header("content-length") == "77");
  HttpRequest removal = get_of(server.url() + "/k");
  removal.method = HttpMethod::kDelete;
  REQUIRE(exchange(http.client(), std::move(removal)).ok());
  MutexLock lock(mutex);
  CHECK(seen.method == "DELETE");
}

TEST_CASE("a body longer than wanted is damage, announced or not", "[http]") {
  ScriptedServer server([](const ScriptedRequest& request) {
    if (request.target == "/announced") {
      return ScriptedAnswer{"HTTP/1.1 200 X\r\nContent-Length: 99999999999999\r\n\r\nx", AfterAnswer::kHang};
    }
    const std::string body = request.target == "/fits" ? "4\r\n1234\r\n0\r\n\r\n" : "5\r\n12345\r\n0\r\n\r\n";
    return ScriptedAnswer{"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n" + body};
  });
  HttpThread http;
  CHECK(code_of(exchange(http.client(), get_of(server.url() + "/announced", 1000))) == Code::kDamaged);
  CHECK(code_of(exchange(http.client(), get_of(server.url() + "/chunked", 4))) == Code::kDamaged);
  const auto fits = exchange(http.client(), get_of(server.url() + "/fits", 4));
  REQUIRE(fits.ok());
  CHECK(as_text(fits->body.view()) == "1234");
}

TEST_CASE("the body of an error is cut, its status counts", "[http]") {
  ScriptedServer server([](const ScriptedRequest&) { return answer_with(503, std::string(1'000'000, 'e')); });
  HttpThread http;
  const auto response = exchange(http.client(), get_of(server.url() + "/", 10));
  REQUIRE(response.ok());
  CHECK(response->status == 503);
  CHECK(response->body.size() == kMaxErrorBodyBytes);
}

TEST_CASE("what breaks off is unreachable", "[http]") {
  ScriptedServer server([](const ScriptedRequest& request) -> ScriptedAnswer {
    if (request.target == "/short") {
      return {"HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\n12345", AfterAnswer::kClose};
    }
    if (request.target == "/chunks")
      return {"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123", AfterAnswer::kClose};
    if (request.target == "/reset") return {"HTTP/1.1 200 X\r\nContent-Le", AfterAnswer::kReset};
    if (request.target == "/garbage") return {"\x16\x03\x01 what?\r\n\r\n", AfterAnswer::kClose};
    if (request.target == "/headers")
      return {"HTTP/1.1 200 X\r\nA: " + std::string(60'000, 'x') + "\r\n\r\n", AfterAnswer::kClose};
    return {"", AfterAnswer::kClose};
  });
  HttpThread http;
  for (const char* target : {"/short", "/chunks", "/reset", "/garbage", "/headers", "/nothing"}) {
    INFO(target);
    CHECK(code_of(exchange(http.client(), get_of(server.url() + target))) == Code::kUnreachable);
  }
  CHECK(code_of(exchange(http.client(), get_of("http://127.0.0.1:1/"))) == Code::kUnreachable);
  CHECK(code_of(exchange(http.client(), get_of("http://no.such.host.invalid/"))) == Code::kUnreachable);
  CHECK(code_of(exchange(http.client(), get_of("ftp://127.0.0.1/"))) == Code::kUsage);
  CHECK(code_of(exchange(http.client(), get_of("file:///etc/passwd"))) == Code::kUsage);
}

TEST_CASE("a redirect is an answer and is not followed", "[http]") {
  ScriptedServer server(
      [](const ScriptedRequest&) { return answer_with(307, "", "Location: http://127.0.0.1:1/\r\n"); });
  HttpThread http;
  const auto response = exchange(http.client(), get_of(server.url() + "/"));
  REQUIRE(response.ok());
  CHECK(response->status == 307);
  CHECK(server.requests() == 1);
}

TEST_CASE("a deadline ends a request that runs, one that waits, and one that is late", "[http]") {
  ScriptedServer server([](const ScriptedRequest&) { return ScriptedAnswer{"", AfterAnswer::kHang}; });
  HttpOptions options;
  options.connections = 1;
  HttpThread http(options);
  HttpRequest runs = get_of(server.url() + "/");
  runs.deadline = in(std::chrono::milliseconds(300));
  HttpRequest waits = get_of(server.url() + "/");
  waits.deadline = in(std::chrono::milliseconds(100));
  HttpRequest late = get_of(server.url() + "/");
  late.deadline = TimePoint::min();
  std::promise<Result<HttpResponse>> running;
  std::promise<Result<HttpResponse>> waiting;
  http.client().submit(std::move(runs),
                       [&](Result<HttpResponse> result) { running.set_value(std::move(result)); });
  http.client().submit(std::move(waits),
                       [&](Result<HttpResponse> result) { waiting.set_value(std::move(result)); });
  CHECK(code_of(exchange(http.client(), std::move(late))) == Code::kTimedOut);
  CHECK(code_of(waiting.get_future().get()) == Code::kTimedOut);
  CHECK(code_of(running.get_future().get()) == Code::kTimedOut);
  CHECK(server.requests() <= 1);
}

TEST_CASE("a stop token ends a request at once", "[http]") {
  std::promise<void> arrived;
  ScriptedServer server([&](const ScriptedRequest&) {
    arrived.set_value();
    return ScriptedAnswer{"", AfterAnswer::kHang};
  });
  HttpThread http;
  std::stop_source stop;
  HttpRequest request = get_of(server.url() + "/");
  request.stop = stop.get_token();
  std::promise<Result<HttpResponse>> answered;
  http.client().submit(request, [&](Result<HttpResponse> result) { answered.set_value(std::move(result)); });
  arrived.get_future().get();
  stop.request_stop();
  CHECK(code_of(answered.get_future().get()) == Code::kCancelled);
  CHECK(code_of(exchange(http.client(), request)) == Code::kCancelled);
}

TEST_CASE("no more connections are made than allowed, and all requests are served", "[http]") {
  ScriptedServer server([](const ScriptedRequest& request) { return answer_with(200, request.target); });
  HttpOptions options;
  options.connections = 3;
  HttpThread http(options);
  constexpr int kRequests = 200;
  std::atomic<int> left{kRequests};
  std::atomic<int> right{0};
  std::promise<void> all;
  for (int i = 0; i < kRequests; ++i) {
    const std::string target = "/" + std::to_string(i);
    http.client().submit(get_of(server.url() + target), [&, target](Result<HttpResponse> result) {
      if (result.ok() && as_text(result->body.view()) == target) ++right;
      if (--left == 0) all.set_value();
    });
  }
  all.get_future().get();
  CHECK(right == kRequests);
  CHECK(server.connections() <= 3);
}

TEST_CASE("stop() completes what is open, and later requests", "[http]") {
  std::promise<void> arrived;
  ScriptedServer server([&](const ScriptedRequest&) {
    arrived.set_value();
    return ScriptedAnswer{"", AfterAnswer::kHang};
  });
  HttpOptions options;
  options.connections = 1;
  HttpThread http(options);
  std::promise<Result<HttpResponse>> running;
  std::promise<Result<HttpResponse>> waiting;
  for (auto* promise : {&running, &waiting}) {
    http.client().submit(get_of(server.url() + "/"),
                         [promise](Result<HttpResponse> result) { promise->set_value(std::move(result)); });
  }
  arrived.get_future().get();
  http.stop();
  CHECK(code_of(running.get_future().get()) == Code::kCancelled);
  CHECK(code_of(waiting.get_future().get()) == Code::kCancelled);
  CHECK(code_of(exchange(http.client(), get_of(server.url() + "/"))) == Code::kCancelled);
}

TEST_CASE("a client that never ran completes what it was given", "[http]") {
  std::promise<Result<HttpResponse>> answered;
  {
    HttpClient client({});
    client.submit(get_of("http://127.0.0.1:1/"),
                  [&](Result<HttpResponse> result) { answered.set_value(std::move(result)); });
  }
  CHECK(code_of(answered.get_future().get()) == Code::kCancelled);
}

}  // namespace thaw::http_client_test
