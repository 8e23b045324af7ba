// ControlClient: calls the daemon's control API. Blocking; one thread at a time.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "lib/base/result.h"

namespace thaw {

class ControlClient {
 public:
  // `socket` is <run_dir>/thaw.sock.
  explicit ControlClient(std::string socket) : socket_(std::move(socket)) {}

  // kUnreachable when no daemon listens; the daemon's own error otherwise. A worker that is being restarted
  // is waited for: a request that it had not answered is sent again.
  Result<nlohmann::json> get(const std::string& path) const;
  // `attempts`, if given: how often it was sent.
  Result<nlohmann::json> post(const std::string& path, const nlohmann::json& body,
                              int* attempts = nullptr) const;

 private:
  std::string socket_;
};

}  // namespace thaw
