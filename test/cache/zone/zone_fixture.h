// ZoneFixture: a ZoneStore with its loop and CPU threads, over nodes that the test brings.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "cache/zone/zone_store.h"
#include "test/cache/chunk_store_conformance.h"
#include "test/cache/zone/memcached_process.h"
#include "test/fakes/executors.h"
#include "test/fakes/loop_thread.h"

namespace thaw {

// Patient: on a busy machine a healthy node may take its time.
inline ZoneLimits patient_limits() {
  ZoneLimits limits;
  limits.turn = std::chrono::seconds(20);
  limits.read = std::chrono::seconds(20);
  limits.write = std::chrono::seconds(20);
  limits.node.stalled = std::chrono::seconds(30);
  return limits;
}

class ZoneFixture {
 public:
  using Resolve = std::function<Result<SocketAddress>(const std::string& host, uint16_t port)>;

  explicit ZoneFixture(const std::vector<std::string>& nodes, const ZoneLimits& limits = patient_limits(),
                       unsigned data_shards = 4, unsigned parity_shards = 1)
      : ZoneFixture(parse_zone_nodes(nodes).value(), limits, data_shards, parity_shards) {}
  ZoneFixture(const std::vector<ZoneNode>& nodes, const ZoneLimits& limits, unsigned data_shards,
              unsigned parity_shards, Resolve resolve = resolve_address)
      : store_(ZoneStore::create(
                   {loop_.loop(), queue_, tier, counters,
                    NameLookup{names_, std::move(resolve), lines_to(not_found_)}, 1, lines_to(refusals_)},
                   data_shards, parity_shards, nodes, limits)
                   .value()) {}
  ~ZoneFixture() {
    store_->shut_down();
    store_->drain();
    loop_.stop();
  }

  ZoneStore& store() { return *store_; }
  EventLoop& loop() { return loop_.loop(); }
  // On the loop's thread.
  void run(std::function<void()> what) { loop_.run(std::move(what)); }
  void settle() { store_->drain(); }
  // What was said of nodes that refuse.
  std::vector<std::string> refusals() { return lines_of(refusals_); }
  // And of those whose name is not found.
  std::vector<std::string> not_found() { return lines_of(not_found_); }

  // Puts chunks first … first + n - 1, and waits until they are there.
  void fill(uint32_t first, uint32_t n, uint32_t length = 8192) {
    for (uint32_t i = first; i < first + n; ++i) store_->put(sample_chunk(i, length));
    settle();
  }
  // How many of them are found; each is verified by its type.
  uint32_t hits(uint32_t first, uint32_t n, uint32_t length = 8192) {
    uint32_t found = 0;
    for (uint32_t i = first; i < first + n; ++i) {
      const auto chunk = find_in(*store_, sample_ref(i, length));
      if (!chunk) continue;
      CHECK(chunk->ref() == sample_ref(i, length));
      ++found;
    }
    return found;
  }
  // Whether a read of chunk `i` is over as soon as it has begun.
  bool answers_at_once(uint32_t i) {
    const auto answered = std::make_shared<std::atomic<bool>>(false);
    const Fetch fetch{steady_clock().now() + std::chrono::seconds(30), Priority::kDemand, 0, {}};
    store_->find(sample_ref(i), fetch, [answered](const auto&) { *answered = true; });
    bool at_once = false;
    run([&] { at_once = *answered; });
    return at_once;
  }

  TierCounters tier{};
  ZoneCounters counters{};

 private:
  using Lines = std::vector<std::string>;

  static std::function<void(const std::string&)> lines_to(Lines& lines) {
    return [&lines](const std::string& line) { lines.push_back(line); };
  }
  Lines lines_of(const Lines& lines) {
    Lines copy;
    loop_.run([&] { copy = lines; });
    return copy;
  }

  // Of the loop's thread.
  Lines refusals_;
  Lines not_found_;
  LoopThread loop_;
  ThreadPool names_{1};
  std::unique_ptr<ZoneStore> store_;
  CpuQueue queue_{cpu_};
  ThreadPool cpu_{2};  // ends before the store does
};

// Five real nodes.
struct RealNodes {
  explicit RealNodes(size_t count = 5, const std::vector<std::string>& more = {}) {
    for (size_t i = 0; i < count; ++i) nodes.push_back(std::make_unique<MemcachedProcess>(more));
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& node : nodes) all.push_back(node->name());
    return all;
  }
  std::vector<std::unique_ptr<MemcachedProcess>> nodes;
};

}  // namespace thaw
