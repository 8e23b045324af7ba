#include "cache/cpu_queue.h"

#include <catch2/catch.hpp>

#include "test/fakes/executors.h"
#include "test/fakes/sample_chunks.h"

namespace thaw::cpu_queue_test {
namespace {

Fetch fetch_of(Priority priority, uint64_t mount = 1) { return {TimePoint::max(), priority, mount, {}}; }

struct Fixture {
  // Notes `number` when it is its turn.
  void post(uint32_t number, Priority priority, uint64_t mount = 1) {
    queue.post(sample_ref(number), fetch_of(priority, mount), [this, number] { done.push_back(number); });
  }
  void verify(uint32_t number, Priority priority, uint64_t mount = 1) {
    verify({sample_ref(number), Buffer::copy_of(sample_bytes(number, 8192))}, number, priority, mount);
  }
  void verify(Unverified chunk, uint32_t number, Priority priority, uint64_t mount = 1) {
    const ChunkRef ref = chunk.ref;
    queue.verify(std::move(chunk), fetch_of(priority, mount),
                 [this, ref, number](const Result<SealedChunk>& verified, Buffer&& bytes) {
                   if (verified.ok()) {
                     CHECK(verified->ref() == ref);
                     done.push_back(number);
                   } else {
                     wrong.push_back(std::move(bytes));
                   }
                 });
  }

  CpuQueue queue{cpu};
  ManualExecutor cpu;  // ends before its queue does
  std::vector<uint32_t> done;
  std::vector<Buffer> wrong;
};

}  // namespace

TEST_CASE("readers' hashes go before read-ahead's, and those before prefetch's", "[cpu_queue]") {
  Fixture f;
  f.verify(5, Priority::kPrefetch);
  f.verify(3, Priority::kReadAhead);
  f.post(4, Priority::kReadAhead);
  f.verify(1, Priority::kDemand);
  f.post(2, Priority::kDemand);
  f.cpu.run_all();
  CHECK(f.done == std::vector<uint32_t>{1, 2, 3, 4, 5});
}

TEST_CASE("a mount with a hundred chunks to hash delays another's one by a turn", "[cpu_queue]") {
  Fixture f;
  for (uint32_t i = 0; i < 100; ++i) f.verify(i, Priority::kDemand, 1);
  f.verify(1000, Priority::kDemand, 2);
  f.cpu.run_one();
  CHECK(f.done == std::vector<uint32_t>{0, 1000});
}

TEST_CASE("two chunks that wait take one turn, and a wrong one keeps its bytes", "[cpu_queue]") {
  Fixture f;
  f.verify(1, Priority::kDemand);
  f.verify({sample_ref(2), Buffer::copy_of(sample_bytes(3, 8192))}, 2, Priority::kDemand);
  f.verify(4, Priority::kDemand);
  f.cpu.run_one();
  CHECK(f.done == std::vector<uint32_t>{1});
  REQUIRE(f.wrong.size() == 1);
  CHECK(sha256(f.wrong.front().view()) == sample_ref(3).id);
  f.cpu.run_all();
  CHECK(f.done == std::vector<uint32_t>{1, 4});
}

TEST_CASE("a reader who joins raises what waits for a core", "[cpu_queue]") {
  Fixture f;
  f.verify(1, Priority::kPrefetch, 7);
  f.post(2, Priority::kPrefetch, 7);
  f.post(3, Priority::kReadAhead, 8);
  f.queue.expedite(sample_ref(2), fetch_of(Priority::kDemand, 9));
  f.queue.expedite(sample_ref(3), fetch_of(Priority::kPrefetch, 9));  // no less urgent than it was
  f.cpu.run_all();
  CHECK(f.done == std::vector<uint32_t>{2, 3, 1});
}

TEST_CASE("work whose threads have ended is destroyed, and nothing stays", "[cpu_queue]") {
  const auto held = std::make_shared<int>(0);
  auto cpu = std::make_unique<ManualExecutor>();
  CpuQueue queue(*cpu);
  for (uint32_t i = 0; i < 3; ++i) queue.post(sample_ref(i), fetch_of(Priority::kDemand), [held] {});
  CHECK(held.use_count() == 4);
  cpu.reset();
  CHECK(held.use_count() == 1);
}

}  // namespace thaw::cpu_queue_test
