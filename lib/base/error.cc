#include "lib/base/error.h"

#include <array>
#include <cerrno>
#include <system_error>

namespace thaw {
namespace {

constexpr std::array<std::string_view, 8> kNames = {"failed",      "usage",   "not_found", "refused",
                                                    "unreachable", "damaged", "timed_out", "cancelled"};

Code code_of(int errno_value) {
  switch (errno_value) {
    case ENOENT:
      return Code::kNotFound;
    case EACCES:
    case EPERM:
      return Code::kRefused;
    default:
      return Code::kFailed;
  }
}

}  // namespace

std::string_view code_name(Code code) { return kNames.at(static_cast<size_t>(code)); }

Code code_from_name(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames.at(i) == name) return static_cast<Code>(i);
  }
  return Code::kFailed;
}

Error system_error(std::string_view what, int errno_value) {
  return Error{code_of(errno_value), std::string(what) + ": " + std::generic_category().message(errno_value)};
}

}  // namespace thaw
