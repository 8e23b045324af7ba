// ScriptedServer: an HTTP server on a loopback port that answers with exactly the bytes that a test wants,
// and breaks off as it wants.
//
// The script runs on the server's threads, one a connection.
#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/file.h"
#include "lib/base/mutex.h"

namespace thaw {

struct ScriptedRequest {
  std::string method;
  std::string target;
  std::string head;  // all lines, as they came
  std::string body;
};

enum class AfterAnswer : uint8_t { kKeep, kClose, kReset, kHang };

struct ScriptedAnswer {
  std::string bytes;
  AfterAnswer after = AfterAnswer::kKeep;
};

inline ScriptedAnswer answer_with(int status, const std::string& body, const std::string& headers = "") {
  return {"HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) +
          "\r\n" + headers + "\r\n" + body};
}

class ScriptedServer {
 public:
  using Script = std::function<ScriptedAnswer(const ScriptedRequest&)>;

  explicit ScriptedServer(Script script) : script_(std::move(script)) {
    listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_.get(), any, length) != 0 || ::listen(listener_.get(), 64) != 0) std::abort();
    ::getsockname(listener_.get(), any, &length);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~ScriptedServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    acceptor_.join();
    {
      MutexLock lock(mutex_);
      for (const Fd& fd : sockets_) ::shutdown(fd.get(), SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  int connections() const { return connections_.load(); }
  int requests() const { return requests_.load(); }

 private:
  void accept_all() {
    for (;;) {
      const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      ++connections_;
      {
        MutexLock lock(mutex_);
        sockets_.emplace_back(fd);
      }
      threads_.emplace_back([this, fd] { serve(fd); });
    }
  }

  void serve(int fd) {
    std::string received;
    while (const auto request = take_request(fd, received)) {
      ++requests_;
      const ScriptedAnswer answer = script_(*request);
      (void)::send(fd, answer.bytes.data(), answer.bytes.size(), MSG_NOSIGNAL);
      if (answer.after == AfterAnswer::kKeep) continue;
      if (answer.after == AfterAnswer::kReset) {
        // A lingering time of nothing turns the end into a reset; the descriptor stays until the destructor.
        const linger now{1, 0};
        ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        sockaddr unconnected{};
        unconnected.sa_family = AF_UNSPEC;
        ::connect(fd, &unconnected, sizeof unconnected);
        return;
      }
      if (answer.after == AfterAnswer::kClose) ::shutdown(fd, SHUT_RDWR);
    }
  }

  static std::optional<ScriptedRequest> take_request(int fd, std::string& received) {
    size_t head_end = std::string::npos;
    while ((head_end = received.find("\r\n\r\n")) == std::string::npos) {
      if (!receive(fd, received)) return std::nullopt;
    }
    ScriptedRequest request;
    request.head = received.substr(0, head_end + 2);
    request.method = request.head.substr(0, request.head.find(' '));
    const size_t target = request.method.size() + 1;
    request.target = request.head.substr(target, request.head.find(' ', target) - target);
    const size_t length_at = request.head.find("Content-Length: ");
    const size_t length =
        length_at == std::string::npos ? 0 : std::stoul(request.head.substr(length_at + 16));
    while (received.size() < head_end + 4 + length) {
      if (!receive(fd, received)) return std::nullopt;
    }
    request.body = received.substr(head_end + 4, length);
    received.erase(0, head_end + 4 + length);
    return request;
  }

  static bool receive(int fd, std::string& received) {
    char buffer[65536];
    const ssize_t n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) return false;
    received.append(buffer, static_cast<size_t>(n));
    return true;
  }

  const Script script_;
  Fd listener_;
  uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::atomic<int> requests_{0};
  std::thread acceptor_;
  std::vector<std::thread> threads_;  // the acceptor's, until it ended
  Mutex mutex_;
  std::vector<Fd> sockets_ GUARDED_BY(mutex_);
};

}  // namespace thaw
