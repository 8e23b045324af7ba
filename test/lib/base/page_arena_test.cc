#include "lib/base/page_arena.h"

#include <sys/mman.h>
#include <algorithm>
#include <catch2/catch.hpp>
#include <deque>
#include <random>
#include <vector>

namespace thaw::page_arena_test {
namespace {

constexpr size_t kPage = PageArena::kPageBytes;

struct Run {
  uint8_t* start;
  size_t bytes;
  uint8_t mark;
};

// Of the run's pages, whether it is in use or was freed.
uint64_t resident_bytes(const Run& run) {
  std::vector<unsigned char> pages(run.bytes / kPage);
  REQUIRE(::mincore(run.start, run.bytes, pages.data()) == 0);
  return kPage * static_cast<uint64_t>(
                     std::ranges::count_if(pages, [](unsigned char page) { return (page & 1) != 0; }));
}

void fill(const Run& run) { std::fill(run.start, run.start + run.bytes, run.mark); }
bool intact(const Run& run) {
  return std::all_of(run.start, run.start + run.bytes, [&run](uint8_t byte) { return byte == run.mark; });
}

TEST_CASE("runs are page-aligned, do not overlap, and keep their bytes while others come and go") {
  PageArena arena;
  std::mt19937 random(1);
  std::deque<Run> runs;
  for (int i = 0; i < 2000; ++i) {
    const size_t bytes = 1 + random() % (512 * 1024);
    Run run{arena.allocate(bytes), bytes, static_cast<uint8_t>(i)};
    REQUIRE(reinterpret_cast<uintptr_t>(run.start) % kPage == 0);
    fill(run);
    runs.push_back(run);
    if (runs.size() <= 64) continue;
    std::swap(runs.front(), runs.at(random() % runs.size()));
    REQUIRE(intact(runs.front()));
    arena.free(runs.front().start, runs.front().bytes);
    runs.pop_front();
  }
  for (const Run& run : runs) {
    CHECK(intact(run));
    arena.free(run.start, run.bytes);
  }
  CHECK(arena.held_bytes() <= PageArena::kSpareBytes);
}

TEST_CASE("what is freed is used again before new memory is taken") {
  PageArena arena;
  std::vector<uint8_t*> chunks(256);
  for (uint8_t*& chunk : chunks) chunk = arena.allocate(512 * 1024);
  const uint64_t held = arena.held_bytes();
  CHECK(held == 256 * 512 * 1024);
  for (int round = 0; round < 1000; ++round) {
    uint8_t*& chunk = chunks.at(static_cast<size_t>(round * 7) % chunks.size());
    arena.free(chunk, 512 * 1024);
    chunk = arena.allocate(512 * 1024);
  }
  CHECK(arena.held_bytes() == held);
  for (uint8_t* chunk : chunks) arena.free(chunk, 512 * 1024);
}

// What a tier of chunks of all lengths costs above their bytes.
TEST_CASE("holes between runs of all lengths stay below a quarter of what is used") {
  PageArena arena;
  std::mt19937 random(7);
  std::deque<Run> runs;
  uint64_t used = 0;
  double worst = 0;
  for (int i = 0; i < 20000; ++i) {
    const size_t bytes = kPage * (1 + random() % 128);
    runs.push_back({arena.allocate(bytes), bytes, 0});
    used += bytes;
    while (used > 128ULL << 20) {
      std::swap(runs.front(), runs.at(random() % (runs.size() / 4)));
      arena.free(runs.front().start, runs.front().bytes);
      used -= runs.front().bytes;
      runs.pop_front();
    }
    if (i > 2000)
      worst = std::max(worst, static_cast<double>(arena.held_bytes()) / static_cast<double>(used));
  }
  CHECK(worst < 1.25);
  for (const Run& run : runs) arena.free(run.start, run.bytes);
}

TEST_CASE("memory that nobody uses goes back to the kernel") {
  PageArena arena;
  const size_t bytes = 128 << 20;
  const Run run{arena.allocate(bytes), bytes, 1};
  fill(run);
  REQUIRE(resident_bytes(run) == bytes);
  arena.free(run.start, bytes);
  CHECK(resident_bytes(run) <= PageArena::kSpareBytes);
}

TEST_CASE("a run larger than a segment gets a segment of its own") {
  PageArena arena;
  const size_t bytes = 2 * PageArena::kSegmentBytes + kPage;
  uint8_t* start = arena.allocate(bytes);
  start[0] = 1;
  start[bytes - 1] = 1;
  arena.free(start, bytes);
}

}  // namespace
}  // namespace thaw::page_arena_test
