#include "lib/image/image_reader.h"

#include <catch2/catch.hpp>

#include "cache/memory_store.h"
#include "cache/read_through.h"
#include "lib/base/units.h"
#include "test/fakes/fake_source.h"
#include "test/fakes/manual_timers.h"
#include "test/fakes/sample_image.h"

namespace thaw::image_reader_test {
namespace {

constexpr uint32_t kChunkSize = 64 * 1024;

struct Fixture {
  SealedChunk chunk(size_t entry) const {
    return SealedChunk::verify(image.map->entries.at(entry).ref, Buffer::copy_of(image.ciphertexts.at(entry)))
        .value();
  }
  void fill_memory() {
    for (size_t i = 0; i < image.ciphertexts.size(); ++i) memory.put(chunk(i));
  }
  void answer_next() {
    const ChunkRef ref = lower.pending.front().ref;
    for (size_t i = 0; i < image.map->entries.size(); ++i) {
      if (image.map->entries[i].ref == ref) return lower.answer(chunk(i));
    }
  }
  void read(uint64_t offset, uint32_t length) { reader->read(offset, length, {}, answer.completion()); }
  // What was answered changed in memory, and is asked for once more.
  void read_damaged_again() {
    REQUIRE(answer.good());
    Bytes bytes(answer.value().length());
    ReadableRange range = std::move(answer.value());
    REQUIRE(range.copy_to(bytes).error().code == Code::kDamaged);
    answer = {};
    reader->read_again(std::move(range), {}, answer.completion());
  }
  // In memory.
  void flip_bit(size_t entry, size_t at) {
    const SealedChunk kept = *memory.look_up(image.map->entries[entry].ref);
    const_cast<uint8_t*>(kept.bytes().data())[at] ^= 4;
  }
  void check_bytes(uint64_t offset, uint32_t expected_length) {
    REQUIRE(answer.good());
    REQUIRE(answer.value().length() == expected_length);
    Bytes bytes(expected_length, 0xEE);
    REQUIRE(answer.value().copy_to(bytes).ok());
    CHECK(image.holds(offset, bytes));
  }

