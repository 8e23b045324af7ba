#include <catch2/catch.hpp>
#include <future>

#include "test/cache/flash/flash_fixture.h"

namespace thaw::flash_queue_test {
namespace {

// A disk that takes its time is no stalled one.
FlashLimits patient_with(const Slots::Caps& reads) {
  FlashLimits limits = Flash::quick();
  limits.stall = std::chrono::seconds(60);
  limits.reads = reads;
  return limits;
}

using Answers = std::vector<std::future<bool>>;

void ask_for(Flash& flash, uint32_t first, uint32_t count, Priority priority, uint64_t mount,
             Answers& answers) {
  for (uint32_t i = first; i < first + count; ++i) answers.push_back(flash.ask(i, priority, mount));
}

}  // namespace

TEST_CASE("who asks for more than may be read at once waits, and keeps nobody else from the disk") {
  const DiskKind disk = GENERATE(from_range(disk_kinds()));
  const TemporaryFolder folder;
  Flash flash(disk, folder / "log", patient_with({8, 4, 6}));
  flash.tier.wait_until_written();
  flash.put(0, 60);
  flash.faulty.hold_reads = true;
  Answers found;
  ask_for(flash, 0, 20, Priority::kPrefetch, 1, found);
  CHECK(flash.faulty.held() == 4);
  ask_for(flash, 20, 20, Priority::kDemand, 1, found);
  CHECK(flash.faulty.held() == 6);
  ask_for(flash, 40, 20, Priority::kDemand, 2, found);
  CHECK(flash.faulty.held() == 8);
  flash.faulty.let_go();
  for (auto& chunk : found) CHECK(chunk.get());
  CHECK(flash.tier.buffered_bytes() == 0);
}

TEST_CASE("a reader who joins a prefetch that waits for the disk raises it") {
  const DiskKind disk = GENERATE(from_range(disk_kinds()));
  const TemporaryFolder folder;
  Flash flash(disk, folder / "log", patient_with({2, 1, 2}));
  flash.tier.wait_until_written();
  flash.put(0, 6);
  flash.faulty.hold_reads = true;
  Answers found;
  ask_for(flash, 0, 6, Priority::kPrefetch, 1, found);
  CHECK(flash.faulty.held() == 1);
  const Fetch reader{steady_clock().now() + std::chrono::seconds(30), Priority::kDemand, 2, {}};
  flash.tier.expedite(flash.ref_of(4, 8192), reader);
  CHECK(flash.faulty.held() == 2);
  flash.tier.expedite(flash.ref_of(0, 8192), reader);  // the disk has it: its slot stays what it was
  CHECK(flash.faulty.held() == 2);
  flash.faulty.let_go();
  for (auto& chunk : found) CHECK(chunk.get());
  CHECK(flash.tier.buffered_bytes() == 0);
}

TEST_CASE("more may be read at once from when the limit is raised") {
  const DiskKind disk = GENERATE(from_range(disk_kinds()));
  const TemporaryFolder folder;
  Flash flash(disk, folder / "log", patient_with({1, 1, 1}));
  flash.tier.wait_until_written();
  flash.put(0, 20);
  flash.faulty.hold_reads = true;
  Answers found;
  ask_for(flash, 0, 20, Priority::kDemand, 1, found);
  CHECK(flash.faulty.held() == 1);
  flash.tier.set_read_slots({8, 4, 6});
  CHECK(flash.faulty.held() == 6);
  flash.faulty.let_go();
  for (auto& chunk : found) CHECK(chunk.get());
}

}  // namespace thaw::flash_queue_test
