#include "daemon/mounts/image_lock.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <thread>
#include <vector>

#include "test/temporary_folder.h"

namespace thaw::image_lock_test {

TEST_CASE("images that come and go leave no lock file") {
  const TemporaryFolder folder;
  const std::string image = folder / "package";
  const std::string file = image + ".lock";
  std::filesystem::create_directory(image);
  { REQUIRE(ImageLock::acquire(image).ok()); }
  CHECK(std::filesystem::exists(file));
  {
    const auto lock = ImageLock::acquire(image);
    REQUIRE(lock.ok());
    std::filesystem::remove(image);
    CHECK(std::filesystem::exists(file));
  }
  CHECK_FALSE(std::filesystem::exists(file));
}

TEST_CASE("a lock whose file its last holder took away is one at a time") {
  const TemporaryFolder folder;
  const std::string image = folder / "package";
  std::atomic<int> inside{0};
  std::atomic<int> together{0};
  std::atomic<int> failed{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 500; ++round) {
        const auto lock = ImageLock::acquire(image);
        if (!lock.ok()) ++failed;
        if (inside.fetch_add(1) != 0) ++together;
        std::this_thread::yield();
        inside.fetch_sub(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(failed == 0);
  CHECK(together == 0);
  CHECK(std::filesystem::is_empty(folder.path()));
}

}  // namespace thaw::image_lock_test
