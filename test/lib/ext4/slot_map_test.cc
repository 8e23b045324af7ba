#include "lib/ext4/slot_map.h"

#include <catch2/catch.hpp>

namespace thaw::slot_map_test {
namespace {

TEST_CASE("a free slot is taken where the hash says") {
  SlotMap slots(100);
  CHECK(slots.take(142, 1) == 42);
  CHECK(slots.take(42, 1) == 43);
}

TEST_CASE("a run goes to the first place behind that holds it, around the end") {
  SlotMap slots(10);
  slots.take_at(4, 1);
  CHECK(slots.take(2, 3) == 5);
  CHECK(slots.take(9, 2) == 0);
  CHECK(slots.take(9, 1) == 9);
}

TEST_CASE("a run never bends around the end") {
  SlotMap slots(10);
  slots.take_at(3, 5);
  CHECK_FALSE(slots.take(8, 4).has_value());
  CHECK(slots.take(8, 3) == 0);
}

TEST_CASE("a full map gives nothing") {
  SlotMap slots(3);
  CHECK(slots.take(1, 3) == 0);
  CHECK_FALSE(slots.take(1, 1).has_value());
  CHECK_FALSE(SlotMap(3).take(0, 4).has_value());
}

}  // namespace
}  // namespace thaw::slot_map_test
