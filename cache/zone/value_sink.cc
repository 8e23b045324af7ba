#include "cache/zone/value_sink.h"

#include <algorithm>

namespace thaw {
namespace {

constexpr size_t kScratchBytes = 64 * 1024;

// Written and never read; one a thread.
MutableBytes scratch() {
  thread_local std::array<uint8_t, kScratchBytes> memory;
  return memory;
}

}  // namespace

ValueSink::Into ValueSink::targets() const {
  if (discard_ == 0) return parts_;
  return {scratch().first(std::min<uint64_t>(discard_, kScratchBytes)), MutableBytes()};
}

uint64_t ValueSink::covered() const {
  return discard_ == 0 ? left() : std::min<uint64_t>(discard_, kScratchBytes);
}

void ValueSink::advance(size_t bytes) {
  if (discard_ > 0) {
    discard_ -= bytes;
    return;
  }
  for (MutableBytes& part : parts_) {
    const size_t filled = std::min(bytes, part.size());
    part = part.subspan(filled);
    bytes -= filled;
  }
}

}  // namespace thaw
