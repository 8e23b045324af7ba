// HttpThread: an HttpClient and the thread that runs it, for tests.
#pragma once

#include <thread>
#include <utility>

#include "lib/http/http_client.h"

namespace thaw {

class HttpThread {
 public:
  explicit HttpThread(HttpOptions options = {})
      : client_(std::move(options)), thread_([this] { client_.run(); }) {}
  ~HttpThread() { stop(); }

  HttpClient& client() { return client_; }
  void stop() {
    client_.stop();
    if (thread_.joinable()) thread_.join();
  }

 private:
  HttpClient client_;
  std::thread thread_;
};

}  // namespace thaw
