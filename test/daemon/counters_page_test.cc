#include "daemon/counters_page.h"

#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <thread>

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

TEST_CASE("two threads that ask for a new image at once are given one place", "[counters]") {
  const auto page = std::make_unique<CountersPage>();
  const Digest image = sha256(as_bytes("image"));
  std::atomic<uint32_t> arrived = 0;
  // One that sleeps or gives way would let one begin long after the other.
  const auto meet = [&arrived](uint32_t times) {
    ++arrived;
    while (arrived < 2 * times) continue;
  };
  std::array<const ImageCounters*, 2> places{};
  uint32_t differ = 0;
  const auto ask = [&](size_t thread) {
    for (uint32_t round = 0; round < 200; ++round) {
      meet(2 * round + 1);
      places.at(thread) = &page->image(image);
      meet(2 * round + 2);
      if (thread > 0) continue;
      differ += places[0] != places[1] ? 1 : 0;
      page->forget_image(image);
    }
  };
  std::thread other([&] { ask(1); });
  ask(0);
  other.join();
  CHECK(differ == 0);
}

}  // namespace thaw::counters_page_test
