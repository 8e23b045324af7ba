// ControlServer: the control API, HTTP with JSON bodies over a Unix socket that the supervisor listens on.
//
// Owned by the worker. Handlers run on the server's own threads (they may block) and may run at the same
// time.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "lib/base/file.h"
#include "lib/base/result.h"

namespace thaw {

class ControlServer {
 public:
  // Gets the request's JSON object (empty when there is no body) and gives the answer's.
  using Handler = std::function<Result<nlohmann::json>(const nlohmann::json& request)>;

  // `listener` is a listening Unix socket; it stays open in the supervisor when this process ends.
  explicit ControlServer(Fd listener);
  ~ControlServer();

  // REQUIRES: run() was not called. `path` looks like "/v1/mounts".
  void on_get(const std::string& path, Handler handler);
  void on_post(const std::string& path, Handler handler);

  // Serves until stop(), on the calling thread and a few of its own.
  void run();
  // Any thread. Ends run() once the handlers in flight have answered.
  void stop();

 private:
  class Http;
  std::unique_ptr<Http> http_;
};

}  // namespace thaw
