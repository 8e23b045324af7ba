#include "lib/image/held_chunks.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <deque>
#include <set>

#include "cache/memory_store.h"
#include "lib/base/page_arena.h"
#include "lib/base/units.h"
#include "lib/image/image_reader.h"
#include "test/fakes/fake_source.h"
#include "test/fakes/manual_timers.h"
#include "test/fakes/sample_image.h"

namespace thaw::held_chunks_test {
namespace {

constexpr uint32_t kChunkSize = 512 * 1024;
constexpr uint64_t kLimit = 8 * kChunkSize;
constexpr uint64_t kWide =
    uint64_t{6} * kChunkSize;  // from here on three chunks are stored, two of them whole
constexpr size_t kFirst = 4;   // their entries are this one and the next two

const SampleImage& image() {
  static const SampleImage sample = sample_image(12, kChunkSize, 3, 1000);
  return sample;
}

size_t entry_of(const ChunkRef& ref) {
  const auto& entries = image().map->entries;
  const auto found = std::ranges::find_if(entries, [&ref](const auto& entry) { return entry.ref == ref; });
  return static_cast<size_t>(found - entries.begin());
}

// Each answer is a copy of its own, as of a chunk that left memory in the meantime. Some entries hang, some
// are answered inside the call, the others when the test says so.
class OwnCopies final : public ChunkSource {
 public:
  void get(const ChunkRef& ref, const Fetch& fetch, Completion<Fetched> done) override {
    ++gets;
    const size_t entry = entry_of(ref);
    if (at_once.contains(entry)) return done(Fetched{copy_of(ref), Tier::kMemory});
    (hang.contains(entry) ? hanging : waiting).push_back({ref, fetch, std::move(done)});
  }

  // What has been asked for until now.
  void answer_waiting() {
    for (size_t left = waiting.size(); left > 0; --left) answer(waiting);
  }
  void end_hang() {
    hang.clear();
    while (!hanging.empty()) answer(hanging);
  }
  void fail_hanging() {
    while (!hanging.empty()) take(hanging).done(Error{Code::kTimedOut, "late"});
  }

  size_t gets = 0;
  std::set<size_t> at_once;
  std::set<size_t> hang;
  std::deque<FakeSource::Pending> waiting;
  std::deque<FakeSource::Pending> hanging;

 private:
  static SealedChunk copy_of(const ChunkRef& ref) {
    return SealedChunk::verify(ref, Buffer::copy_of(image().ciphertexts.at(entry_of(ref)))).value();
  }
  static FakeSource::Pending take(std::deque<FakeSource::Pending>& from) {
    FakeSource::Pending next = std::move(from.front());
    from.pop_front();
    return next;
  }
  static void answer(std::deque<FakeSource::Pending>& from) {
    FakeSource::Pending next = take(from);
    next.done(Fetched{copy_of(next.ref), Tier::kFlash});
  }
};

struct Fixture {
  // A range is looked at when it comes, and dropped.
  void read(uint64_t offset, uint32_t length) {
    ++open;
    Fetch fetch;
    fetch.deadline = timers.now() + std::chrono::seconds(30);
    reader.read(offset, length, fetch, [this, offset, length](Result<ReadableRange> range) {
      --open;
      if (!range.ok()) return static_cast<void>(++failed);
      Bytes bytes(length);
      CHECK(range->copy_to(bytes).ok());
      CHECK(image().holds(offset, bytes));
    });
  }
  void read_many(int count, uint32_t chunks) {
    for (int i = 0; i < count; ++i) read(kWide, chunks * kChunkSize);
  }
  // How often all that waited was answered until no read was left; fewer than `most`.
  int rounds(int most) {
    int rounds = 0;
    while (open > 0 && rounds < most) {
      source.answer_waiting();
      CHECK(held.bytes() <= kLimit);
      ++rounds;
    }
    return rounds;
  }

