// ListenAddress: where a server of the daemon listens.
#pragma once

#include <string>

#include "lib/base/result.h"

namespace thaw {

struct ListenAddress {
  std::string host;
  int port = 0;

  // "HOST:PORT"; kUsage when it is not.
  static Result<ListenAddress> parse(const std::string& text);
};

}  // namespace thaw