  SampleImage image = sample_image(12, kChunkSize, 3, 1000);
  TierCounters tier{};
  ImageCounters counters{};
  MemoryStore memory{{16 * kMiB}, tier};
  FakeSource lower;
  ReadThrough chain{memory, Tier::kMemory, lower, tier};
  ReadAheadBudget budget{{.bytes = 0}};
  ManualTimers held_timers;
  HeldChunks held{16 * kMiB, held_timers};
  std::unique_ptr<ImageReader> reader =
      std::make_unique<ImageReader>(image.map, ImageReader::Parts{chain, memory, budget, held, counters});
  Answer<ReadableRange> answer;
};

}  // namespace

TEST_CASE("every range reads as the device has it", "[image_reader]") {
  Fixture f;
  f.fill_memory();
  std::mt19937_64 random(1);
  for (int i = 0; i < 500; ++i) {
    f.answer = {};
    const uint64_t offset = random() % f.image.map->device_size;
    const auto length = static_cast<uint32_t>(random() % (4 * kChunkSize));
    f.read(offset, length);
    f.check_bytes(offset,
                  static_cast<uint32_t>(std::min<uint64_t>(length, f.image.map->device_size - offset)));
  }
  CHECK(f.lower.gets == 0);
}

TEST_CASE("what is not in memory is guessed from, what is there is not", "[image_reader]") {
  Fixture f;
  ManualTimers timers;
  ReadAheadBudget enough{{.bytes = 16 * kMiB}};
  const auto nearby =
      std::make_shared<NearbyReads>(f.image.map, AheadParts{f.chain, enough, f.counters}, timers);
  std::vector<uint32_t> places;
  for (const ImageMap::Entry& entry : f.image.map->entries) places.push_back(entry.index);
  nearby->learn(places);
  f.reader = std::make_unique<ImageReader>(
      f.image.map,
      ImageReader::Parts{f.chain, f.memory, f.budget, f.held, f.counters, nullptr, nearby.get()});
  f.read(uint64_t{places[3]} * kChunkSize, 4096);
  CHECK(f.lower.pending.size() == 3);
  CHECK(f.lower.pending.back().fetch.priority == Priority::kReadAhead);
  f.fill_memory();
  f.read(uint64_t{places[6]} * kChunkSize, 4096);
  CHECK(f.lower.pending.size() == 3);
  // All of it goes before what it refers to.
  while (!f.lower.pending.empty()) f.lower.answer(Error{Code::kCancelled, "the test ends"});
}

TEST_CASE("zeros need no chunk", "[image_reader]") {
  Fixture f;
  f.read(kChunkSize, kChunkSize);  // a chunk of zeros
  f.check_bytes(kChunkSize, kChunkSize);
  f.answer = {};
  f.read(3 * kChunkSize - 4096, 4096);  // after what the third chunk stores
  f.check_bytes(3 * kChunkSize - 4096, 4096);
  CHECK(f.lower.gets == 0);
}

TEST_CASE("reads are clipped at the device's end", "[image_reader]") {
  Fixture f;
  f.fill_memory();
  const uint64_t end = f.image.map->device_size;
  f.read(end - 10, 4096);
  f.check_bytes(end - 10, 10);
  for (const uint64_t beyond : {end, end + 1, ~uint64_t{0} - 100}) {
    f.answer = {};
    f.read(beyond, 4096);
    REQUIRE(f.answer.good());
    CHECK(f.answer.value().length() == 0);
  }
}

TEST_CASE("a read waits for all its chunks, in whatever order they come", "[image_reader]") {
  Fixture f;
  f.read(2 * kChunkSize, 3 * kChunkSize);
  REQUIRE(f.lower.pending.size() == 3);
  std::swap(f.lower.pending[0], f.lower.pending[2]);
  f.answer_next();
  f.answer_next();
  CHECK(f.answer.times == 0);
  f.answer_next();
  f.check_bytes(2 * kChunkSize, 3 * kChunkSize);
  CHECK(f.counters.chunks_fetched[static_cast<size_t>(Tier::kOrigin)] == 3);
  CHECK(f.counters.bytes_read() == 3 * kChunkSize);
  // Chunk 2 stores less than a whole one; the rest was zeros.
  const uint64_t answered = f.counters.bytes_answered[static_cast<size_t>(Tier::kOrigin)];
  CHECK(answered + f.counters.zeros_answered == 3 * kChunkSize);
  CHECK(f.counters.bytes_fetched[static_cast<size_t>(Tier::kOrigin)] >= answered);
  CHECK(f.counters.zeros_answered > 0);
  CHECK(f.counters.bytes_answered[static_cast<size_t>(Tier::kMemory)] == 0);
}

TEST_CASE("a chunk that several reads waited for was fetched once", "[image_reader]") {
  Fixture f;
  Answer<ReadableRange> second;
  f.read(2 * kChunkSize, 4096);  // the second chunk that is stored: one of zeros lies before it
  f.reader->read(2 * kChunkSize, 4096, {}, second.completion());
  REQUIRE(f.lower.pending.size() == 2);
  Fetched joined{f.chunk(1), Tier::kOrigin};
  REQUIRE(joined.chunk.ref() == f.lower.pending.front().ref);
  joined.journey.joined = true;
  f.lower.answer(joined);
  f.answer_next();
  CHECK(f.counters.chunks_fetched[static_cast<size_t>(Tier::kOrigin)] == 1);
  CHECK(f.counters.bytes_fetched[static_cast<size_t>(Tier::kOrigin)] == f.chunk(1).stored_length());
  CHECK(f.counters.bytes_answered[static_cast<size_t>(Tier::kOrigin)] == 2 * 4096);
}

TEST_CASE("one chunk that fails fails the read once, after the others", "[image_reader]") {
  Fixture f;
  f.read(2 * kChunkSize, 3 * kChunkSize);
  f.lower.answer(Error{Code::kTimedOut, "late"});
  f.lower.answer(Error{Code::kDamaged, "bad"});
  CHECK(f.answer.times == 0);
  f.answer_next();
  CHECK(f.answer.has(Code::kTimedOut));
  CHECK(f.counters.bytes_read() == 0);
}

TEST_CASE("the reader may go while a read is open", "[image_reader]") {
  Fixture f;
  f.read(0, 4096);
  f.reader.reset();
  f.answer_next();
  f.check_bytes(0, 4096);
}

TEST_CASE("a chunk whose bits flipped in memory is fetched again, and never read wrong", "[image_reader]") {
  Fixture f;
  f.fill_memory();
  f.flip_bit(0, 5000);
  f.read(0, 4096);  // another page than the flipped one
  f.check_bytes(0, 4096);
  f.answer = {};
  f.read(4096, 4096);
  f.read_damaged_again();
  REQUIRE(f.lower.pending.size() == 1);
  f.answer_next();
  f.check_bytes(4096, 4096);
  CHECK(f.tier.errors == 1);
  f.answer = {};
  f.read(4096, 4096);
  f.check_bytes(4096, 4096);
  CHECK(f.lower.gets == 1);
}

TEST_CASE("a bit that flips while a read waits for another chunk is noticed", "[image_reader]") {
  Fixture f;
  f.memory.put(f.chunk(1));  // the third on the device; the next is stored as well
  f.read(2 * kChunkSize, 2 * kChunkSize);
  REQUIRE(f.lower.pending.size() == 1);
  f.flip_bit(1, 0);
  f.answer_next();
  f.read_damaged_again();
  REQUIRE(f.answer.times == 0);
  f.answer_next();
  f.check_bytes(2 * kChunkSize, 2 * kChunkSize);
  // Counted once.
  CHECK(f.counters.bytes_read() == 2 * kChunkSize);
}

TEST_CASE("memory whose bits flip again and again is an error", "[image_reader]") {
  Fixture f;
  f.fill_memory();
  f.read(2 * kChunkSize, 2 * kChunkSize);
  for (int i = 0; i < 3; ++i) {
    f.flip_bit(1, 0);
    f.read_damaged_again();
    f.answer_next();
  }
  f.flip_bit(1, 0);
  f.read_damaged_again();
  CHECK(f.answer.has(Code::kDamaged));
  CHECK(f.lower.pending.empty());
}

}  // namespace thaw::image_reader_test
