// NodeAccess: how the nodes of a zone let somebody in.
//
// A value; any thread.
#pragma once

#include <memory>
#include <string>

#include "lib/base/result.h"
#include "lib/io/tls.h"

namespace thaw {

struct NodeAccess {
  std::shared_ptr<const TlsContext> tls;  // null: plain TCP
  std::string login;                      // "USER PASSWORD", as memcached wants it; empty: none
};

// The login of the first line of memcached's own auth file, "USER:PASSWORD". kUsage when there is none.
Result<std::string> parse_login(const std::string& auth_file);

}  // namespace thaw
