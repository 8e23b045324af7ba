// What every DiskFile keeps, whatever carries it out; uring_disk_file_test.cc has what a ring keeps beyond
// that.
#include "lib/io/disk_file.h"

#include <fcntl.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <future>
#include <thread>

#include "lib/base/await.h"
#include "test/fakes/disk_files.h"
#include "test/fakes/sample_chunks.h"
#include "test/temporary_folder.h"

namespace thaw::disk_file_test {
namespace {

constexpr uint64_t kPage = DiskFile::kAlignment;

Result<Buffer> read(DiskFile& file, uint64_t offset, size_t bytes) {
  return await<Buffer>([&](auto done) { file.read(offset, Buffer(bytes), std::move(done)); });
}
Result<Buffer> write(DiskFile& file, uint64_t offset, ByteView bytes) {
  return await<Buffer>([&](auto done) { file.write(offset, Buffer::copy_of(bytes), std::move(done)); });
}
Result<bool> sync(DiskFile& file) {
  return await<bool>([&](auto done) { file.sync(std::move(done)); });
}
bool equal(ByteView a, ByteView b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

// Counts how the operations ended that were given one of its completions.
struct Ends {
  Completion<Buffer> completion() {
    return [this](const Result<Buffer>& result) {
      ++(result.ok() ? good : result.error().code == Code::kCancelled ? cancelled : failed);
    };
  }
  std::atomic<int> good{0};
  std::atomic<int> cancelled{0};
  std::atomic<int> failed{0};
};

TEST_CASE("a disk file gives back what was written, and the buffer with it") {
  const TemporaryFolder folder;
  const Fd fd = open_disk_file(folder / "file").value();
  RunningDiskFile disk(GENERATE(from_range(disk_kinds())), fd.get());
  const Bytes large = sample_bytes(1, 3 << 20);
  const auto written = write(disk.file(), 4 * kPage, large);
  REQUIRE(written.ok());
  CHECK(equal(written.value().view(), large));
  REQUIRE(sync(disk.file()).ok());
  const auto whole = read(disk.file(), 4 * kPage, large.size());
  REQUIRE(whole.ok());
  CHECK(equal(whole.value().view(), large));
  const auto part = read(disk.file(), 6 * kPage, kPage);
  REQUIRE(part.ok());
  CHECK(equal(part.value().view(), ByteView(large).subspan(2 * kPage, kPage)));
  // What nobody wrote is zeros.
  const auto hole = read(disk.file(), 0, kPage);
  REQUIRE(hole.ok());
  CHECK(equal(hole.value().view(), Bytes(kPage)));
  const auto nothing = read(disk.file(), kPage, 0);
  REQUIRE(nothing.ok());
  CHECK(nothing.value().empty());
}

TEST_CASE("a read beyond the end of a disk file is damage, wherever the end lies") {
  const TemporaryFolder folder;
  const Fd fd = open_disk_file(folder / "file").value();
  const uint64_t end = GENERATE(2 * kPage, 2 * kPage + 1, 2 * kPage + 512, 3 * kPage - 1);
  REQUIRE(resize_disk_file(fd.get(), end).ok());
  RunningDiskFile disk(GENERATE(from_range(disk_kinds())), fd.get());
  CHECK(read(disk.file(), 0, 2 * kPage).ok());
  for (const auto& [offset, bytes] :
       {std::pair{2 * kPage, kPage}, {kPage, 2 * kPage}, {0, 8 * kPage}, {16 * kPage, kPage}}) {
    const auto beyond = read(disk.file(), offset, bytes);
    REQUIRE_FALSE(beyond.ok());
    CHECK(beyond.error().code == Code::kDamaged);
  }
  // A write there makes the file longer.
  REQUIRE(write(disk.file(), 2 * kPage, sample_bytes(2, 2 * kPage)).ok());
  CHECK(read(disk.file(), 0, 4 * kPage).ok());
}

TEST_CASE("a disk file says what the kernel refused") {
  const TemporaryFolder folder;
  REQUIRE(open_disk_file(folder / "file").ok());
  const Fd read_only(::open((folder / "file").c_str(), O_RDONLY | O_CLOEXEC));
  RunningDiskFile disk(GENERATE(from_range(disk_kinds())), read_only.get());
  const auto written = write(disk.file(), 0, Bytes(kPage));
  REQUIRE_FALSE(written.ok());
  CHECK(written.error().code == Code::kFailed);
  CHECK(written.error().message == system_error("write", EBADF).message);
}

TEST_CASE("a disk file takes many requests of several threads at once, each answered with its own bytes") {
  const TemporaryFolder folder;
  const Fd fd = open_disk_file(folder / "file").value();
  // Fewer than there are requests, so that some wait.
  RunningDiskFile disk(GENERATE(from_range(disk_kinds())), fd.get(), 3, 4);
  constexpr uint32_t kThreads = 4;
  constexpr uint32_t kEach = 100;
  constexpr uint32_t kBytes = 4 * kPage;
  const auto bytes_of = [](uint64_t number) { return sample_bytes(static_cast<uint32_t>(number), kBytes); };
  std::atomic<uint32_t> right{0};
  std::atomic<uint32_t> ended{0};
  std::promise<void> all_ended;
  const auto count_end = [&] {
    if (++ended == kThreads * kEach) all_ended.set_value();
  };
  std::vector<std::thread> threads;
  for (uint32_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (uint64_t number = thread * kEach; number < (thread + 1) * kEach; ++number) {
        // Each is read as soon as it was written, which is a request made inside a completion.
        disk.file().write(number * kBytes, Buffer::copy_of(bytes_of(number)), [&, number](Result<Buffer> w) {
          if (!w.ok()) return count_end();
          disk.file().read(number * kBytes, Buffer(kBytes), [&, number](const Result<Buffer>& r) {
            if (r.ok() && equal(r.value().view(), bytes_of(number))) ++right;
            count_end();
          });
        });
        if (number % 10 == 0) disk.file().sync([](const Result<bool>& /*synced*/) {});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  all_ended.get_future().wait();
  CHECK(right == kThreads * kEach);
}

TEST_CASE("a disk file that is stopped answers all that it was asked") {
  const TemporaryFolder folder;
  const Fd fd = open_disk_file(folder / "file").value();
  REQUIRE(resize_disk_file(fd.get(), 64 << 20).ok());
  Ends reads;
  Ends writes;
  constexpr int kEach = 200;
  {
    RunningDiskFile disk(GENERATE(from_range(disk_kinds())), fd.get(), 2, 8);
    for (uint64_t i = 0; i < kEach; ++i) {
      disk.file().read(i * kPage, Buffer(64 * kPage), reads.completion());
      disk.file().write(i * kPage, Buffer::copy_of(Bytes(kPage)), writes.completion());
    }
    disk.stop();
    CHECK(reads.good + reads.cancelled == kEach);
    CHECK(writes.good + writes.cancelled == kEach);
  }
  CHECK(reads.failed + writes.failed == 0);
}

}  // namespace
}  // namespace thaw::disk_file_test
