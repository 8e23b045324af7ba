#include "cache/retry.h"

#include "lib/base/retry_backoff.h"

#include <catch2/catch.hpp>

#include "cache/recent_chunks.h"
#include "lib/crypto/hash.h"
#include "test/fakes/sample_chunks.h"

namespace thaw::retry_test {

TEST_CASE("backoff is drawn below a bound that doubles up to its limit", "[retry]") {
  const RetryLimits limits;
  bool beyond_first = false;
  Duration most{};
  for (uint64_t seed = 0; seed < 50; ++seed) {
    RetryBackoff backoff(limits.first_backoff, limits.longest_backoff, seed);
    CHECK(backoff.next() <= limits.first_backoff);
    beyond_first = backoff.next() > limits.first_backoff || beyond_first;
    for (int i = 0; i < 20; ++i) {
      const Duration drawn = backoff.next();
      CHECK(drawn <= limits.longest_backoff);
      most = std::max(most, drawn);
    }
  }
  CHECK(beyond_first);
  CHECK(most > limits.longest_backoff / 2);
}

TEST_CASE("three equal wrong answers are too many, or five of any kind", "[retry]") {
  const RetryLimits limits;
  WrongAnswers equal;
  CHECK_FALSE(equal.add(sample_ref(1).id, limits));
  CHECK_FALSE(equal.add(sample_ref(1).id, limits));
  CHECK(equal.add(sample_ref(1).id, limits));
  WrongAnswers different;
  for (uint32_t i = 0; i < 4; ++i) CHECK_FALSE(different.add(sample_ref(i).id, limits));
  CHECK(different.add(sample_ref(4).id, limits));
}

TEST_CASE("short answers are too many only when three are equal", "[retry]") {
  const RetryLimits limits;
  WrongAnswers answers;
  for (uint32_t i = 0; i < 100; ++i) CHECK_FALSE(answers.add_short(sample_ref(i).id, limits));
  CHECK_FALSE(answers.add(sample_ref(200).id, limits));
  CHECK_FALSE(answers.add_short(sample_ref(200).id, limits));
  CHECK(answers.add_short(sample_ref(200).id, limits));
}

TEST_CASE("damage is remembered for its time and within a limit", "[retry]") {
  RecentChunks<Error> memory(std::chrono::seconds(5));
  const TimePoint start{std::chrono::hours(1)};
  memory.remember(sample_ref(1), Error{Code::kDamaged, "one"}, start);
  REQUIRE(memory.find(sample_ref(1), start + std::chrono::seconds(4)) != nullptr);
  CHECK(memory.find(sample_ref(1), start)->message == "one");
  CHECK(memory.find(sample_ref(2), start) == nullptr);
  CHECK(memory.find(sample_ref(1), start + std::chrono::seconds(5)) == nullptr);

  ChunkRef ref;
  for (uint32_t i = 0; i <= RecentChunks<Error>::kMaxRemembered; ++i) {
    ref.stored_length = i;
    memory.remember(ref, Error{Code::kDamaged, ""}, start);
  }
  CHECK(memory.find(ref, start) != nullptr);
  ref.stored_length = 0;
  CHECK(memory.find(ref, start) == nullptr);
}

}  // namespace thaw::retry_test
