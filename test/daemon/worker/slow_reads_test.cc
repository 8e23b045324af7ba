#include "daemon/worker/slow_reads.h"

#include <catch2/catch.hpp>

#include <string>
#include <thread>
#include <vector>

namespace thaw::slow_reads_test {
namespace {

SlowRead read_of(uint64_t took_us) {
  SlowRead read;
  read.took_us = took_us;
  return read;
}

SlowRead origin_read(uint64_t took_us, uint32_t origin_us) {
  SlowRead read = read_of(took_us);
  read.tier = Tier::kOrigin;
  read.journey.spent_in(Tier::kOrigin) = origin_us;
  read.journey.requests = 1;
  return read;
}

bool says(const SlowRead& read, const std::string& words) {
  INFO(reason_of(read));
  return reason_of(read).find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("the slowest reads are kept, the slowest first, and no more of them", "[slow_reads]") {
  SlowReads reads;
  for (uint64_t us = 1; us <= 100; ++us) {
    const uint64_t took_us = us * 37 % 101;  // each from 1 to 100 once
    if (reads.wants(took_us)) reads.note(read_of(took_us));
  }
  const auto slowest = reads.slowest();
  REQUIRE(slowest.size() == SlowReads::kKept);
  for (size_t i = 0; i < slowest.size(); ++i) CHECK(slowest[i].took_us == 100 - i);
  CHECK_FALSE(reads.wants(slowest.back().took_us));
  CHECK(reads.wants(slowest.back().took_us + 1));
}

TEST_CASE("many threads note slow reads", "[slow_reads][threads]") {
  SlowReads reads;
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&reads, t] {
      for (uint64_t i = 0; i < 1000; ++i) {
        if (reads.wants(i * 4 + t)) reads.note(read_of(i * 4 + t));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto slowest = reads.slowest();
  REQUIRE(slowest.size() == SlowReads::kKept);
  for (size_t i = 0; i < slowest.size(); ++i) CHECK(slowest[i].took_us == 3999 - i);
}

TEST_CASE("a slow read says what it waited for most", "[slow_reads]") {
  SlowRead read = origin_read(1000, 900);
  CHECK(says(read, "the store's answer"));
  read.journey.hedges = 1;
  read.journey.requests = 3;
  CHECK(says(read, "3 requests, hedged"));
  read.journey.queued_us = 600;
  CHECK(says(read, "origin.in_flight"));
  read.journey.queued_us = 100;
  read.journey.paused_us = 600;
  CHECK(says(read, "trouble with the store, tried 3 times"));
  CHECK(says(origin_read(1000, 100), "this worker"));

  SlowRead zone = read_of(1000);
  zone.journey.spent_in(Tier::kZone) = 800;
  CHECK(says(zone, "the zone"));
  SlowRead flash = read_of(1000);
  flash.journey.spent_in(Tier::kFlash) = 800;
  CHECK(says(flash, "flash"));

  SlowRead joined = origin_read(1000, 5000);
  joined.journey.joined = true;
  CHECK(says(joined, "under way for another read"));
  joined.error = "no such chunk";
  CHECK(reason_of(joined) == "no such chunk");
}

}  // namespace thaw::slow_reads_test
