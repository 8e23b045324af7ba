#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <thread>

#include "daemon/control/client.h"
#include "daemon/control/server.h"

namespace thaw::control_test {
namespace {

using Json = nlohmann::json;

class Folder {
 public:
  Folder() { REQUIRE(::mkdtemp(path_.data()) != nullptr); }
  ~Folder() {
    ::unlink(socket().c_str());
    ::rmdir(path_.c_str());
  }
  std::string socket() const { return path_ + "/thaw.sock"; }

 private:
  std::string path_ = "/tmp/thaw-control-XXXXXX";
};

Fd listen_on(const std::string& path) {
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(fd.get(), 16) == 0);
  return fd;
}

Result<Json> echo(const Json& request) { return request; }
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

TEST_CASE("a daemon that does not run is said so", "[control]") {
  const Folder folder;
  const auto answer = ControlClient(folder.socket()).get("/v1/stats");
  REQUIRE_FALSE(answer.ok());
  CHECK(answer.error().code == Code::kUnreachable);
  CHECK(answer.error().message.find("start thawd") != std::string::npos);
}

}  // namespace thaw::control_test
