#include "lib/image/read_ahead.h"

#include <catch2/catch.hpp>

#include <random>
#include <set>

#include "test/fakes/fake_source.h"
#include "test/fakes/sample_chunks.h"
#include "test/lib/image/numbered_map.h"

namespace thaw::read_ahead_test {
namespace {

constexpr uint32_t kChunkSize = kNumberedChunk;
constexpr uint32_t kWindow = 16;

struct Fixture {
  std::set<uint32_t> asked() const {
    std::set<uint32_t> all;
    for (const auto& pending : source.pending) all.insert(number_of(pending.ref));
    return all;
  }
  void read_in_order(uint64_t begin, uint64_t end, uint32_t length) {
    for (uint64_t offset = begin; offset < end; offset += length)
      ahead.observe({offset, length, Served::kWaited}, {});
  }

  ReadAheadBudget budget{{.bytes = uint64_t{64} * kChunkSize, .chunks = kWindow}};
  FakeSource source;
  ImageCounters counters{};
  ReadAhead ahead{numbered_map(1000), {source, budget, counters}};
};

}  // namespace

TEST_CASE("reading in order asks for the next chunks, each once, more with every chunk", "[read_ahead]") {
  Fixture f;
  f.read_in_order(0, 256 * 1024, 128 * 1024);
  CHECK(f.asked() == std::set<uint32_t>{1});
  CHECK(f.source.pending[0].fetch.priority == Priority::kReadAhead);
  f.read_in_order(256 * 1024, kChunkSize + 4096, 128 * 1024);
  CHECK(f.asked() == std::set<uint32_t>{1, 2, 3});
  f.read_in_order(kChunkSize + 128 * 1024, uint64_t{20} * kChunkSize, 128 * 1024);
  CHECK(f.asked().size() == f.source.pending.size());
  CHECK(*f.asked().rbegin() == 19 + kWindow);
  CHECK(f.asked().size() == 19 + kWindow);
}

TEST_CASE("who does not have to wait is not read ahead further", "[read_ahead]") {
  Fixture f;
  const auto read = [&f](uint64_t chunk, Served served) {
    f.ahead.observe({chunk * kChunkSize, kChunkSize, served}, {});
  };
  for (uint64_t chunk = 0; chunk < 4; ++chunk) read(chunk, Served::kWaited);
  const uint32_t reached = *f.asked().rbegin();
  for (uint64_t chunk = 4; chunk < 20; ++chunk) read(chunk, Served::kAtOnce);
  CHECK(*f.asked().rbegin() == reached + 16);
  for (uint64_t chunk = 20; chunk < 40; ++chunk) read(chunk, Served::kWaited);
  CHECK(*f.asked().rbegin() == 39 + kWindow);
}

TEST_CASE("small reads in order are noticed too, and slight disorder is forgiven", "[read_ahead]") {
  Fixture f;
  SECTION("4 KiB") { f.read_in_order(0, 300 * 1024, 4096); }
  SECTION("two threads that swap neighbours") {
    for (uint64_t i = 0; i < 4; i += 2) {
      f.ahead.observe({(i + 1) * 128 * 1024, 128 * 1024, Served::kWaited}, {});
      f.ahead.observe({i * 128 * 1024, 128 * 1024, Served::kWaited}, {});
    }
  }
  CHECK(f.asked().contains(1));
}

TEST_CASE("reads at random, and reads of one place, trigger nothing", "[read_ahead]") {
  Fixture f;
  std::mt19937_64 random(7);
  for (int i = 0; i < 20000; ++i) f.ahead.observe({random() % 125000 * 4096, 4096, Served::kWaited}, {});
  for (int i = 0; i < 1000; ++i) f.ahead.observe({8192, 4096, Served::kWaited}, {});
  CHECK(f.source.gets == 0);
}

TEST_CASE("several readers in order are told apart", "[read_ahead]") {
  Fixture f;
  for (uint64_t i = 0; i < 3; ++i) {
    for (uint64_t reader = 0; reader < 4; ++reader) {
      f.ahead.observe({reader * 100 * kChunkSize + i * 128 * 1024, 128 * 1024, Served::kWaited}, {});
    }
  }
  CHECK(f.asked() == std::set<uint32_t>{1, 101, 201, 301});
}

TEST_CASE("read-ahead stays inside its budget and gives it back", "[read_ahead]") {
  Fixture f;
  ReadAheadBudget small({.bytes = uint64_t{3} * kChunkSize});
  ReadAhead ahead(numbered_map(1000), {f.source, small, f.counters});
  for (uint64_t i = 0; i < 100; ++i) ahead.observe({i * 128 * 1024, 128 * 1024, Served::kWaited}, {});
  CHECK(f.source.pending.size() == 3);
  CHECK(small.used() == uint64_t{3} * kChunkSize);
  while (!f.source.pending.empty()) f.source.answer(Error{Code::kCancelled, "dropped"});
  CHECK(small.used() == 0);
  for (uint64_t i = 100; i < 120; ++i) ahead.observe({i * 128 * 1024, 128 * 1024, Served::kWaited}, {});
  CHECK(f.source.pending.size() == 3);
}

TEST_CASE("what the budget had no room for is asked for next, before what lies behind it", "[read_ahead]") {
  Fixture f;
  ReadAheadBudget small({.bytes = uint64_t{4} * kChunkSize, .chunks = kWindow});
  ReadAhead ahead(numbered_map(1000), {f.source, small, f.counters});
  std::set<uint32_t> asked;
  for (uint64_t chunk = 0; chunk < 40; ++chunk) {
    ahead.observe({chunk * kChunkSize, kChunkSize, Served::kWaited}, {});
    while (!f.source.pending.empty()) {
      asked.insert(number_of(f.source.pending.front().ref));
      f.source.answer(Error{Code::kCancelled, "dropped"});
    }
  }
  for (uint32_t chunk = 2; chunk < 40; ++chunk) {
    CAPTURE(chunk);
    CHECK(asked.contains(chunk));
  }
}

TEST_CASE("how far ahead it reads is a limit that may change", "[read_ahead]") {
  Fixture f;
  f.budget.set_limits({.bytes = uint64_t{64} * kChunkSize, .chunks = 3});
  f.read_in_order(0, uint64_t{20} * kChunkSize, 128 * 1024);
  CHECK(*f.asked().rbegin() == 19 + 3);
  f.budget.set_limits({.bytes = uint64_t{64} * kChunkSize, .chunks = 0});
  f.read_in_order(uint64_t{20} * kChunkSize, uint64_t{40} * kChunkSize, 128 * 1024);
  CHECK(*f.asked().rbegin() == 19 + 3);
  f.budget.set_limits({.bytes = 0, .chunks = 16});
  f.read_in_order(uint64_t{40} * kChunkSize, uint64_t{60} * kChunkSize, 128 * 1024);
  CHECK(*f.asked().rbegin() == 19 + 3);
}

TEST_CASE("what was read ahead counts as fetched from its tier", "[read_ahead]") {
  Fixture f;
  f.read_in_order(0, 256 * 1024, 128 * 1024);
  f.source.answer(sample_chunk(1));
  CHECK(f.counters.chunks_fetched[static_cast<size_t>(Tier::kOrigin)] == 1);
}

TEST_CASE("at the device's end there is nothing more to read ahead", "[read_ahead]") {
  Fixture f;
  f.read_in_order(uint64_t{997} * kChunkSize, uint64_t{1000} * kChunkSize, 128 * 1024);
  CHECK(f.asked() == std::set<uint32_t>{998, 999});
}

}  // namespace thaw::read_ahead_test
