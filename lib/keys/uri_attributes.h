// The NAME=VALUE parts of the URIs in `keys.url`, percent-encoded (RFC 3986), each at most once.
//
// Pure. Internal to lib/keys. Errors are kUsage and never repeat a value: a secret may be among them.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace thaw {

struct UriAttribute {
  std::string_view name;
  std::string* place;  // empty until it was found
};

// Takes "a=1;b=2" apart, with `between` for ";". `page` tells in errors where the names are explained.
Status take_uri_attributes(std::span<const UriAttribute> known, std::string_view text, char between,
                           std::string_view page);

// A file's place may be told as an absolute path or as a file: URI; `place` is the path then.
Status take_path(std::string_view name, std::string& place);

}  // namespace thaw
