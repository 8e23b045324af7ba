#include "cache/zone/shard_join.h"

#include <catch2/catch.hpp>
#include <utility>

#include "test/fakes/executors.h"
#include "test/fakes/sample_chunks.h"

namespace thaw::shard_join_test {
namespace {

struct Joining {
  explicit Joining(uint32_t length = 100'000)
      : chunk(sample_chunk(1, length)),
        shards(encode_shards(code, chunk, std::vector<bool>(5, true))),
        join(std::make_shared<ShardJoin>(queue, code, chunk.ref(), Fetch{}, Activity::Token(activity))) {}

  void arrive(unsigned index) {
    const ByteView bytes = shards[index].payload;
    std::copy(bytes.begin(), bytes.end(), join->payloads()[index].begin());
  }
  void finish(const std::vector<bool>& present) {
    join->finish(present, [this](Result<SealedChunk> result) {
      ++joined;
      if (result.ok()) found = std::move(result).value();
    });
  }

  const ErasureCode code = ErasureCode::create(4, 1).value();
  const SealedChunk chunk;
  const std::vector<EncodedShard> shards;
  Activity activity;
  CpuQueue queue{cpu};
  ManualExecutor cpu;  // ends before its queue does
  std::shared_ptr<ShardJoin> join;
  int joined = 0;
  std::optional<SealedChunk> found;
};

}  // namespace

TEST_CASE("shards are hashed while others arrive", "[shard_join]") {
  Joining test(GENERATE(524288U, 100'000U));
  for (unsigned i = 0; i < 4; ++i) {
    test.arrive(i);
    test.join->arrived(i + 1);
    CHECK(test.cpu.pending() == 1);
    test.cpu.run_all();
    // What was hashed is not looked at again.
    if (i == 0) test.join->payloads()[0][0] ^= 1;
  }
  test.finish({true, true, true, true, false});
  test.cpu.run_all();
  CHECK(test.joined == 1);
  CHECK(test.found.has_value());
}

TEST_CASE("one turn takes all that has arrived before it", "[shard_join]") {
  Joining test(GENERATE(524288U, 100'000U, 4096U, 1U));
  for (unsigned i = 0; i < 4; ++i) {
    test.arrive(i);
    test.join->arrived(i + 1);
  }
  test.finish({true, true, true, true, false});
  CHECK(test.cpu.pending() == 1);
  test.cpu.run_all();
  REQUIRE(test.found.has_value());
  CHECK(test.found->ref() == test.chunk.ref());
}

TEST_CASE("a shard that does not come is made of the others", "[shard_join]") {
  const unsigned lost = GENERATE(0U, 1U, 2U, 3U);
  Joining test;
  std::vector<bool> present(5, true);
  present[lost] = false;
  for (uint8_t& byte : test.join->payloads()[lost]) byte = 0xEE;
  for (unsigned i = 0; i < 5; ++i) {
    if (i == lost) continue;
    test.arrive(i);
    if (i < lost) test.join->arrived(i + 1);
    test.cpu.run_all();
  }
  test.finish(present);
  test.cpu.run_all();
  REQUIRE(test.found.has_value());
  CHECK(test.found->ref() == test.chunk.ref());
}

TEST_CASE("a wrong shard is no chunk", "[shard_join]") {
  Joining test;
  for (unsigned i = 0; i < 4; ++i) test.arrive(i);
  test.join->payloads()[2][7] ^= 1;
  test.join->arrived(4);
  test.cpu.run_all();
  test.finish({true, true, true, true, false});
  test.cpu.run_all();
  CHECK(test.joined == 1);
  CHECK_FALSE(test.found.has_value());
}

TEST_CASE("what nobody wants is left, and counts as under way until its turn has come", "[shard_join]") {
  Joining test;
  test.arrive(0);
  test.join->arrived(1);
  test.join->abandon();
  test.join.reset();
  CHECK(test.activity.count() == 1);
  test.cpu.run_all();
  CHECK(test.activity.count() == 0);
  CHECK(test.joined == 0);
}

}  // namespace thaw::shard_join_test
