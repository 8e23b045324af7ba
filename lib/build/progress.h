// Progress: how far a build, a verification or an export has come, for a person.
#pragma once

#include <cstdint>
#include <functional>

namespace thaw {

struct Progress {
  uint64_t done = 0;   // chunks
  uint64_t total = 0;  // chunks
};

// Called on the thread that started the work, again and again; may be empty.
using ProgressFn = std::function<void(const Progress&)>;

}  // namespace thaw
