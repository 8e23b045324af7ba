#include "cache/flash/flash_store.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <random>

#include "test/cache/flash/flash_fixture.h"

namespace thaw::flash_store_test {
namespace {

constexpr uint32_t kChunk = 512 * 1024;

TEST_CASE("the flash tier keeps what every chunk store keeps") {
  const DiskKind disk = GENERATE(from_range(disk_kinds()));
  const TemporaryFolder folder;
  Flash flash(disk, folder / "log");
  flash.tier.wait_until_written();
  check_chunk_store(flash.tier, [&] { flash.tier.wait_until_written(); });
}

TEST_CASE("what was written is found after a restart, also in the open region") {
  const DiskKind disk = GENERATE(from_range(disk_kinds()));
  const TemporaryFolder folder;
  const std::string path = folder / "log";
  {
    Flash flash(disk, path);
    flash.tier.wait_until_written();
    flash.put(0, 30, kChunk);  // four regions and a part of one
  }
  Flash flash(disk, path);
  flash.tier.wait_until_written();
  CHECK(flash.found(0, 30, kChunk) == 30);
  // It goes on behind the last record.
  flash.put(100, 3, kChunk);
  CHECK(flash.found(0, 30, kChunk) == 30);
  CHECK(flash.found(100, 3, kChunk) == 3);
}

TEST_CASE("a log that is full gives up its oldest regions, and keeps what was read again") {
  const DiskKind disk = GENERATE(from_range(disk_kinds()));
  const TemporaryFolder folder;
  const std::string path = folder / "log";
  uint32_t kept = 0;
  {
    Flash flash(disk, path);
    flash.tier.wait_until_written();
    for (uint32_t i = 0; i < 300; ++i) {
      flash.put(1000 + i, 1, kChunk);
      if (i % 10 == 0) CHECK(flash.found(1000, 1, kChunk) == 1);
    }
    CHECK(flash.found(1290, 10, kChunk) == 10);
    CHECK(flash.found(1001, 20, kChunk) == 0);
    kept = flash.found(1000, 300, kChunk);
    CHECK(kept > 80);
    CHECK(kept <= Flash::kBytes / kChunk);
    CHECK(flash.counters.errors == 0);
    CHECK(flash.counters.evictions == 300 - kept);
  }
  Flash flash(disk, path);
  flash.tier.wait_until_written();
  CHECK(flash.found(1000, 300, kChunk) == kept);
}

TEST_CASE("writes are short, and regions are synced together, with the last one when nothing more comes") {
  const DiskKind disk = GENERATE(from_range(disk_kinds()));
  const TemporaryFolder folder;
  FlashLimits limits = Flash::quick();
  limits.sync_every = std::chrono::seconds(1);
  Flash flash(disk, folder / "log", limits);
  flash.tier.wait_until_written();
  const uint32_t before = flash.faulty.syncs;
  const TimePoint start = steady_clock().now();
  // Seven in a region: ten regions are sealed.
  flash.put(0, 75, kChunk);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(steady_clock().now() - start);
  const uint32_t during = flash.faulty.syncs - before;
  CHECK(during <= 1 + static_cast<uint64_t>(seconds.count()));
  CHECK(flash.faulty.longest_write <= 256 * 1024);
  std::this_thread::sleep_for(std::chrono::milliseconds(2500));
  const uint32_t after = flash.faulty.syncs;
  // Where writing took longer, the last sync may have met all.
  if (seconds.count() == 0) CHECK(after - before == during + 1);
  CHECK(after > before);
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  CHECK(flash.faulty.syncs == after);
  CHECK(flash.counters.errors == 0);
}

TEST_CASE("a flash tier grows and shrinks while it is used, and keeps what still fits") {
  const DiskKind disk = GENERATE(from_range(disk_kinds()));
  const TemporaryFolder folder;
  const std::string path = folder / "log";
  {
    Flash flash(disk, path);
    flash.tier.wait_until_written();
    flash.put(0, 100, kChunk);
    REQUIRE(flash.found(0, 100, kChunk) == 100);
    REQUIRE(flash.tier.resize(33 << 20).ok());
    const uint32_t kept = flash.found(0, 100, kChunk);
    CHECK(kept >= 50);
    CHECK(kept <= 64);
    REQUIRE(resize_disk_file(flash.fd.get(), 33 << 20).ok());
    flash.put(200, 100, kChunk);
    CHECK(flash.found(250, 50, kChunk) >= 40);
    REQUIRE(resize_disk_file(flash.fd.get(), 129 << 20).ok());
    REQUIRE(flash.tier.resize(129 << 20).ok());
    flash.put(400, 150, kChunk);
    CHECK(flash.found(400, 150, kChunk) == 150);
    CHECK_FALSE(flash.tier.resize(1 << 20).ok());
    CHECK(flash.found(400, 150, kChunk) == 150);
    CHECK(flash.counters.errors == 0);
  }
  // Opened with the size that it has by now, it keeps its regions.
  Flash flash(disk, path);
  flash.tier.wait_until_written();
  CHECK(flash.found(400, 150, kChunk) > 50);
}

TEST_CASE("a resize that is given up does not happen later") {
  const DiskKind disk = GENERATE(from_range(disk_kinds()));
  const TemporaryFolder folder;
  FlashLimits limits = Flash::quick();
  limits.resize = Duration::zero();
  Flash flash(disk, folder / "log", limits);
  flash.tier.wait_until_written();
  CHECK(flash.tier.resize(33 << 20).error().code == Code::kTimedOut);
  flash.put(0, 100);
  CHECK(flash.tier.bytes() == Flash::kBytes);
}

TEST_CASE("a flash tier is read while it grows and shrinks") {
  const DiskKind disk = GENERATE(from_range(disk_kinds()));
  const TemporaryFolder folder;
  Flash flash(disk, folder / "log");
  flash.tier.wait_until_written();
  flash.put(0, 16);
  std::atomic<bool> ends = false;
  std::thread reader([&] {
    for (uint32_t i = 0; !ends; ++i) flash.ask(i % 16, Priority::kDemand, 1).wait();
  });
  constexpr uint64_t kHalf = 33ULL << 20;
  for (const uint64_t bytes : {kHalf, Flash::kBytes, kHalf, Flash::kBytes})
    CHECK(flash.tier.resize(bytes).ok());
  ends = true;
  reader.join();
  CHECK(flash.found(0, 16) == 16);
  CHECK(flash.counters.errors == 0);
}

TEST_CASE("another store's log is started anew") {
  const DiskKind disk = GENERATE(from_range(disk_kinds()));
  const TemporaryFolder folder;
  const std::string path = folder / "log";
  {
    Flash flash(disk, path);
    flash.tier.wait_until_written();
    flash.put(0, 4);
  }
  Flash flash(disk, path, Flash::quick(), "another store");
  flash.tier.wait_until_written();
  CHECK(flash.found(0, 4) == 0);
  flash.put(10, 4);
  CHECK(flash.found(10, 4) == 4);
}

TEST_CASE("a log damaged at random never gives a wrong byte, and goes on") {
  const uint64_t seed = GENERATE(1, 2, 3, 4, 5, 6);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const DiskKind disk = GENERATE(from_range(disk_kinds()));
  const TemporaryFolder folder;
  const std::string path = folder / "log";
  {
    Flash flash(disk, path);
    flash.tier.wait_until_written();
    flash.put(0, 60, kChunk);
  }
  {
    const Fd fd(::open(path.c_str(), O_WRONLY));
    Bytes noise(1 + random() % 100'000);
    for (uint8_t& byte : noise) byte = static_cast<uint8_t>(random());
    for (int i = 0; i < 20; ++i) REQUIRE(write_all_at(fd.get(), random() % (40 << 20), noise).ok());
    if (seed % 2 == 0) REQUIRE(::ftruncate(fd.get(), static_cast<off_t>(random() % (40 << 20))) == 0);
  }
  Flash flash(disk, path);
  flash.tier.wait_until_written();
  flash.found(0, 60, kChunk);  // REQUIREs that what is found is right
  flash.put(200, 20, kChunk);
  CHECK(flash.found(200, 20, kChunk) == 20);
}

TEST_CASE("a full disk loses what is written meanwhile, and nothing else") {
  const DiskKind disk = GENERATE(from_range(disk_kinds()));
  const TemporaryFolder folder;
  Flash flash(disk, folder / "log");
  flash.tier.wait_until_written();
  flash.put(0, 8);
  flash.faulty.fail_writes = true;
  flash.put(20, 4);
  CHECK(flash.found(0, 8) == 8);
  CHECK(flash.found(20, 4) == 0);
  CHECK(flash.counters.errors > 0);
  flash.faulty.fail_writes = false;
  while (flash.found(40, 1) == 0) flash.put(40, 1);
  CHECK(flash.found(0, 8) == 8);
}

TEST_CASE("a disk that fails to read is a miss, and is used again when it answers") {
  const DiskKind disk = GENERATE(from_range(disk_kinds()));
  const TemporaryFolder folder;
  Flash flash(disk, folder / "log");
  flash.tier.wait_until_written();
  flash.put(0, 4);
  flash.faulty.fail_reads = true;
  CHECK(flash.found(0, 4) == 0);
  CHECK(flash.counters.errors == 4);
  flash.faulty.fail_reads = false;
  CHECK(flash.found(0, 4) == 4);
}

TEST_CASE("a disk that does not answer is a miss for everybody until it does") {
  const DiskKind disk = GENERATE(from_range(disk_kinds()));
  const TemporaryFolder folder;
  FlashLimits limits = Flash::quick();
  limits.stall = std::chrono::milliseconds(100);
  Flash flash(disk, folder / "log", limits);
  flash.tier.wait_until_written();
  flash.put(0, 4);
  flash.faulty.hold_reads = true;
  CHECK(flash.found(0, 1) == 0);  // after `stall`
  CHECK(flash.tier.state().stalled);
  CHECK(flash.found(1, 3) == 0);  // at once: nothing more is asked
  CHECK(flash.counters.errors == 1);
  flash.faulty.let_go();
  while (flash.tier.state().stalled) std::this_thread::yield();
  while (flash.found(0, 4) < 4) {  // a busy machine may be slower than `stall` once more
  }
}

TEST_CASE("who waits for a disk that does not answer waits no longer than it is tried") {
  const DiskKind disk = GENERATE(from_range(disk_kinds()));
  const TemporaryFolder folder;
  FlashLimits limits = Flash::quick();
  limits.stall = std::chrono::milliseconds(100);
  limits.reads = {1, 1, 1};
  limits.reads_waiting = 2;
  Flash flash(disk, folder / "log", limits);
  flash.tier.wait_until_written();
  flash.put(0, 4);
  flash.faulty.hold_reads = true;
  auto reading = flash.ask(0, Priority::kDemand, 1);
  auto first = flash.ask(1, Priority::kDemand, 1);
  auto second = flash.ask(2, Priority::kDemand, 1);
  CHECK_FALSE(flash.ask(3, Priority::kDemand, 1).get());  // more may not wait
  CHECK_FALSE(reading.get());
  CHECK_FALSE(first.get());
  CHECK_FALSE(second.get());
  CHECK(flash.counters.errors == 1);
}

TEST_CASE("no more is written than the daily budget allows") {
  const DiskKind disk = GENERATE(from_range(disk_kinds()));
  const TemporaryFolder folder;
  FlashLimits limits = Flash::quick();
  limits.daily_rewrites = 1;
  Flash flash(disk, folder / "log", limits);
  flash.tier.wait_until_written();
  flash.put(0, 400, kChunk);
  const FlashStore::State state = flash.tier.state();
  CHECK(state.written_bytes >= Flash::kBytes - kChunk);
  CHECK(state.written_bytes <= Flash::kBytes + (4 << 20));
  CHECK(state.dropped > 200);
}

TEST_CASE("a process that is killed leaves the next one no new daily budget") {
  const DiskKind disk = GENERATE(from_range(disk_kinds()));
  const TemporaryFolder folder;
  FlashLimits limits = Flash::quick();
  limits.daily_rewrites = 1;
  uint64_t written = 0;
  for (uint32_t process = 0; process < 3; ++process) {
    const std::string path = folder / ("log" + std::to_string(process));
    Flash flash(disk, path, limits);
    flash.tier.wait_until_written();
    flash.put(1000 * process, 150, kChunk);
    written += flash.tier.state().written_bytes;
    // As it lies there while the process lives.
    const std::string next = folder / ("log" + std::to_string(process + 1));
    REQUIRE(std::filesystem::copy_file(path, next));
  }
  CHECK(written >= Flash::kBytes - kChunk);
  CHECK(written <= Flash::kBytes + (12 << 20));
}

TEST_CASE("a budget that is raised leaves more at once, and one that is lowered no debt") {
  FlashAdmission budget(FlashRule::kAll, 100, TimePoint());
  budget.spend(100);
  CHECK(budget.left(TimePoint()) == 0);
  budget.set_daily(1000);
  CHECK(budget.left(TimePoint()) == 900);
  budget.spend(900);
  budget.set_daily(100);
  CHECK(budget.left(TimePoint() + std::chrono::hours(12)) == 50);
  budget.resume(80, std::chrono::hours(6), TimePoint());
  CHECK(budget.left(TimePoint()) == 45);
  CHECK(budget.left(TimePoint() + std::chrono::hours(48)) == 100);
}

TEST_CASE("who offers a chunk hears what becomes of it") {
  const DiskKind disk = GENERATE(from_range(disk_kinds()));
  const TemporaryFolder folder;
  FlashLimits limits = Flash::quick();
  limits.pending_bytes = kChunk;
  limits.batch_wait = std::chrono::milliseconds(200);
  limits.rule = FlashRule::kSecond;
  Flash flash(disk, folder / "log", limits);
  flash.tier.wait_until_written();
  using Offer = FlashStore::Offer;
  // Made before: all is offered within `batch_wait`.
  const SealedChunk first = sample_chunk(0, kChunk);
  const SealedChunk second = sample_chunk(1, kChunk);
  CHECK(flash.tier.offer(first) == Offer::kTaken);
  CHECK(flash.tier.offer(first) == Offer::kTaken);  // once, while it waits
  CHECK(flash.tier.offer(second) == Offer::kFull);
  flash.tier.wait_until_written();
  CHECK(flash.tier.offer(first) == Offer::kKept);
  CHECK(flash.tier.state().written_bytes < 2 * kChunk);
  flash.faulty.fail_writes = true;
  CHECK(flash.tier.offer(sample_chunk(2, kChunk)) == Offer::kTaken);
  flash.tier.wait_until_written();
  flash.faulty.fail_writes = false;
  Offer again = Offer::kAway;
  while (again != Offer::kKept) again = flash.tier.offer(sample_chunk(2, kChunk));
  flash.tier.set_admission(FlashRule::kAll, 0);
  CHECK(flash.tier.offer(sample_chunk(3, kChunk)) == Offer::kSpent);
}

TEST_CASE("rule and daily budget may change while it runs") {
  const DiskKind disk = GENERATE(from_range(disk_kinds()));
  const TemporaryFolder folder;
  Flash flash(disk, folder / "log", Flash::quick());
  flash.tier.wait_until_written();
  flash.tier.set_admission(FlashRule::kSecond, 10);
  flash.put(0, 4);
  CHECK(flash.found(0, 4) == 0);
  flash.tier.set_admission(FlashRule::kAll, 10);
  flash.put(0, 4);
  CHECK(flash.found(0, 4) == 4);
  flash.tier.set_admission(FlashRule::kAll, 1);
  flash.put(4, 400, kChunk);
  CHECK(flash.tier.state().dropped > 200);
}

TEST_CASE("the stricter rule writes what is fetched a second time") {
  const DiskKind disk = GENERATE(from_range(disk_kinds()));
  const TemporaryFolder folder;
  FlashLimits limits = Flash::quick();
  limits.rule = FlashRule::kSecond;
  Flash flash(disk, folder / "log", limits);
  flash.tier.wait_until_written();
  flash.put(0, 4);
  CHECK(flash.found(0, 4) == 0);
  flash.put(0, 4);
  CHECK(flash.found(0, 4) == 4);
}

}  // namespace
}  // namespace thaw::flash_store_test
