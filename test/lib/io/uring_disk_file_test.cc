// A pipe stands for a slow device here: a read of it is with the kernel until the test writes something.
#include "lib/io/uring_disk_file.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <future>
#include <memory>
#include <thread>

#include "lib/base/await.h"
#include "test/fakes/disk_files.h"
#include "test/fakes/forbidden_calls.h"
#include "test/fakes/sample_chunks.h"

namespace thaw::uring_disk_file_test {
namespace {

constexpr size_t kPage = DiskFile::kAlignment;

bool ring_allowed() {
  if (disk_kinds().back() == DiskKind::kRing) return true;
  WARN("io_uring is forbidden here: nothing is tested");
  return false;
}

// A ring over the reading end of a pipe.
struct SlowDisk {
  explicit SlowDisk(uint32_t depth) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    out.reset(ends[0]);
    in.reset(ends[1]);
    file = UringDiskFile::create(out.get(), depth).value();
  }
  ~SlowDisk() {
    in.reset();
    file->stop();
    if (thread.joinable()) thread.join();
  }
  void start() {
    thread = std::thread([this] { file->run(); });
  }
  std::future<Result<Buffer>> read(size_t bytes) {
    auto promise = std::make_shared<std::promise<Result<Buffer>>>();
    file->read(0, Buffer(bytes), [promise](Result<Buffer> r) { promise->set_value(std::move(r)); });
    return promise->get_future();
  }
  void feed(ByteView bytes) { REQUIRE(write_all(in.get(), bytes).ok()); }
  void wait_until_read() {
    int waiting = 1;
    while (waiting > 0) REQUIRE(::ioctl(out.get(), FIONREAD, &waiting) == 0);
  }
  // Until what was asked for before is with the kernel: requests begin in their order, and a pipe fails this
  // one.
  void wait_until_begun() {
    const auto synced = await<bool>([&](auto done) { file->sync(std::move(done)); });
    REQUIRE_FALSE(synced.ok());
    CHECK(synced.error().message == system_error("sync", EINVAL).message);
  }

  Fd out;
  Fd in;
  std::unique_ptr<UringDiskFile> file;
  std::thread thread;
};

TEST_CASE("a ring goes on with a read that the kernel cut short") {
  if (!ring_allowed()) return;
  SlowDisk disk(2);
  disk.start();
  const Bytes bytes = sample_bytes(1, 2 * kPage);
  auto whole = disk.read(2 * kPage);
  disk.feed(ByteView(bytes).first(100));
  disk.wait_until_read();
  disk.feed(ByteView(bytes).subspan(100));
  const auto read = whole.get();
  REQUIRE(read.ok());
  CHECK(std::equal(bytes.begin(), bytes.end(), read.value().data()));

  auto cut = disk.read(kPage);
  disk.feed(ByteView(bytes).first(100));
  disk.in.reset();
  CHECK(cut.get().error().code == Code::kDamaged);
}

TEST_CASE("a ring that is stopped waits for what the kernel has and cancels the rest") {
  if (!ring_allowed()) return;
  SlowDisk disk(2);
  disk.start();
  auto begun = disk.read(kPage);
  disk.wait_until_begun();
  auto next = disk.read(kPage);  // begins or not
  auto third = disk.read(kPage);
  auto fourth = disk.read(kPage);
  disk.file->stop();
  CHECK(third.get().error().code == Code::kCancelled);
  CHECK(fourth.get().error().code == Code::kCancelled);
  CHECK(disk.read(kPage).get().error().code == Code::kCancelled);
  CHECK(begun.wait_for(std::chrono::seconds(0)) == std::future_status::timeout);
  disk.feed(sample_bytes(1, 2 * kPage));
  disk.thread.join();
  CHECK(begun.get().ok());
  const auto ended = next.get();
  CHECK((ended.ok() || ended.error().code == Code::kCancelled));
}

TEST_CASE("a ring that never ran cancels what it was asked") {
  if (!ring_allowed()) return;
  std::future<Result<Buffer>> read;
  {
    SlowDisk disk(2);
    read = disk.read(kPage);
  }
  CHECK(read.get().error().code == Code::kCancelled);
}

TEST_CASE("where io_uring is forbidden there is an error and no ring") {
  const long call = GENERATE(__NR_io_uring_setup, __NR_io_uring_enter, __NR_io_uring_register);
  if (!ring_allowed()) return;
  run_without(call, [] {
    const auto file = UringDiskFile::create(0);
    REQUIRE_FALSE(file.ok());
    CHECK(file.error().code == Code::kRefused);
  });
}

}  // namespace
}  // namespace thaw::uring_disk_file_test
