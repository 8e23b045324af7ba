// mix: spreads 64 bits (the finalizer of SplitMix64, Steele et al., OOPSLA 2014), so that every bit of the
// input decides every bit of the output. No cipher and no digest. Pure, and the same on every machine: the
// layout of images depends on it.
#pragma once

#include <cstdint>

namespace thaw {

constexpr uint64_t mix(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31);
}

}  // namespace thaw
