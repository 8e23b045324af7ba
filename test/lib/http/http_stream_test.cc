#include "lib/http/http_stream.h"

#include <catch2/catch.hpp>
#include <thread>

#include "test/fakes/scripted_server.h"

namespace thaw::http_stream_test {
namespace {

HttpRequest get_from(const std::string& url) {
  HttpRequest request;
  request.url = url;
  return request;
}

std::string rest_of(HttpStream& stream) {
  std::string text;
  for (;;) {
    const auto piece = stream.next();
    if (!piece.ok()) return text + "|" + std::string(code_name(piece.error().code));
    if (piece->empty()) return text;
    text += as_text(piece->view());
  }
}

std::string many_bytes(size_t size) {
  std::string text;
  for (size_t i = 0; text.size() < size; ++i) text += std::to_string(i) + ",";
  return text.substr(0, size);
}

}  // namespace

TEST_CASE("an answer of any status is streamed, over one connection", "[http]") {
  const std::string large = many_bytes(5'000'000);
  ScriptedServer server([&](const ScriptedRequest& request) {
    if (request.target == "/no") return answer_with(503, "why", "Retry-After: 7\r\n");
    if (request.target == "/empty") return answer_with(200, "");
    return answer_with(200, large, "X-A: b\r\n");
  });
  HttpStreams streams({});
  for (int round = 0; round < 2; ++round) {
    const auto yes = streams.open(get_from(server.url() + "/yes"));
    REQUIRE(yes.ok());
    CHECK(yes.value()->head().status == 200);
    CHECK(yes.value()->head().header("x-a") == "b");
    CHECK(rest_of(*yes.value()) == large);
  }
  const auto no = streams.open(get_from(server.url() + "/no"));
  REQUIRE(no.ok());
  CHECK(no.value()->head().status == 503);
  CHECK(no.value()->head().retry_after == std::chrono::seconds(7));
  CHECK(rest_of(*no.value()) == "why");
  CHECK(rest_of(*streams.open(get_from(server.url() + "/empty")).value()).empty());
  CHECK(server.connections() <= 2);
}

TEST_CASE("a POST carries its body", "[http]") {
  ScriptedServer server(
      [](const ScriptedRequest& request) { return answer_with(200, request.method + " " + request.body); });
  HttpStreams streams({});
  HttpRequest request = get_from(server.url() + "/token");
  request.method = HttpMethod::kPost;
  request.body = as_bytes("a=b");
  const auto answer = streams.open(request);
  REQUIRE(answer.ok());
  CHECK(rest_of(*answer.value()) == "POST a=b");
}

TEST_CASE("what came before a connection broke is handed out before the error", "[http]") {
  const std::string part = many_bytes(1'000'000);
  ScriptedServer server([&](const ScriptedRequest&) {
    return ScriptedAnswer{"HTTP/1.1 200 X\r\nContent-Length: 2000000\r\n\r\n" + part, AfterAnswer::kClose};
  });
  HttpStreams streams({});
  const auto answer = streams.open(get_from(server.url() + "/x"));
  REQUIRE(answer.ok());
  CHECK(rest_of(*answer.value()) == part + "|unreachable");
}

TEST_CASE("a large answer comes in small pieces", "[http]") {
  const std::string large = many_bytes(20'000'000);
  ScriptedServer server([&](const ScriptedRequest&) { return answer_with(200, large); });
  HttpStreams streams({});
  const auto answer = streams.open(get_from(server.url() + "/x"));
  REQUIRE(answer.ok());
  std::string text;
  for (;;) {
    const auto piece = answer.value()->next();
    REQUIRE(piece.ok());
    REQUIRE(piece->size() <= 256 * 1024);
    if (piece->empty()) break;
    text += as_text(piece->view());
  }
  CHECK(text == large);
}

TEST_CASE("a silent server and a stop end a wait", "[http]") {
  ScriptedServer server([](const ScriptedRequest& request) {
    if (request.target == "/nothing") return ScriptedAnswer{"", AfterAnswer::kHang};
    return ScriptedAnswer{"HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\npart", AfterAnswer::kHang};
  });
  HttpOptions options;
  options.stall_timeout = std::chrono::milliseconds(50);
  HttpStreams hasty(options);
  CHECK(hasty.open(get_from(server.url() + "/nothing")).error().code == Code::kTimedOut);
  CHECK(rest_of(*hasty.open(get_from(server.url() + "/part")).value()) == "part|timed_out");

  HttpStreams patient({});
  std::stop_source stop;
  HttpRequest request = get_from(server.url() + "/part");
  request.stop = stop.get_token();
  const auto answer = patient.open(request);
  REQUIRE(answer.ok());
  std::thread stopper([&] { stop.request_stop(); });
  CHECK(rest_of(*answer.value()).ends_with("|cancelled"));
  stopper.join();
}

TEST_CASE("nobody there is unreachable, and no URL wrong usage", "[http]") {
  std::string url;
  {
    ScriptedServer gone([](const ScriptedRequest&) { return answer_with(200, ""); });
    url = gone.url();
  }
  HttpStreams streams({});
  CHECK(streams.open(get_from(url + "/x")).error().code == Code::kUnreachable);
  CHECK(streams.open(get_from("gopher://x/")).error().code == Code::kUsage);
}

}  // namespace thaw::http_stream_test