  TierCounters tier{};
  ImageCounters counters{};
  MemoryStore memory{{kMiB}, tier};
  OwnCopies source;
  ReadAheadBudget no_read_ahead{{.bytes = 0}};
  ManualTimers timers;
  HeldChunks held{kLimit, timers};
  ImageReader reader{image().map, {source, memory, no_read_ahead, held, counters}};
  int open = 0;
  int failed = 0;
};

}  // namespace

TEST_CASE("reads that wait for a chunk that hangs hold no more than the budget", "[held_chunks]") {
  Fixture f;
  const uint64_t before = buffer_arena().held_bytes();
  f.source.hang = {kFirst + 1};
  f.read_many(200, 2);
  f.source.answer_waiting();
  CHECK(f.open == 200);
  CHECK(f.source.gets == 400);
  CHECK(f.held.bytes() <= kLimit);
  CHECK(f.held.bytes() > kLimit / 2);
  // Sanitizers' builds do not use the arena.
  CHECK(buffer_arena().held_bytes() <= before + kLimit + PageArena::kSpareBytes + PageArena::kBlockBytes);
  f.source.end_hang();
  CHECK(f.rounds(200) < 200);
  CHECK(f.failed == 0);
  CHECK(f.held.bytes() == 0);
  CHECK(f.source.gets <= 800);  // each chunk twice at most
}

TEST_CASE("what was in memory is let go too when others are waited for", "[held_chunks]") {
  Fixture f;
  const uint64_t before = buffer_arena().held_bytes();
  f.source.at_once = {kFirst};
  f.source.hang = {kFirst + 1};
  f.read_many(200, 2);
  CHECK(f.held.bytes() <= kLimit);
  CHECK(buffer_arena().held_bytes() <= before + kLimit + PageArena::kSpareBytes + PageArena::kBlockBytes);
  f.source.end_hang();
  CHECK(f.rounds(200) < 200);
  CHECK(f.failed == 0);
}

TEST_CASE("reads that have all at hand need no room", "[held_chunks]") {
  Fixture f;
  f.held.set_limit(0);
  f.source.at_once = {kFirst, kFirst + 1, kFirst + 2};
  f.read_many(3, 3);
  CHECK(f.open == 0);
  CHECK(f.source.gets == 9);
}

TEST_CASE("reads of three chunks that come in any order do not wait for each other's room", "[held_chunks]") {
  Fixture f;
  f.read_many(40, 3);
  // All first chunks, then all second ones, then all third ones.
  std::ranges::stable_sort(f.source.waiting, {}, [](const auto& pending) { return entry_of(pending.ref); });
  CHECK(f.rounds(100) < 100);
  CHECK(f.failed == 0);
  CHECK(f.held.bytes() == 0);
}

TEST_CASE("reads that hang give their room to those whose chunks have come", "[held_chunks]") {
  Fixture f;
  f.source.hang = {kFirst + 2};
  f.read_many(10, 3);
  f.source.answer_waiting();
  CHECK(f.held.bytes() > kLimit / 2);
  f.source.hang = {};
  for (int i = 0; i < 30; ++i) f.read(kWide - 4 * uint64_t{kChunkSize}, 3 * kChunkSize);
  CHECK(f.rounds(50) == 50);  // those that hang are open
  CHECK(f.open == 10);
  f.source.end_hang();
  CHECK(f.rounds(50) < 50);
  CHECK(f.failed == 0);
  CHECK(f.held.bytes() == 0);
}

TEST_CASE("a turn that takes too long gives way to the next one", "[held_chunks]") {
  Fixture f;
  f.read_many(30, 2);
  std::ranges::stable_sort(f.source.waiting, {}, [](const auto& pending) { return entry_of(pending.ref); });
  f.source.hang = {kFirst, kFirst + 1};  // when they are asked for again
  f.source.answer_waiting();
  f.source.hang = {};
  const int left = f.open;
  const auto hanging = static_cast<int>(f.source.hanging.size() / 2);
  CHECK(f.held.bytes() <= kLimit);
  CHECK(hanging > 0);
  CHECK(hanging < left);
  CHECK(f.source.waiting.empty());
  for (int i = 0; i < 10; ++i) {
    f.timers.advance(std::chrono::seconds(1));
    f.rounds(10);
  }
  CHECK(f.open == hanging);
  f.source.end_hang();
  CHECK(f.rounds(50) < 50);
  CHECK(f.failed == 0);
  CHECK(f.held.bytes() == 0);
}

TEST_CASE("a read in line asks at its deadline, room or not", "[held_chunks]") {
  Fixture f;
  f.held.set_limit(1);
  f.read_many(3, 2);
  std::ranges::stable_sort(f.source.waiting, {}, [](const auto& pending) { return entry_of(pending.ref); });
  f.source.hang = {kFirst, kFirst + 1};
  f.source.answer_waiting();
  f.timers.advance(std::chrono::seconds(31));
  CHECK(f.source.hanging.size() >= 4);
  f.source.fail_hanging();
  f.timers.advance(std::chrono::seconds(1));
  CHECK(f.open == 0);
  CHECK(f.held.bytes() == 0);
}

TEST_CASE("one read has room, whatever it needs", "[held_chunks]") {
  Fixture f;
  f.held.set_limit(1);
  f.read(kWide, 3 * kChunkSize);
  f.source.answer_waiting();
  CHECK(f.open == 0);
  CHECK(f.source.gets == 3);
}

TEST_CASE("reads that fail at their deadline give their room back", "[held_chunks]") {
  Fixture f;
  f.source.hang = {kFirst + 1};
  f.read_many(20, 2);
  f.source.answer_waiting();
  f.source.fail_hanging();
  CHECK(f.open == 0);
  CHECK(f.failed == 20);
  CHECK(f.held.bytes() == 0);
}

TEST_CASE("a chunk that is asked for again counts for the tier where it was found first", "[held_chunks]") {
  Fixture f;
  f.held.set_limit(0);
  f.source.hang = {kFirst + 1};
  f.read_many(2, 2);
  f.source.answer_waiting();
  f.source.at_once = {kFirst};
  f.source.end_hang();
  f.source.answer_waiting();
  CHECK(f.open == 0);
  CHECK(f.counters.bytes_answered[static_cast<size_t>(Tier::kMemory)] == 0);
}

}  // namespace thaw::held_chunks_test
