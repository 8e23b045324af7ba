#include "lib/base/units.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <limits>
#include <span>

namespace thaw {
namespace {

struct Unit {
  std::string_view name;
  uint64_t factor;
};

constexpr std::array<Unit, 9> kSizes = {{{"B", 1},
                                         {"KiB", kKiB},
                                         {"MiB", kMiB},
                                         {"GiB", kGiB},
                                         {"TiB", 1024 * kGiB},
                                         {"KB", 1000},
                                         {"MB", 1000'000},
                                         {"GB", 1000'000'000},
                                         {"TB", 1000'000'000'000}}};
constexpr std::array<Unit, 5> kDurations = {
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
// Such a time after now can still be counted in nanoseconds.
constexpr uint64_t kMaxDurationMs = 100'000 * uint64_t{86'400'000};

Result<uint64_t> parse(std::string_view text, std::span<const Unit> units, const char* example) {
  uint64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view suffix(end, static_cast<size_t>(text.data() + text.size() - end));
  for (const Unit& unit : units) {
    if (failure != std::errc() || unit.name != suffix) continue;
    if (number > std::numeric_limits<int64_t>::max() / unit.factor) break;
    return number * unit.factor;
  }
  return Error{Code::kUsage,
               "\"" + std::string(text) + "\" is not a whole number with a unit such as " + example};
}

}  // namespace

Result<uint64_t> parse_size(std::string_view text) { return parse(text, kSizes, "512MiB or 2GiB"); }

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  THAW_ASSIGN(const uint64_t ms, parse(text, kDurations, "500ms, 30s or 10m"));
  if (ms > kMaxDurationMs) return Error{Code::kUsage, "\"" + std::string(text) + "\" is more than 100000d"};
  return std::chrono::milliseconds(static_cast<int64_t>(ms));
}

std::string format_size(uint64_t bytes) {
  static constexpr std::array<const char*, 5> kNames = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < kNames.size()) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value, kNames.at(unit));
  return text.data();
}

}  // namespace thaw
