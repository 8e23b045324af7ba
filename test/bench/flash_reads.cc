// flash_reads: random reads of whole chunks at the flash store's door, so many outstanding at once, each
// verified before the next one begins; test/bench/flash.sh holds their rate against fio's on the same file.
//
//   flash_reads fill FILE BYTES                                writes every region of a log; prints its bytes
//   flash_reads read FILE BYTES DEPTH SECONDS ring|threads     prints reads a second, after a second of
//   warming up
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <future>
#include <iostream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "cache/flash/flash_store.h"
#include "lib/base/timer_queue.h"
#include "lib/base/units.h"
#include "lib/crypto/hash.h"
#include "test/fakes/disk_files.h"

namespace thaw {
namespace {

constexpr uint32_t kChunk = 512 * kKiB;
constexpr size_t kReadThreads = 16;  // as the daemon has without a ring

Bytes chunk_bytes(uint64_t number) {
  static const Bytes noise = [] {
    std::mt19937_64 random(1);
    Bytes bytes(kChunk);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    return bytes;
  }();
  Bytes bytes = noise;
  std::memcpy(bytes.data(), &number, sizeof number);
  return bytes;
}

// A store with all that it stands on.
class Bench {
 public:
  Bench(const std::string& path, uint64_t bytes, DiskKind kind)
      : fd_(open_disk_file(path).value()),
        disk_(kind, fd_.get(), kReadThreads),
        store_({disk_.file(), queue_, timers_, counters_}, sha256(as_bytes("bench")),
               resize_disk_file(fd_.get(), bytes).value(), limits()),
        timer_thread_([this] { timers_.run(); }),
        writer_([this] { store_.run(); }) {
    store_.wait_until_written();
  }
  ~Bench() {
    store_.stop();
    writer_.join();
    timers_.stop();
    timer_thread_.join();
    disk_.stop();
  }

  FlashStore& store() { return store_; }

 private:
  static FlashLimits limits() {
    FlashLimits limits;
    limits.batch_wait = std::chrono::milliseconds(1);
    limits.daily_rewrites = 1000;
    return limits;
  }

  Fd fd_;
  TimerQueue timers_;
  TierCounters counters_{};
  RunningDiskFile disk_;
  CpuQueue queue_{cpu_};
  ThreadPool cpu_{std::max(2U, std::thread::hardware_concurrency())};
  FlashStore store_;
  std::thread timer_thread_;
  std::thread writer_;
};

// So many chunks are surely more than the log has room for; the newest three quarters surely lie in it.
uint64_t chunks_written(uint64_t bytes) { return bytes / kChunk; }
uint64_t oldest_read(uint64_t bytes) { return chunks_written(bytes) / 4; }

int fill(const std::string& path, uint64_t bytes) {
  Bench bench(path, bytes, DiskKind::kThreads);
  for (uint64_t i = 0; i < chunks_written(bytes); ++i) {
    const Bytes data = chunk_bytes(i);
    bench.store().put(SealedChunk::verify({sha256(data), kChunk}, Buffer::copy_of(data)).value());
    if (i % 32 == 31) bench.store().wait_until_written();
  }
  bench.store().wait_until_written();
  if (bench.store().state().dropped > 0) return EXIT_FAILURE;
  std::cout << FlashGeometry::of(bytes).file_bytes() << "\n";
  return EXIT_SUCCESS;
}

// Keeps so many reads outstanding; any thread of the store goes on with the next.
class Readers {
 public:
  Readers(FlashStore& store, std::vector<ChunkRef> refs, uint32_t depth, std::chrono::seconds measured)
      : store_(store),
        refs_(std::move(refs)),
        open_(depth),
        from_(steady_clock().now() + std::chrono::seconds(1)),
        until_(from_ + measured) {
    for (uint32_t i = 0; i < depth; ++i) next(i);
  }
  void wait() { ended_.get_future().wait(); }
  uint64_t reads() const { return reads_; }
  uint64_t misses() const { return misses_; }

 private:
  // `random`: the state of one of the outstanding reads' own generator.
  void next(uint64_t random) {
    random = random * 6364136223846793005U + 1442695040888963407U;
    const Fetch fetch{until_ + std::chrono::seconds(30), Priority::kDemand, 0, {}};
    store_.find(refs_.at((random >> 33) % refs_.size()), fetch,
                [this, random](const Result<std::optional<SealedChunk>>& found) {
                  const TimePoint now = steady_clock().now();
                  const bool hit = found.ok() && found.value().has_value();
                  if (!hit) ++misses_;
                  if (hit && now >= from_ && now < until_) ++reads_;
                  if (hit && now < until_) return next(random);
                  if (--open_ == 0) ended_.set_value();
                });
  }

  FlashStore& store_;
  const std::vector<ChunkRef> refs_;
  std::atomic<uint32_t> open_;
  const TimePoint from_;
  const TimePoint until_;
  std::atomic<uint64_t> reads_{0};
  std::atomic<uint64_t> misses_{0};
  std::promise<void> ended_;
};

int read(const std::string& path, uint64_t bytes, uint32_t depth, int seconds, DiskKind kind) {
  Bench bench(path, bytes, kind);
  std::vector<ChunkRef> refs;
  for (uint64_t i = oldest_read(bytes); i < chunks_written(bytes); ++i) {
    refs.push_back({sha256(chunk_bytes(i)), kChunk});
  }
  Readers readers(bench.store(), std::move(refs), depth, std::chrono::seconds(seconds));
  readers.wait();
  if (readers.misses() > 0) {
    std::cerr << "flash_reads: " << readers.misses() << " reads found nothing\n";
    return EXIT_FAILURE;
  }
  std::cout << readers.reads() / static_cast<uint64_t>(seconds) << "\n";
  return EXIT_SUCCESS;
}

int run(const std::vector<std::string>& words) {
  if (words.size() == 3 && words[0] == "fill") return fill(words[1], std::stoull(words[2]));
  if (words.size() == 6 && words[0] == "read") {
    return read(words[1], std::stoull(words[2]), static_cast<uint32_t>(std::stoul(words[3])),
                std::stoi(words[4]), words[5] == "ring" ? DiskKind::kRing : DiskKind::kThreads);
  }
  std::cerr << "usage: flash_reads fill FILE BYTES | read FILE BYTES DEPTH SECONDS ring|threads\n";
  return EXIT_FAILURE;
}

}  // namespace
}  // namespace thaw

int main(int argc, char** argv) { return thaw::run({argv + 1, argv + argc}); }
