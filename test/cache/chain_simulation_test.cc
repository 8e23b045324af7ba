// The chain memory → single flight → flash → zone → origin under a store that fails in every way, and tiers
// between that lose what they have, on a manual clock. A seed replays a run: THAW_SEED=N runs that one alone.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>

#include "cache/memory_store.h"
#include "cache/origin.h"
#include "cache/read_through.h"
#include "cache/single_flight.h"
#include "lib/base/units.h"
#include "lib/image/image_reader.h"
#include "test/fakes/executors.h"
#include "test/fakes/fake_object_reader.h"
#include "test/fakes/fake_source.h"
#include "test/fakes/lossy_store.h"
#include "test/fakes/manual_timers.h"
#include "test/fakes/sample_image.h"

namespace thaw::chain_simulation_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint32_t kChunkSize = 16 * 1024;
constexpr uint64_t kMemory = 384 * kKiB;
constexpr uint32_t kReads = 400;

std::string key_of(const std::string& root, const ChunkId& id) { return root + "/" + id.hex(); }

OriginLimits few_requests() {
  OriginLimits limits;
  limits.in_flight = 6;
  limits.in_flight_background = 4;
  limits.in_flight_per_mount = 4;
  return limits;
}

struct Read {
  uint64_t offset = 0;
  uint32_t length = 0;
  TimePoint deadline;
  Fetch fetch;
  std::stop_source stop;
  size_t answers = 0;
  std::optional<Error> error;
};

class Simulation {
 public:
  explicit Simulation(uint64_t seed)
      : random_(seed), image_(sample_image(100, kChunkSize, seed, 3000)), reader_(timers_, seed) {
    for (size_t i = 0; i < image_.map->entries.size(); ++i) {
      // A chunk lies in one root or in both.
      const ChunkId& id = image_.map->entries[i].ref.id;
      const uint64_t where = random_() % 3;
      if (where != 0) reader_.add(key_of("new", id), image_.ciphertexts[i]);
      if (where != 1) reader_.add(key_of("old", id), image_.ciphertexts[i]);
    }
  }

  void run() {
    for (uint32_t i = 0; i < kReads; ++i) {
      change_weather();
      start_read();
      for (uint64_t steps = random_() % 20; steps > 0; --steps) step();
      check_bounds();
    }
    finish();
  }

 private:
  void change_weather() {
    if (random_() % 20 != 0) return;
    reader_.come_back();
    const auto chance = [this](unsigned most) { return static_cast<unsigned>(random_() % (most + 1)); };
    switch (random_() % 4) {
      case 0:
        return reader_.set_faults({});
      case 1:
        return reader_.go_away();
      default:
        reader_.set_faults({chance(100), chance(400), chance(200), chance(200), chance(200), chance(200),
                            std::chrono::milliseconds(random_() % 2000)});
    }
  }

  void start_read() {
    Read& read = *reads_.emplace_back(std::make_unique<Read>());
    const uint64_t device = image_.map->device_size;
    read.offset = random_() % 3 == 0 ? last_end_ : random_() % (device + 5000);
    read.length = static_cast<uint32_t>(random_() % (3 * kChunkSize));
    read.deadline = timers_.now() + seconds(1 + random_() % 30);
    last_end_ = read.offset + read.length;
    read.fetch = {read.deadline, static_cast<Priority>(random_() % 3), random_() % 3, read.stop.get_token()};
    image_reader_.read(read.offset, read.length, read.fetch,
                       [this, &read](Result<ReadableRange> result) { answered(read, std::move(result)); });
  }

  void step() {
    switch (random_() % 5) {
      case 0:
        timers_.advance(milliseconds(random_() % 1000));
        break;
      case 1:
        reads_[random_() % reads_.size()]->stop.request_stop();
        break;
      case 2:
        memory_.set_capacity(random_() % 2 == 0 ? kMemory : kMemory / 4);
        break;
      case 3:
        flip_a_bit();
        break;
      default:
        cpu_.run_one();
    }
    check_bounds();
  }

  void flip_a_bit() {
    const size_t entry = random_() % image_.map->entries.size();
    const auto chunk = memory_.look_up(image_.map->entries[entry].ref);
    if (!chunk || random_() % 4 != 0) return;
    const_cast<uint8_t*>(chunk->bytes().data())[random_() % chunk->stored_length()] ^= 1;
  }

