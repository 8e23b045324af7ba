#include "daemon/counters_page.h"

#include <catch2/catch.hpp>
#include <memory>

#include "lib/crypto/hash.h"

namespace thaw::counters_page_test {

TEST_CASE("an image that takes another's place begins at zero, whatever still came for that one",
          "[counters]") {
  const auto page = std::make_unique<CountersPage>();
  const Digest one = sha256(as_bytes("one"));
  const Digest other = sha256(as_bytes("other"));
  ImageCounters& counters = page->image(one);
  count(counters.chunks_fetched[3], 5);
  CHECK(&page->image(one) == &counters);
  page->forget_image(one);
  count(counters.chunks_fetched[3]);  // a prefetch that was under way
  count(counters.zeros_answered, 4096);
  CHECK(&page->image(other) == &counters);
  CHECK(counters.chunks_fetched[3] == 0);
  CHECK(counters.bytes_read() == 0);
}

}  // namespace thaw::counters_page_test
