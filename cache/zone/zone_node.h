// ZoneNode: one cache node as the configuration names it, "HOST:PORT[@DOMAIN]".
//
// Values; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/zone/node_access.h"
#include "lib/base/result.h"
#include "lib/io/socket_address.h"

namespace thaw {

struct ZoneNode {
  std::string name;                      // HOST:PORT; what placement depends on
  std::string domain;                    // what fails together; empty: the node is alone in it
  std::optional<SocketAddress> address;  // nothing: HOST is a name, which NodeAddress looks up
  std::string host = {};                 // without brackets; whom TLS has to find there
  uint16_t port = 0;
  std::shared_ptr<const NodeAccess> access = {};  // null: plain TCP, no login
};

inline constexpr size_t kMaxZoneNodes = 256;

// HOST is a name, an IPv4 address, or an IPv6 address in brackets. Looks nothing up.
// kUsage, naming the text, for one that cannot be a node, one that stands there twice, or too many.
Result<std::vector<ZoneNode>> parse_zone_nodes(const std::vector<std::string>& texts);

}  // namespace thaw
