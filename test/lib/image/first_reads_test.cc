#include "lib/image/first_reads.h"

#include <catch2/catch.hpp>

namespace thaw::first_reads_test {

using Order = std::vector<uint32_t>;

TEST_CASE("first reads are remembered in their order, each once, up to a limit", "[first_reads]") {
  FirstReads reads(10, 3);
  for (const size_t entry : {7, 2, 7, 2, 9, 4}) reads.note(entry);
  CHECK(reads.order() == Order{7, 2, 9});
}

TEST_CASE("who ends a recording ends none that has begun since", "[first_reads]") {
  FirstReads reads(10, 10);
  const uint32_t first = reads.recording();
  reads.note(1);
  reads.restart();
  const uint32_t second = reads.recording();
  CHECK_FALSE(reads.finish(first));
  reads.note(2);
  reads.note(1);
  CHECK(reads.order() == Order{2, 1});
  CHECK(reads.finish(second));
  reads.note(3);
  CHECK(reads.order() == Order{2, 1});
}

}  // namespace thaw::first_reads_test
