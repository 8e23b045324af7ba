// MemcachedProcess: a real memcached on a free port of 127.0.0.1, started and ended by the test.
#pragma once

#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "lib/base/file.h"
#include "lib/io/socket_address.h"

namespace thaw {

class MemcachedProcess {
 public:
  // `more`: arguments beside the usual.
  explicit MemcachedProcess(std::vector<std::string> more = {}) : port_(free_port()), more_(std::move(more)) {
    start();
  }
  ~MemcachedProcess() { kill(); }
  MemcachedProcess(const MemcachedProcess&) = delete;
  MemcachedProcess& operator=(const MemcachedProcess&) = delete;

  std::string name() const { return "127.0.0.1:" + std::to_string(port_); }
  uint16_t port() const { return port_; }

  // With an empty memory, once it accepts connections.
  void start() {
    const std::string port = std::to_string(port_);
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that dies leaves nothing behind
      if (::getppid() != parent) ::_exit(127);
      std::vector<std::string> words = {"memcached", "-u", "nobody", "-l", "127.0.0.1", "-p", port, "-U",
                                        "0",         "-m", "64",     "-t", "1",         "-I", "1m"};
      words.insert(words.end(), more_.begin(), more_.end());
      std::vector<char*> arguments;
      for (std::string& word : words) arguments.push_back(word.data());
      arguments.push_back(nullptr);
      ::execvp("memcached", arguments.data());
      ::_exit(127);
    }
    await_ready();
  }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  // It accepts connections (the kernel does) and answers nothing, until thaw().
  void freeze() { ::kill(pid_, SIGSTOP); }
  void thaw() { ::kill(pid_, SIGCONT); }

  // How many values it holds.
  size_t items() const {
    const Fd socket = connect_to(port_);
    REQUIRE(write_all(socket.get(), as_bytes("stats\r\n")).ok());
    std::string text;
    std::array<char, 4096> block;
    while (!text.ends_with("END\r\n")) {
      const ssize_t got = ::recv(socket.get(), block.data(), block.size(), 0);
      REQUIRE(got > 0);
      text.append(block.data(), static_cast<size_t>(got));
    }
    constexpr std::string_view kName = "STAT curr_items ";
    return std::stoul(text.substr(text.find(kName) + kName.size()));
  }

  static Fd connect_to(uint16_t port) {
    Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const SocketAddress address = resolve_address("127.0.0.1", port).value();
    if (::connect(socket.get(), address.get(), address.length) != 0) socket.reset();
    return socket;
  }

 private:
  static uint16_t free_port() {
    const Fd socket(::socket(AF_INET, SOCK_STREAM, 0));
    SocketAddress address = resolve_address("127.0.0.1", 0).value();
    REQUIRE(::bind(socket.get(), address.get(), address.length) == 0);
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address.storage), &address.length);
    return ntohs(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);
  }

  void await_ready() {
    for (int attempt = 0; attempt < 2000; ++attempt) {
      if (connect_to(port_).valid()) return;
      int status = 0;
      if (::waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = 0;
        FAIL("memcached ended at once; is it installed (packaging/deps)?");
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    FAIL("memcached does not accept connections");
  }

  const uint16_t port_;
  const std::vector<std::string> more_;
  pid_t pid_ = 0;
};

}  // namespace thaw
