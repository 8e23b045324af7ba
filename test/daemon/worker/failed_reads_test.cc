#include "daemon/worker/failed_reads.h"

#include <catch2/catch.hpp>

namespace thaw::failed_reads_test {
namespace {

const Error kDamage{Code::kDamaged, "chunk ab is damaged"};
const TimePoint kStart{};

}  // namespace

TEST_CASE("one line tells of many failed reads, and how many there were", "[failed_reads]") {
  FailedReads reads;
  Digest manifest{};
  manifest.bytes[0] = 0xAB;
  const auto first = reads.note(manifest, 4096, kDamage, kStart);
  REQUIRE(first);
  CHECK(*first == "a read of image sha256:" + manifest.hex() + " at byte 4096 failed: chunk ab is damaged");
  CHECK_FALSE(reads.note(manifest, 0, kDamage, kStart));
  CHECK_FALSE(reads.note(manifest, 8192, kDamage, kStart + FailedReads::kInterval - Duration(1)));
  const auto next = reads.note(manifest, 0, kDamage, kStart + FailedReads::kInterval);
  REQUIRE(next);
  CHECK(next->ends_with("chunk ab is damaged; so did 2 reads since the last such line"));
  const auto later = reads.note(manifest, 0, kDamage, kStart + 2 * FailedReads::kInterval);
  REQUIRE(later);
  CHECK(later->ends_with("chunk ab is damaged"));
}

}  // namespace thaw::failed_reads_test
