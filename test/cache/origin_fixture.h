// OriginFixture: an origin over a store in memory, with time and executors of the test's own.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cache/origin.h"
#include "test/fakes/executors.h"
#include "test/fakes/fake_object_reader.h"
#include "test/fakes/fake_source.h"
#include "test/fakes/manual_timers.h"
#include "test/fakes/sample_chunks.h"

namespace thaw {

inline std::string origin_key(const std::string& root, const ChunkId& id) { return root + "/" + id.hex(); }

struct OriginFixture {
  explicit OriginFixture(std::vector<std::string> roots = {"r1"}, OriginLimits limits = {})
      : origin({reader, queue, timers, counters, origin_key, 1}, std::move(roots), limits) {}
  ~OriginFixture() {
    origin.shut_down();
    cpu.run_all();
    while (timers.run_next()) cpu.run_all();
  }

  void add(const std::string& root, uint32_t number, const Bytes& bytes) {
    reader.add(origin_key(root, sample_ref(number).id), bytes);
  }
  void add(const std::string& root, uint32_t number) { add(root, number, sample_bytes(number, 8192)); }

  Fetch fetch(Priority priority = Priority::kDemand, uint64_t mount = 1) {
    return {timers.now() + std::chrono::seconds(30), priority, mount, {}};
  }
  void get(uint32_t number, Answer<Fetched>& answer) {
    origin.get(sample_ref(number), fetch(), answer.completion());
  }
  // Until `answer` is there, or nothing more can happen.
  void run(const Answer<Fetched>& answer) {
    cpu.run_all();
    while (answer.times == 0 && timers.run_next()) cpu.run_all();
  }

  ManualTimers timers;
  CpuQueue queue{cpu};
  ManualExecutor cpu;  // ends before its queue does
  FakeObjectReader reader{timers, 1};
  TierCounters counters{};
  Origin origin;
  Answer<Fetched> a;
  Answer<Fetched> b;
};

}  // namespace thaw