  void check_bounds() {
    REQUIRE(memory_.bytes() <= kMemory);
    REQUIRE(budget_.used() <= kBudget);
    const bool answered_once =
        std::all_of(reads_.begin(), reads_.end(), [](const auto& read) { return read->answers <= 1; });
    REQUIRE(answered_once);
  }

  void finish() {
    cpu_.run_all();
    // A waiter may be answered a little after its deadline, but not a second.
    for (const auto& read : reads_) {
      while (timers_.now() < read->deadline + seconds(1)) {
        timers_.advance(milliseconds(100));
        cpu_.run_all();
      }
      REQUIRE(read->answers == 1);
      check_error(*read);
    }
    while (timers_.run_next()) cpu_.run_all();
    CHECK(origin_.open() == 0);
    CHECK(flight_.flights() == 0);
    CHECK(reader_.in_flight == 0);
    CHECK(flash_.open + zone_.open == 0);
    CHECK(flash_.hits > 0);
    CHECK(zone_.hits > 0);
    CHECK(budget_.used() == 0);
    CHECK(good_ > kReads / 8);
  }

  void answered(Read& read, Result<ReadableRange> result) {
    if (!result.ok()) {
      ++read.answers;
      read.error = std::move(result).error();
      return;
    }
    const uint64_t device = image_.map->device_size;
    REQUIRE(result->length() == std::min<uint64_t>(read.length, device - std::min(read.offset, device)));
    Bytes bytes(result->length(), 0xEE);
    if (!result->copy_to(bytes).ok()) {
      return image_reader_.read_again(
          std::move(result).value(), read.fetch,
          [this, &read](Result<ReadableRange> again) { answered(read, std::move(again)); });
    }
    ++read.answers;
    ++good_;
    REQUIRE(image_.holds(std::min(read.offset, device), bytes));
  }

  static void check_error(const Read& read) {
    if (!read.error) return;
    const Code code = read.error->code;
    INFO(read.error->message);
    REQUIRE((code == Code::kTimedOut || code == Code::kDamaged || code == Code::kCancelled ||
             code == Code::kNotFound));
  }

  static constexpr uint64_t kBudget = 256 * kKiB;

  std::mt19937_64 random_;
  SampleImage image_;
  ManualTimers timers_;
  CpuQueue queue_{cpu_};
  ManualExecutor cpu_;  // ends before its queue does
  FakeObjectReader reader_;
  TierCounters memory_counters_{};
  TierCounters origin_counters_{};
  ImageCounters image_counters_{};
  const PageArena arena_;  // no other buffers
  MemoryStore memory_{{kMemory}, memory_counters_, arena_};
  Origin origin_{{reader_, queue_, timers_, origin_counters_, key_of, 1}, {"new", "old"}, few_requests()};
  LossyStore flash_{timers_, random_()};
  LossyStore zone_{timers_, random_()};
  TierCounters flash_counters_{};
  TierCounters zone_counters_{};
  ReadThrough below_flash_{zone_, Tier::kZone, origin_, zone_counters_, &timers_};
  ReadThrough below_flight_{flash_, Tier::kFlash, below_flash_, flash_counters_, &timers_};
  ExpediteAll expedite_{{&origin_, &queue_}};
  SingleFlight flight_{memory_, below_flight_, expedite_, timers_};
  ReadThrough chain_{memory_, Tier::kMemory, flight_, memory_counters_};
  ReadAheadBudget budget_{{.bytes = kBudget}};
  HeldChunks held_{kBudget, timers_};
  ImageReader image_reader_{image_.map, {chain_, memory_, budget_, held_, image_counters_}};
  std::vector<std::unique_ptr<Read>> reads_;
  uint64_t last_end_ = 0;
  uint32_t good_ = 0;
};

}  // namespace

TEST_CASE("no wrong byte, one answer a read, nothing left over, whatever the store does", "[chain]") {
  const char* chosen = std::getenv("THAW_SEED");
  const uint64_t first = chosen != nullptr ? std::strtoull(chosen, nullptr, 10) : 1;
  const uint64_t last = chosen != nullptr ? first : 40;
  for (uint64_t seed = first; seed <= last; ++seed) {
    INFO("THAW_SEED=" << seed);
    Simulation(seed).run();
  }
}

}  // namespace thaw::chain_simulation_test
