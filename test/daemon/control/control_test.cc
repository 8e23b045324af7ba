#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "daemon/control/client.h"
#include "daemon/control/server.h"
#include "test/temporary_folder.h"

namespace thaw::control_test {
namespace {

using Json = nlohmann::json;

class Folder : public TemporaryFolder {
 public:
  std::string socket() const { return *this / "thaw.sock"; }
};

Fd listen_on(const std::string& path) {
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(fd.get(), 128) == 0);
  return fd;
}

class Connection {
 public:
  explicit Connection(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    REQUIRE(::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  // False when the other side does not want it any more.
  bool send(const std::string& text) {
    return ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }
  // All that comes until the other side closes.
  std::string answer() {
    std::string text;
    std::array<char, 4096> part{};
    for (ssize_t n = 0; (n = ::recv(fd_.get(), part.data(), part.size(), 0)) > 0;)
      text.append(part.data(), static_cast<size_t>(n));
    return text;
  }

 private:
  Fd fd_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
};

Result<Json> echo(const Json& request) { return request; }
Result<Json> length(const Json& request) {
  return Json{{"length", request.at("text").get<std::string>().size()}};
}
Result<Json> refuse(const Json&) { return Error{Code::kRefused, "no key for \"web\""}; }
Result<Json> fail(const Json&) { throw std::runtime_error("out of memory"); }

}  // namespace

TEST_CASE("requests and errors pass through the control socket", "[control]") {
  const Folder folder;
  ControlServer server(listen_on(folder.socket()));
  server.on_get("/v1/echo", echo);
  server.on_post("/v1/echo", echo);
  server.on_post("/v1/refuse", refuse);
  server.on_post("/v1/fail", fail);
  std::thread thread([&server] { server.run(); });

  const ControlClient client(folder.socket());
  const auto echoed = client.post("/v1/echo", {{"name", "web:7"}});
  const auto empty = client.get("/v1/echo");
  const auto refused = client.post("/v1/refuse", Json::object());
  const auto failed = client.post("/v1/fail", Json::object());
  const auto not_object = client.post("/v1/echo", Json::array());
  const auto unknown = client.get("/v1/nothing");
  server.stop();
  thread.join();

  REQUIRE(echoed.ok());
  CHECK(echoed.value() == Json{{"name", "web:7"}});
  REQUIRE(empty.ok());
  CHECK(empty.value().empty());
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Code::kRefused);
  CHECK(refused.error().message == "no key for \"web\"");
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.error().message.find("out of memory") != std::string::npos);
  CHECK(not_object.error().code == Code::kUsage);
  CHECK_FALSE(unknown.ok());
}

TEST_CASE("a body without a length is refused before it is read", "[control]") {
  const Folder folder;
  ControlServer server(listen_on(folder.socket()));
  server.on_post("/v1/echo", echo);
  std::thread thread([&server] { server.run(); });
  for (const char* how : {"Transfer-Encoding: chunked", "Content-Encoding: gzip\r\nContent-Length: 2"}) {
    Connection connection(folder.socket());
    REQUIRE(connection.send("POST /v1/echo HTTP/1.1\r\n" + std::string(how) + "\r\n\r\n"));
    CHECK(connection.answer().find("with a Content-Length") != std::string::npos);
  }
  server.stop();
  thread.join();
}

TEST_CASE("who asks for something with the wrong type is told so", "[control]") {
  const Folder folder;
  ControlServer server(listen_on(folder.socket()));
  server.on_post("/v1/length", length);
  std::thread thread([&server] { server.run(); });
  const ControlClient client(folder.socket());
  const auto good = client.post("/v1/length", {{"text", "abc"}});
  const auto wrong_type = client.post("/v1/length", {{"text", 5}});
  const auto missing = client.post("/v1/length", Json::object());
  server.stop();
  thread.join();
  REQUIRE(good.ok());
  CHECK(good->at("length") == 3);
  CHECK(wrong_type.error().code == Code::kUsage);
  CHECK(missing.error().code == Code::kUsage);
}

TEST_CASE("connections on which nothing is said delay nobody", "[control]") {
  const Folder folder;
  ControlServer server(listen_on(folder.socket()));
  std::atomic<int> asked{0};
  server.on_get("/v1/echo", [&asked](const Json& request) {
    ++asked;
    return Result<Json>(request);
  });
  std::thread thread([&server] { server.run(); });
  std::vector<std::unique_ptr<Connection>> idle;
  for (int i = 0; i < 40; ++i) idle.push_back(std::make_unique<Connection>(folder.socket()));
  const auto answered = ControlClient(folder.socket()).get("/v1/echo");
  // None of them was given up to make room for that.
  int open = 0;
  for (const auto& connection : idle)
    open += connection->send("GET /v1/echo HTTP/1.1\r\nConnection: close\r\n\r\n") ? 1 : 0;
  std::string first = idle.front()->answer();
  server.stop();
  thread.join();
  CHECK(answered.ok());
  CHECK(open == 40);
  CHECK(first.find("200 OK") != std::string::npos);
}

TEST_CASE("a request whose answer died with its worker is sent again, and counted", "[control]") {
  const Folder folder;
  Fd listener = listen_on(folder.socket());
  std::thread worker([&listener] {
    const Fd client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    std::array<char, 4096> request{};
    static_cast<void>(::recv(client.get(), request.data(), request.size(), 0));
  });
  int attempts = 0;
  Result<Json> answer = Error{Code::kFailed, ""};
  std::thread asking(
      [&] { answer = ControlClient(folder.socket()).post("/v1/echo", Json::object(), &attempts); });
  worker.join();
  ControlServer next(std::move(listener));
  next.on_post("/v1/echo", echo);
  std::thread thread([&next] { next.run(); });
  asking.join();
  next.stop();
  thread.join();
  CHECK(answer.ok());
  CHECK(attempts == 2);
}

TEST_CASE("a daemon that does not run is said so", "[control]") {
  const Folder folder;
  const auto answer = ControlClient(folder.socket()).get("/v1/stats");
  REQUIRE_FALSE(answer.ok());
  CHECK(answer.error().code == Code::kUnreachable);
  CHECK(answer.error().message.find("start thawd") != std::string::npos);
}

}  // namespace thaw::control_test
