#include "daemon/flash_disk.h"

#include <sys/syscall.h>

#include <catch2/catch.hpp>

#include "daemon/flash_tier.h"
#include "lib/base/timer_queue.h"
#include "test/cache/chunk_store_conformance.h"
#include "test/fakes/disk_files.h"
#include "test/fakes/forbidden_calls.h"
#include "test/temporary_folder.h"

namespace thaw::flash_disk_test {
namespace {

// A tier as the worker opens it, on whatever the kernel allows.
template <class Body>
void with_tier(const std::string& path, Body body) {
  Config config;
  config.flash_path = path;
  config.flash_bytes = 65 * kMiB;
  WorkerPool threads("cpu", 1);
  CpuQueue cpu(threads);
  TimerQueue timers;
  TierCounters counters{};
  FlashTier tier(config, {cpu, timers, counters});
  tier.store().wait_until_written();
  body(tier);
}

void check_tier(FlashTier& tier) {
  check_chunk_store(tier.store(), [&] { tier.store().wait_until_written(); });
}

TEST_CASE("the flash tier uses a ring where the kernel allows one") {
  const TemporaryFolder folder;
  with_tier(folder / "log", [](FlashTier& tier) {
    CHECK(tier.disk().has_ring() == (disk_kinds().back() == DiskKind::kRing));
    check_tier(tier);
  });
}

TEST_CASE("the flash tier works on threads where io_uring is forbidden, also on a file that a ring wrote") {
  const long call = GENERATE(__NR_io_uring_setup, __NR_io_uring_enter);
  const TemporaryFolder folder;
  with_tier(folder / "log", check_tier);
  run_without(call, [&] {
    with_tier(folder / "log", [](FlashTier& tier) {
      CHECK_FALSE(tier.disk().has_ring());
      CHECK(find_in(tier.store(), sample_ref(4)).has_value());
    });
    with_tier(folder / "other", check_tier);
  });
}

}  // namespace
}  // namespace thaw::flash_disk_test
