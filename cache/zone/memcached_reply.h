// The first line of a reply of memcached's meta protocol (doc/protocol.txt of memcached 1.6).
//
// Pure; any thread. The line comes from a node that is not trusted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace thaw {

struct ReplyLine {
  enum class Kind : uint8_t {
    kValue,      // VA: value_bytes bytes and CR LF follow
    kDone,       // HD, MN: stored, deleted, pong
    kMissing,    // EN, NF
    kNotStored,  // NS, EX
    kRefused,    // SERVER_ERROR …: this request failed, and the connection goes on
    kGarbage,    // anything else: where the next reply begins is unknown
  };

  Kind kind = Kind::kGarbage;
  uint64_t value_bytes = 0;
  std::optional<uint64_t> opaque;  // O: what the request was marked with
  bool won = false;                // W: the asker is the one to fill it
  std::string why = {};            // kRefused: what the node says
};

// `line` without its CR LF.
ReplyLine parse_reply_line(std::string_view line);

}  // namespace thaw
