// One pass over an image that is ten times the memory must cost a hot set next to nothing: 20,480 chunks (10
// GiB of 512 KiB) through memory for 2,048 (1 GiB), on chunks of 4 KiB.
#include <catch2/catch.hpp>

#include <chrono>
#include <random>

#include "cache/memory_store.h"
#include "cache/read_through.h"
#include "test/fakes/sample_chunks.h"

namespace thaw::scan_test {
namespace {

constexpr uint32_t kChunk = 4096;
constexpr uint32_t kMemoryChunks = 2048;
constexpr uint32_t kHotChunks = 1024;
constexpr uint32_t kScanned = 20480;
constexpr uint32_t kRequestsPerChunk = 4;  // the scan's, of 128 KiB
constexpr uint32_t kReadAhead = 16;        // chunks

// Makes any chunk of the sample at once.
class SampleSource final : public ChunkSource {
 public:
  // Called before get(), which has an id only.
  void expect(uint32_t number) { number_ = number; }

  void get(const ChunkRef& /*ref*/, const Fetch& /*fetch*/, Completion<Fetched> done) override {
    done(Fetched{sample_chunk(number_, kChunk), Tier::kOrigin});
  }

 private:
  uint32_t number_ = 0;
};

class Memory {
 public:
  explicit Memory(EvictionRule rule)
      : store_({kMemoryChunks * MemoryStore::cost_of(kChunk), rule}, counters_, arena_) {
    for (uint32_t i = 0; i < kScanned + kHotChunks; ++i) refs_.push_back(sample_ref(i, kChunk));
  }

  Tier read(uint32_t number) {
    Tier tier = Tier::kMemory;
    source_.expect(number);
    through_.get(refs_[number], Fetch{}, [&tier](const Result<Fetched>& got) { tier = got.value().tier; });
    return tier;
  }

  // A reader of the hot set asks for one of its chunks, any of them.
  void read_hot() {
    const Tier tier = read(kScanned + static_cast<uint32_t>(random_() % kHotChunks));
    ++hot_reads_;
    if (tier == Tier::kMemory) ++hot_hits_;
  }

  // Since it was last asked for.
  double hot_hit_percent() {
    return 100.0 * static_cast<double>(std::exchange(hot_hits_, 0)) /
           static_cast<double>(std::exchange(hot_reads_, 0));
  }

 private:
  std::minstd_rand random_{7};
  TierCounters counters_{};
  SampleSource source_;
  const PageArena arena_;  // no other buffers
  MemoryStore store_;
  ReadThrough through_{store_, Tier::kMemory, source_, counters_};
  std::vector<ChunkRef> refs_;
  uint32_t hot_reads_ = 0;
  uint32_t hot_hits_ = 0;
};

}  // namespace

TEST_CASE("a sequential read of a large image costs a hot set less than 1 point", "[scan]") {
  const EvictionRule rule = GENERATE(EvictionRule::kS3Fifo, EvictionRule::kLruK);
  Memory memory(rule);
  for (uint32_t i = 0; i < 16 * kHotChunks; ++i) memory.read_hot();
  memory.hot_hit_percent();
  for (uint32_t i = 0; i < 8 * kHotChunks; ++i) memory.read_hot();
  const double before = memory.hot_hit_percent();
  CHECK(before > 99);

  // So slow that between two reads of one hot chunk more comes than the memory holds: recency alone is not
  // enough.
  for (uint32_t chunk = 0; chunk < kScanned; ++chunk) {
    if (chunk + kReadAhead < kScanned) memory.read(chunk + kReadAhead);
    for (uint32_t request = 0; request < kRequestsPerChunk; ++request) memory.read(chunk);
    if (chunk % 3 == 0) memory.read_hot();
  }
  const double during = memory.hot_hit_percent();
  INFO("before " << before << " %, during the scan " << during << " %");
  CHECK(during >= before - 1);
}

}  // namespace thaw::scan_test
