#include "daemon/worker/live_settings.h"

#include <catch2/catch.hpp>

namespace thaw::live_settings_test {
namespace {

Config config_of(const std::string& text) {
  const auto config = parse_config(text, "thaw.json");
  REQUIRE(config.ok());
  return config.value();
}

}  // namespace

TEST_CASE("the memory tier is as large as configured, and forgets as configured", "[live_settings]") {
  const MemoryOptions usual = memory_options(Config{});
  CHECK(usual.capacity == kGiB);
  CHECK(usual.eviction == EvictionRule::kS3Fifo);
  const MemoryOptions other =
      memory_options(config_of(R"({"memory": {"size": "96MiB", "eviction": "lru-k"}})"));
  CHECK(other.capacity == 96 * kMiB);
  CHECK(other.eviction == EvictionRule::kLruK);
}

TEST_CASE("what is under way has its share of the memory, and no more than it is told", "[live_settings]") {
  const Config small = config_of(R"({"memory": {"size": "64MiB"}, "origin": {"in_flight": 4096}})");
  CHECK(origin_in_flight(small) == 64);
  CHECK(origin_in_flight(config_of(R"({"origin": {"in_flight": 4096}})")) == 1024);
  CHECK(origin_in_flight(config_of(R"({"origin": {"in_flight": 1}})")) == 1);
  CHECK(held_bytes(small) == 16 * kMiB);
  CHECK(read_ahead_limits(small).bytes == 8 * kMiB);
  CHECK(read_ahead_limits(small).chunks == 64);
  CHECK(read_ahead_limits(config_of(R"({"read": {"ahead_chunks": 256}})")).chunks == 256);
  const ReadAheadBudget::Limits none = read_ahead_limits(config_of(R"({"read": {"ahead_chunks": 0}})"));
  CHECK(none.bytes == 0);
  CHECK(none.chunks == 0);
}

}  // namespace thaw::live_settings_test
