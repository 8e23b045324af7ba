// A crowd of readers that all want one cold chunk, through the real chain on real threads.
#include <catch2/catch.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "cache/memory_store.h"
#include "cache/origin.h"
#include "cache/read_through.h"
#include "cache/single_flight.h"
#include "lib/base/units.h"
#include "lib/image/image_reader.h"
#include "test/fakes/executors.h"
#include "test/fakes/sample_image.h"
#include "test/fakes/timer_thread.h"

namespace thaw::cold_chunk_test {
namespace {

constexpr uint32_t kChunkSize = 64 * 1024;
constexpr uint32_t kThreads = 8;
constexpr uint32_t kReadsEach = 1250;
constexpr uint32_t kReads = kThreads * kReadsEach;
// The store's answer arrives when so many have asked: the last ones meet it as it lands.
constexpr uint32_t kAskedBefore = kReads - 500;

// Has one object, under whatever key; answers when it is opened, on the thread of the pool.
class GatedReader final : public ObjectReader {
 public:
  GatedReader(const Bytes& object, Executor& pool) : object_(object), pool_(pool) {}

  void open() { gate_.set_value(); }

  void get(const std::string& /*key*/, const GetOptions& /*options*/, Completion<Object> done) override {
    ++gets;
    pool_.post([this, done = std::move(done)]() mutable {
      opened_.wait();
      done(Object{Buffer::copy_of(object_), ""});
    });
  }
  void size_of(const std::string& /*key*/, Completion<uint64_t> done) override {
    done(Error{Code::kFailed, "not needed"});
  }
  void list(const ListOptions& /*options*/, Completion<std::vector<ListedObject>> done) override {
    done(Error{Code::kFailed, "not needed"});
  }

  std::atomic<uint32_t> gets = 0;

 private:
  const Bytes& object_;
  Executor& pool_;
  std::promise<void> gate_;
  std::shared_future<void> opened_ = gate_.get_future().share();
};

}  // namespace

TEST_CASE("10,000 concurrent reads of one cold chunk are one request to the store", "[chain][threads]") {
  SampleImage image = sample_image(1, kChunkSize, 5);
  TierCounters memory_counters{};
  TierCounters origin_counters{};
  ImageCounters image_counters{};
  const PageArena arena;  // no other buffers
  MemoryStore memory{{4 * kMiB}, memory_counters, arena};
  ReadAheadBudget no_read_ahead{{.bytes = 0}};
  auto timer = std::make_unique<TimerThread>();
  auto cpu = std::make_unique<ThreadPool>(2);
  CpuQueue queue(*cpu);
  auto io = std::make_unique<ThreadPool>(1);
  GatedReader store(image.ciphertexts.at(0), *io);
  Origin origin({store, queue, timer->timers, origin_counters,
                 [](const std::string&, const ChunkId& id) { return id.hex(); }, 1},
                {"r"});
  SingleFlight flight(memory, origin, origin, timer->timers);
  ReadThrough top(memory, Tier::kMemory, flight, memory_counters);
  HeldChunks held(kMiB, timer->timers);
  ImageReader reader(image.map, {top, memory, no_read_ahead, held, image_counters});

  std::atomic<uint32_t> asked = 0;
  std::atomic<uint32_t> right = 0;
  std::atomic<uint32_t> answered = 0;
  std::promise<void> all_answered;
  const auto read = [&](uint64_t offset) {
    const Fetch fetch{steady_clock().now() + std::chrono::seconds(300), Priority::kDemand, 0, {}};
    reader.read(offset, 4096, fetch, [&, offset](Result<ReadableRange> range) {
      Bytes bytes(4096);
      if (range.ok() && range->copy_to(bytes).ok() && image.holds(offset, bytes)) ++right;
      if (++answered == kReads) all_answered.set_value();
    });
    if (++asked == kAskedBefore) store.open();
  };
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&read] {
      for (uint64_t i = 0; i < kReadsEach; ++i) read(i * 4096 % kChunkSize);
    });
  }
  for (std::thread& thread : threads) thread.join();
  all_answered.get_future().wait();

  CHECK(store.gets == 1);
  CHECK(origin_counters.hits == 1);
  CHECK(right == kReads);
  CHECK(flight.flights() == 0);
  origin.shut_down();
  io.reset();
  cpu.reset();
  timer.reset();
}

}  // namespace thaw::cold_chunk_test
