// ValueSink: where the bytes of one value go: into memory that the asker gave, or nowhere.
//
// Belongs to a loop's thread.
#pragma once

#include <array>
#include <cstdint>

#include "lib/base/buffer.h"

namespace thaw {

class ValueSink {
 public:
  using Into = std::array<MutableBytes, 2>;

  static ValueSink into(const Into& parts) { return ValueSink(parts, 0); }
  static ValueSink nowhere(uint64_t bytes) { return ValueSink({}, bytes); }
  ValueSink() = default;

  uint64_t left() const { return discard_ + parts_[0].size() + parts_[1].size(); }
  // Where the next bytes go; what is larger than the scratch memory is taken piecewise.
  Into targets() const;
  // How much of left() the targets cover.
  uint64_t covered() const;
  // `bytes` of the targets were filled.
  void advance(size_t bytes);
  // What is left goes nowhere: the memory is not touched any more.
  void discard() { *this = nowhere(left()); }

 private:
  ValueSink(const Into& parts, uint64_t discard) : parts_(parts), discard_(discard) {}

  Into parts_;
  uint64_t discard_ = 0;
};

}  // namespace thaw
