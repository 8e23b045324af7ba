// A flash store on a real file, with real threads, that can be closed and opened again as after a crash.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "cache/flash/flash_store.h"
#include "lib/base/timer_queue.h"
#include "test/cache/chunk_store_conformance.h"
#include "test/fakes/disk_files.h"
#include "test/fakes/executors.h"
#include "test/temporary_folder.h"

namespace thaw {

// Passes on to a real file, unless told to fail or to hold back what it is asked for.
class FaultyDiskFile final : public DiskFile {
 public:
  explicit FaultyDiskFile(DiskFile& file) : file_(file) {}

  void read(uint64_t offset, Buffer buffer, Completion<Buffer> done) override {
    if (fail_reads) return done(system_error("read", EIO));
    if (hold_reads) {
      MutexLock lock(mutex_);
      held_.push_back({offset, std::move(buffer), std::move(done)});
      return;
    }
    file_.read(offset, std::move(buffer), std::move(done));
  }
  void write(uint64_t offset, Buffer buffer, Completion<Buffer> done) override {
    if (fail_writes) return done(system_error("write", ENOSPC));
    if (bad_place >= offset && bad_place < offset + buffer.size()) return done(system_error("write", EIO));
    if (buffer.size() > longest_write) longest_write = buffer.size();
    file_.write(offset, std::move(buffer), std::move(done));
  }
  void sync(Completion<bool> done) override {
    ++syncs;
    if (fail_writes) return done(system_error("sync", EIO));
    file_.sync([this, done = std::move(done)](Result<bool> synced) mutable {
      if (synced.ok()) tell_synced();
      done(std::move(synced));
    });
  }

  // `told` is called after each sync that succeeds, before the writer hears of it.
  void on_sync(std::function<void()> told) {
    MutexLock lock(mutex_);
    on_sync_ = std::move(told);
  }

  size_t held() const {
    MutexLock lock(mutex_);
    return held_.size();
  }
  // Also what comes from now on.
  void let_go() {
    hold_reads = false;
    std::vector<Held> held;
    {
      MutexLock lock(mutex_);
      held.swap(held_);
    }
    for (Held& read : held) file_.read(read.offset, std::move(read.buffer), std::move(read.done));
  }

  std::atomic<bool> fail_reads{false};
  std::atomic<bool> fail_writes{false};
  std::atomic<bool> hold_reads{false};
  std::atomic<uint64_t> bad_place{UINT64_MAX};  // a byte that cannot be written
  std::atomic<uint64_t> longest_write{0};       // one thread writes
  std::atomic<uint32_t> syncs{0};

 private:
  void tell_synced() {
    std::function<void()> told;
    {
      MutexLock lock(mutex_);
      told = on_sync_;
    }
    if (told) told();
  }

  DiskFile& file_;
  struct Held {
    uint64_t offset;
    Buffer buffer;
    Completion<Buffer> done;
  };
  mutable Mutex mutex_;
  std::function<void()> on_sync_ GUARDED_BY(mutex_);
  std::vector<Held> held_ GUARDED_BY(mutex_);
};

struct Flash {
  static constexpr uint64_t kBytes = 65ULL << 20;  // sixteen regions of 4 MiB

  Flash(DiskKind kind, const std::string& path, FlashLimits limits = quick(),
        const std::string& store = "store")
      : fd(open_disk_file(path).value()),
        disk(kind, fd.get()),
        faulty(disk.file()),
        tier({faulty, queue, timers, counters, [this] { return open(); }, told(told_opened),
              told(told_written)},
             sha256(as_bytes(store)), resize_disk_file(fd.get(), kBytes).value(), limits),
        timer_thread([this] { timers.run(); }),
        writer([this] { tier.run(); }) {}
  ~Flash() {
    faulty.let_go();
    tier.stop();
    writer.join();
    timers.stop();
    timer_thread.join();
    disk.stop();
  }

  static FlashLimits quick() {
    FlashLimits limits;
    limits.batch_wait = std::chrono::milliseconds(1);
    limits.pause = std::chrono::milliseconds(1);
    limits.daily_rewrites = 1000;
    return limits;
  }

  Result<uint64_t> open() {
    ++tries;
    if (away) return Error{Code::kNotFound, "no such device"};
    return resize_disk_file(fd.get(), kBytes);
  }
  // What the tier tells goes to `list`.
  std::function<void(const Status&)> told(std::vector<std::string>& list) {
    return [this, &list](const Status& status) {
      MutexLock lock(told_mutex);
      list.push_back(status.ok() ? "ok" : status.error().message);
    };
  }
  std::vector<std::string> list_of(const std::vector<std::string>& list) const {
    MutexLock lock(told_mutex);
    return list;
  }

  void put(uint32_t first, uint32_t count, uint32_t length = 8192) {
    for (uint32_t i = first; i < first + count; ++i) {
      tier.put(sample_chunk(i, length));
      if (i % 16 == 0) tier.wait_until_written();
    }
    tier.wait_until_written();
  }
  // Whether it is found, once that is known.
  std::future<bool> ask(uint32_t number, Priority priority, uint64_t mount) {
    auto answer = std::make_shared<std::promise<bool>>();
    const Fetch fetch{steady_clock().now() + std::chrono::seconds(30), priority, mount, {}};
    tier.find(ref_of(number, 8192), fetch, [answer](Result<std::optional<SealedChunk>> chunk) {
      answer->set_value(chunk.ok() && chunk.value().has_value());
    });
    return answer->get_future();
  }
  // How many of these are found, all of them right.
  uint32_t found(uint32_t first, uint32_t count, uint32_t length = 8192) {
    uint32_t hits = 0;
    for (uint32_t i = first; i < first + count; ++i) {
      const ChunkRef ref = ref_of(i, length);
      const auto chunk = find_in(tier, ref);
      if (!chunk) continue;
      ++hits;
      REQUIRE(chunk->ref() == ref);
    }
    return hits;
  }

  // Made once: hashing them again for each look costs more than the tier.
  const ChunkRef& ref_of(uint32_t number, uint32_t length) {
    const auto [found, fresh] = refs.try_emplace({number, length});
    if (fresh) found->second = sample_ref(number, length);
    return found->second;
  }

  std::map<std::pair<uint32_t, uint32_t>, ChunkRef> refs;
  static inline std::atomic<bool> away{false};  // also before the first one is made
  std::atomic<uint32_t> tries{0};
  mutable Mutex told_mutex;
  std::vector<std::string> told_opened;
  std::vector<std::string> told_written;
  Fd fd;
  CpuQueue queue{cpu};
  ThreadPool cpu{2};
  TimerQueue timers;
  TierCounters counters{};
  RunningDiskFile disk;
  FaultyDiskFile faulty;
  FlashStore tier;
  std::thread timer_thread;
  std::thread writer;
};

}  // namespace thaw
