// A power loss: what a sync has met is there, and of each block that was written later the old bytes or the
// new.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <random>

#include "test/cache/flash/flash_fixture.h"

namespace thaw::flash_power_test {
namespace {

constexpr uint32_t kChunk = 256 * 1024;

std::vector<char> all_of(const std::string& path) {
  std::vector<char> bytes(std::filesystem::file_size(path));
  std::ifstream(path, std::ios::binary).read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}

// `path` as the power loss leaves it, who had `synced` when it was synced last.
void lose_power(const std::string& path, const std::string& synced, uint64_t seed) {
  constexpr size_t kBlock = 4096;
  const std::vector<char> old = all_of(synced);
  std::vector<char> now = all_of(path);
  REQUIRE(old.size() == now.size());
  std::mt19937_64 random(seed);
  for (size_t at = 0; at < now.size(); at += kBlock) {
    if (random() % 2 == 0)
      std::copy_n(old.begin() + static_cast<ptrdiff_t>(at), kBlock, now.begin() + static_cast<ptrdiff_t>(at));
  }
  std::ofstream(path, std::ios::binary).write(now.data(), static_cast<std::streamsize>(now.size()));
}

FlashLimits synced_often() {
  FlashLimits limits = Flash::quick();
  limits.sync_every = std::chrono::milliseconds(1);
  return limits;
}

// Writes chunks, so many before a sync whose file is then kept as `log.synced`, and so many after it. Returns
// how many that sync has met.
uint32_t write_around_a_sync(const TemporaryFolder& folder, uint32_t before, uint32_t after) {
  const std::string path = folder / "log";
  std::atomic<uint32_t> written{0};
  std::atomic<uint32_t> met{0};
  Flash flash(disk_kinds().back(), path, synced_often());
  flash.faulty.on_sync([&] {
    if (met > 0 || written < before) return;
    std::filesystem::copy_file(path, path + ".synced");
    met = written.load();
  });
  flash.tier.wait_until_written();
  const auto put_one = [&] {
    flash.put(written, 1, kChunk);
    ++written;
  };
  while (met == 0) put_one();
  for (uint32_t i = 0; i < after; ++i) put_one();
  return met;
}

// The same, and then the power goes.
uint32_t write_and_lose_power(const TemporaryFolder& folder, uint32_t before, uint32_t after, uint64_t seed) {
  const uint32_t met = write_around_a_sync(folder, before, after);
  lose_power(folder / "log", folder / "log.synced", seed);
  return met;
}

}  // namespace

TEST_CASE("after a power loss all that a sync has met is found", "[flash_power][heavy]") {
  const uint64_t seed = GENERATE(range(1, 4));
  const TemporaryFolder folder;
  const uint32_t met = write_and_lose_power(folder, 40, 40, seed);
  Flash again(disk_kinds().back(), folder / "log");
  again.tier.wait_until_written();
  CHECK(again.found(0, met, kChunk) == met);
  again.found(met, 40, kChunk);  // each right, or a miss
  again.put(1000, 20, kChunk);
  CHECK(again.found(1000, 20, kChunk) == 20);
}

// Regions are overwritten when it comes: what a header says and what lies behind it are of two times.
TEST_CASE("a power loss between regions that are overwritten gives no wrong byte", "[flash_power][heavy]") {
  const uint64_t seed = GENERATE(range(1, 4));
  const TemporaryFolder folder;
  const uint32_t met = write_and_lose_power(folder, 300, 100, seed);
  Flash again(disk_kinds().back(), folder / "log");
  again.tier.wait_until_written();
  // 64 MiB hold some 250 of these; 100 of them may have been half overwritten.
  CHECK(again.found(0, met + 100, kChunk) > 100);
  again.put(1000, 20, kChunk);
  CHECK(again.found(1000, 20, kChunk) == 20);
}

}  // namespace thaw::flash_power_test
