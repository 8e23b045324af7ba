// MetricsServer: GET /metrics over HTTP on an address of this machine, for Prometheus.
//
// Owned by the worker. The text is made on the server's own threads, several at the same time.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "daemon/config/listen_address.h"
#include "lib/base/result.h"

namespace thaw {

class MetricsServer {
 public:
  // `text`: what is answered, in the Prometheus text format.
  MetricsServer(ListenAddress address, std::function<std::string()> text);
  ~MetricsServer();

  // Whether the address could be taken. REQUIRES: called once, before run()
  Status bind();
  // Serves until stop(), on the calling thread and a few of its own.
  void run();
  // Any thread.
  void stop();

 private:
  class Http;
  const ListenAddress address_;
  std::unique_ptr<Http> http_;
};

}  // namespace thaw
