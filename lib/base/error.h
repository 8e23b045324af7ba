// Error: what went wrong, for a program (code) and for a person (message).
//
// The message is one line: what failed, on what, why, and what to do. `docs/errors.md` lists the codes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/clock.h"

namespace thaw {

enum class Code : uint8_t {
  kFailed,       // anything that has no code of its own, among it a local disk that fails
  kUsage,        // wrong arguments or configuration
  kNotFound,     // no such image, chunk, key, mount
  kRefused,      // permission, key or signature does not allow it
  kUnreachable,  // a daemon, store or key service does not answer
  kDamaged,      // bytes that are not what their digest, tag or signature promises
  kTimedOut,     // the deadline passed
  kCancelled,    // nobody waits any more
};

struct Error {
  Code code = Code::kFailed;
  std::string message;
  // How long a server asks not to be asked again; zero: it does not say. See RetryBackoff.
  Duration retry_after = Duration::zero();
};

// "failed", "usage", … as docs/errors.md and the control API spell them.
std::string_view code_name(Code code);

// The inverse of code_name; an unknown name is kFailed.
Code code_from_name(std::string_view name);

// An Error whose message ends with strerror(errno_value). ENOENT is kNotFound, EACCES and EPERM are kRefused.
Error system_error(std::string_view what, int errno_value);

}  // namespace thaw
