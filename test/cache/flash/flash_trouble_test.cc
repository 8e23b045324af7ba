// A flash device that is away, and one that cannot be written.
#include <catch2/catch.hpp>

#include "test/cache/flash/flash_fixture.h"

namespace thaw::flash_trouble_test {

TEST_CASE("a device that is away is a miss, is tried ever more rarely and has its chunks when it comes") {
  const DiskKind disk = GENERATE(from_range(disk_kinds()));
  const TemporaryFolder folder;
  {
    Flash flash(disk, folder / "log");
    flash.tier.wait_until_written();
    flash.put(0, 8);
  }
  Flash::away = true;
  Flash flash(disk, folder / "log");
  while (flash.tries < 4) std::this_thread::yield();
  CHECK(flash.found(0, 8) == 0);
  CHECK(flash.tier.offer(sample_chunk(20, 8192)) == FlashStore::Offer::kAway);
  CHECK_FALSE(flash.tier.state().ready);
  CHECK(flash.tier.state().error == "no such device");
  Flash::away = false;
  flash.tier.wait_until_written();
  CHECK(flash.tier.state().error.empty());
  CHECK(flash.found(0, 8) == 8);
  flash.put(20, 4);
  CHECK(flash.found(20, 4) == 4);
  CHECK(flash.list_of(flash.told_opened) == std::vector<std::string>{"no such device", "ok"});
}

TEST_CASE("who asks for it has a device that is away tried again at once") {
  const DiskKind disk = GENERATE(from_range(disk_kinds()));
  const TemporaryFolder folder;
  FlashLimits limits = Flash::quick();
  limits.pause = limits.longest_pause = std::chrono::hours(1);
  Flash::away = true;
  Flash flash(disk, folder / "log", limits);
  while (flash.tier.state().error.empty()) std::this_thread::yield();
  Flash::away = false;
  flash.tier.try_again();
  flash.tier.wait_until_written();
  CHECK(flash.tries == 2);
}

TEST_CASE("a log that cannot be read is opened anew, and is read when it can be") {
  const DiskKind disk = GENERATE(from_range(disk_kinds()));
  const TemporaryFolder folder;
  Flash::away = true;
  Flash flash(disk, folder / "log");
  flash.faulty.fail_reads = true;
  Flash::away = false;
  while (flash.tier.state().error != "read: Input/output error") std::this_thread::yield();
  flash.faulty.fail_reads = false;
  flash.tier.wait_until_written();
  CHECK(flash.tries >= 2);
  CHECK(flash.list_of(flash.told_opened).back() == "ok");
}

TEST_CASE("a log that is opened anew goes by what is there, and not by what it saw before") {
  constexpr uint32_t kChunk = 512 * 1024;
  const DiskKind kind = GENERATE(from_range(disk_kinds()));
  const TemporaryFolder folder;
  {
    Flash flash(kind, folder / "log");
    flash.tier.wait_until_written();
    flash.put(0, 100, kChunk);  // seven in a region: the fifteenth is open
  }
  const Fd fd = open_disk_file(folder / "log").value();
  RunningDiskFile disk(kind, fd.get());
  FaultyDiskFile faulty(disk.file());
  FlashIndex index;
  FlashLog log(faulty, index, sha256(as_bytes("store")));
  faulty.fail_writes = true;
  CHECK_FALSE(log.open(2 * Flash::kBytes).ok());  // another size is noted
  faulty.fail_writes = false;
  REQUIRE(log.open(Flash::kBytes / 2).ok());
  const uint32_t regions = log.geometry().regions;
  REQUIRE(log.append({sample_chunk(500, kChunk)}).ok());
  REQUIRE(index.find(sample_ref(500, kChunk)));
  CHECK(index.find(sample_ref(500, kChunk))->region < regions);
}

TEST_CASE("trouble with writing is told once, counted each time, and told when it ends") {
  const DiskKind disk = GENERATE(from_range(disk_kinds()));
  const TemporaryFolder folder;
  FlashLimits limits = Flash::quick();
  limits.trouble = Duration::zero();
  Flash flash(disk, folder / "log", limits);
  flash.tier.wait_until_written();
  flash.put(0, 8);
  CHECK(flash.list_of(flash.told_written).empty());
  flash.faulty.fail_writes = true;
  while (flash.tier.state().writes_failed < 3) flash.put(20, 1);
  CHECK(flash.tier.state().error == "write: No space left on device");
  CHECK(flash.counters.errors >= 3);
  flash.faulty.fail_writes = false;
  while (flash.found(20, 1) == 0) flash.put(20, 1);
  CHECK(flash.tier.state().error.empty());
  CHECK(flash.list_of(flash.told_written) ==
        std::vector<std::string>{"write: No space left on device", "ok"});
}

TEST_CASE("a disk that takes some writes and others not is told of once") {
  const DiskKind disk = GENERATE(from_range(disk_kinds()));
  const TemporaryFolder folder;
  FlashLimits limits = Flash::quick();
  limits.trouble = std::chrono::hours(1);
  Flash flash(disk, folder / "log", limits);
  flash.tier.wait_until_written();
  for (uint32_t i = 1; i <= 3; ++i) {
    flash.faulty.fail_writes = true;
    while (flash.tier.state().writes_failed < i) flash.put(20 * i, 1);
    flash.faulty.fail_writes = false;
    while (flash.found(20 * i, 1) == 0) flash.put(20 * i, 1);
  }
  CHECK(flash.list_of(flash.told_written).size() == 1);
}

TEST_CASE("a place that cannot be written is gone round, and what was written before it is kept") {
  const DiskKind disk = GENERATE(from_range(disk_kinds()));
  const TemporaryFolder folder;
  const std::string path = folder / "log";
  const FlashGeometry geometry = FlashGeometry::of(Flash::kBytes);
  const uint32_t page = GENERATE_COPY(90U, geometry.record_pages());  // of a record, of the footer
  const uint32_t more = geometry.max_records() * 2;
  {
    Flash flash(disk, path);
    flash.tier.wait_until_written();
    flash.put(0, 8);
    flash.faulty.bad_place = geometry.region_offset(0) + page * kFlashPage;
    for (uint32_t i = 0; i < more; ++i) {
      flash.put(20 + i, 1);
      flash.tier.wait_until_written();
    }
    CHECK(flash.tier.state().writes_failed == 1);
    CHECK(flash.found(0, 8) == 8);
    CHECK(flash.found(20, more) >= more - 1);
  }
  Flash again(disk, path);
  again.tier.wait_until_written();
  CHECK(again.found(0, 8) == 8);
  CHECK(again.found(20, more) >= more - 1);
}

}  // namespace thaw::flash_trouble_test
