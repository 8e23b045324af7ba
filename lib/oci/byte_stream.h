// ByteStream: bytes that arrive in order, once. The stages of a layer (file, checks, decoder, read-ahead) are
// classes behind this interface, each owning the one before it.
//
// A stream belongs to one thread at a time. After an error or the end it is not called again.
#pragma once

#include <cstdint>

#include "lib/base/buffer.h"
#include "lib/base/result.h"

namespace thaw {

// What one Buffer of a stream usually holds.
inline constexpr size_t kStreamBytes = 256 * 1024;

class ByteStream {
 public:
  virtual ~ByteStream() = default;

  // The next bytes; an empty buffer is the end. Blocks.
  virtual Result<Buffer> next() = 0;

  // Passes over up to `bytes` without reading them, where that is cheap; returns how many it passed over.
  virtual uint64_t skip(uint64_t bytes) {
    (void)bytes;
    return 0;
  }
};

}  // namespace thaw
