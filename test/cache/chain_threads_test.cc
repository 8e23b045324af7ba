// The chain on real threads: readers, CPU workers and a store that answers from a pool. Its point is what the
// sanitizers say of it.
#include <catch2/catch.hpp>

#include <atomic>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "cache/memory_store.h"
#include "cache/origin.h"
#include "cache/read_through.h"
#include "cache/single_flight.h"
#include "lib/base/await.h"
#include "lib/base/units.h"
#include "lib/image/image_reader.h"
#include "test/fakes/executors.h"
#include "test/fakes/sample_image.h"
#include "test/fakes/timer_thread.h"

namespace thaw::chain_threads_test {
namespace {

constexpr uint32_t kChunkSize = 16 * 1024;
constexpr uint32_t kReaders = 4;
constexpr uint32_t kReadsEach = 500;

std::string key_of(const std::string& root, const ChunkId& id) { return root + "/" + id.hex(); }

// Answers from a pool; every eleventh get fails and every thirteenth has a wrong bit.
class PooledReader final : public ObjectReader {
 public:
  PooledReader(const SampleImage& image, Executor& pool) : pool_(pool) {
    for (size_t i = 0; i < image.ciphertexts.size(); ++i) {
      objects_[key_of("r", image.map->entries[i].ref.id)] = image.ciphertexts[i];
    }
  }

  void get(const std::string& key, const GetOptions& /*options*/, Completion<Object> done) override {
    const size_t turn = gets.fetch_add(1);
    pool_.post([this, key, turn, done = std::move(done)]() mutable { answer(key, turn, std::move(done)); });
  }
  void size_of(const std::string& /*key*/, Completion<uint64_t> done) override {
    done(Error{Code::kFailed, "not needed"});
  }
  void list(const ListOptions& /*options*/, Completion<std::vector<ListedObject>> done) override {
    done(Error{Code::kFailed, "not needed"});
  }

  std::atomic<size_t> gets = 0;

 private:
  void answer(const std::string& key, size_t turn, Completion<Object> done) const {
    if (turn % 11 == 0) return done(Error{Code::kUnreachable, "connection reset"});
    Buffer bytes = Buffer::copy_of(objects_.at(key));
    if (turn % 13 == 0) bytes.data()[turn % bytes.size()] ^= 1;
    done(Object{std::move(bytes), ""});
  }

  Executor& pool_;
  std::map<std::string, Bytes> objects_;
};

// What a daemon wires; destroyed from the top of the chain down, after its threads.
struct Chain {
  SampleImage image = sample_image(60, kChunkSize, 5);
  TierCounters memory_counters{};
  TierCounters origin_counters{};
  ImageCounters image_counters{};
  const PageArena arena;  // no other buffers
  MemoryStore memory{{512 * kKiB}, memory_counters, arena};
  ReadAheadBudget budget{{.bytes = 128 * kKiB}};
  std::unique_ptr<TimerThread> timer = std::make_unique<TimerThread>();
  std::unique_ptr<ThreadPool> cpu = std::make_unique<ThreadPool>(2);
  CpuQueue queue{*cpu};
  std::unique_ptr<ThreadPool> io = std::make_unique<ThreadPool>(2);
  PooledReader store{image, *io};
  Origin origin{{store, queue, timer->timers, origin_counters, key_of, 1}, {"r"}, {}};
  SingleFlight flight{memory, origin, origin, timer->timers};
  ReadThrough top{memory, Tier::kMemory, flight, memory_counters};
  HeldChunks held{1, timer->timers};  // room for one: the others ask again
  ImageReader reader{image.map, {top, memory, budget, held, image_counters}};
};

class Readers {
 public:
  explicit Readers(Chain& chain) : chain_(chain) {
    for (uint32_t i = 0; i < kReaders; ++i) threads_.emplace_back([this, i] { read(i); });
  }
  void join() {
    for (std::thread& thread : threads_) thread.join();
  }

  std::atomic<uint32_t> right = 0;
  std::atomic<uint32_t> wrong = 0;
  std::atomic<uint32_t> errors = 0;

 private:
  void read(uint32_t seed) {
    std::mt19937_64 random(seed);
    uint64_t offset = 0;
    for (uint32_t i = 0; i < kReadsEach; ++i) {
      const auto length = static_cast<uint32_t>(1 + random() % (2 * kChunkSize));
      if (random() % 4 == 0 || offset >= chain_.image.map->device_size) {
        offset = random() % chain_.image.map->device_size;
      }
      read_once(offset, length, i);
      offset += length;
    }
  }

  void read_once(uint64_t offset, uint32_t length, uint32_t turn) {
    std::stop_source leaves;
    const Fetch fetch{steady_clock().now() + std::chrono::seconds(60), Priority::kDemand, turn % 3,
                      leaves.get_token()};
    auto range = await<ReadableRange>([&](auto done) {
      chain_.reader.read(offset, length, fetch, std::move(done));
      if (turn % 17 == 0) leaves.request_stop();
    });
    if (!range.ok()) {
      ++errors;
      if (range.error().code != Code::kCancelled) ++wrong;
      return;
    }
    Bytes bytes(range->length());
    const bool copied = range->copy_to(bytes).ok();
    ++(copied && chain_.image.holds(offset, bytes) ? right : wrong);
  }

  Chain& chain_;
  std::vector<std::thread> threads_;
};

}  // namespace

TEST_CASE("many threads read right through one chain", "[chain][threads]") {
  Chain chain;
  Readers readers(chain);
  for (int i = 0; i < 200; ++i) {
    chain.memory.set_capacity(i % 2 == 0 ? 256 * kKiB : 512 * kKiB);
    CHECK(chain.memory.bytes() <= 512 * kKiB);
  }
  readers.join();
  CHECK(readers.wrong == 0);
  CHECK(readers.right + readers.errors == kReaders * kReadsEach);
  CHECK(readers.right > kReaders * kReadsEach / 2);

  // What is still read ahead ends in this order: the store's answers, their hashes, then waits.
  chain.origin.shut_down();
  chain.io.reset();
  chain.cpu.reset();
  chain.timer.reset();
}

}  // namespace thaw::chain_threads_test
