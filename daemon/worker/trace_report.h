// TraceReport: what became of an image's trace at its mount, for `thaw explain`.
//
// Shared by the episode that fills it (Traces) and the image that is served. Any thread.
#pragma once

#include <atomic>
#include <cstdint>

namespace thaw {

struct TraceReport {
  std::atomic<uint64_t> traced{0};       // chunks that the loaded trace names; 0: there was none
  std::atomic<uint64_t> replayed{0};     // of these, asked for ahead of the readers; the rest was not wanted
  std::atomic<uint64_t> first_reads{0};  // chunks that readers asked for while it was recorded
  std::atomic<uint64_t> covered{0};      // of these, those that the trace names
  std::atomic<bool> recording{true};
  std::atomic<bool> given_up{false};  // the mount failed
};

}  // namespace thaw
