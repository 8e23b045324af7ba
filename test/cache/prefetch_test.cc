#include "cache/prefetch.h"

#include <catch2/catch.hpp>

#include "test/fakes/fake_source.h"
#include "test/fakes/sample_chunks.h"

namespace thaw::prefetch_test {
namespace {

PrefetchPlan plan_of(uint32_t chunks, uint32_t window) {
  PrefetchPlan plan;
  plan.window = window;
  plan.fetch.mount = 7;
  for (uint32_t i = 0; i < chunks; ++i) plan.chunks.push_back(sample_ref(i));
  return plan;
}

// Answers inside the call, as a memory tier does.
class ReadySource final : public ChunkSource {
 public:
  void get(const ChunkRef&, const Fetch&, Completion<Fetched> done) override {
    ++gets;
    done(Fetched{chunk, Tier::kMemory});
  }
  SealedChunk chunk = sample_chunk(1);
  size_t gets = 0;
};

TEST_CASE("a prefetch asks in order, at the lowest priority, no more than its window at a time") {
  FakeSource source;
  std::vector<Tier> tiers;
  PrefetchPlan plan = plan_of(10, 3);
  plan.fetched = [&tiers](const Fetched& fetched) { tiers.push_back(fetched.tier); };
  const auto prefetch = Prefetch::start(source, std::move(plan));
  for (uint32_t i = 0; i < 10; ++i) {
    CHECK(source.pending.size() == std::min(3U, 10 - i));
    CHECK(source.pending.front().ref == sample_ref(i));
    CHECK(source.pending.front().fetch.priority == Priority::kPrefetch);
    CHECK(source.pending.front().fetch.mount == 7);
    source.answer(sample_chunk(i));
  }
  CHECK(source.pending.empty());
  CHECK(tiers.size() == 10);
}

TEST_CASE("errors do not hold a prefetch up") {
  FakeSource source;
  const auto prefetch = Prefetch::start(source, plan_of(4, 1));
  for (int i = 0; i < 4; ++i) source.answer(Error{Code::kTimedOut, "late"});
  CHECK(source.gets == 4);
}

TEST_CASE("a prefetch ends when it is stopped or does not help") {
  FakeSource source;
  const auto stopped = Prefetch::start(source, plan_of(10, 2));
  stopped->stop();
  source.answer(sample_chunk(0));
  source.answer(sample_chunk(1));
  CHECK(source.gets == 2);

  bool helps = true;
  PrefetchPlan plan = plan_of(100, 2);
  plan.helps = [&helps] { return helps; };
  const auto useless = Prefetch::start(source, std::move(plan));
  source.answer(sample_chunk(0));
  helps = false;
  while (!source.pending.empty()) source.answer(sample_chunk(1));
  CHECK(useless->asked() < 8);
}

TEST_CASE("ten thousand chunks that are there already are no recursion") {
  ReadySource source;
  PrefetchPlan plan = plan_of(1, 16);
  plan.chunks.resize(10'000, plan.chunks.front());
  Prefetch::start(source, std::move(plan));
  CHECK(source.gets == 10'000);
}

}  // namespace
}  // namespace thaw::prefetch_test
