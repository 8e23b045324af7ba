// Sizes ("2GiB") and durations ("30s") as the configuration writes them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace thaw {

inline constexpr uint64_t kKiB = 1024;
inline constexpr uint64_t kMiB = 1024 * kKiB;
inline constexpr uint64_t kGiB = 1024 * kMiB;

// A number with B, KiB, MiB, GiB, TiB (or KB, MB, GB, TB as powers of 1000); no sign, no blank inside.
Result<uint64_t> parse_size(std::string_view text);

// A number with ms, s, m, h or d.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

// "1.5 GiB", for people.
std::string format_size(uint64_t bytes);

constexpr uint64_t round_up(uint64_t value, uint64_t unit) { return (value + unit - 1) / unit * unit; }

}  // namespace thaw
