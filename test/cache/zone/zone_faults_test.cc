#include <catch2/catch.hpp>

#include "cache/zone/zone_store.h"
#include "test/cache/zone/zone_fixture.h"

namespace thaw {

TEST_CASE("a node is killed: reads go on, from the parity", "[zone_faults]") {
  RealNodes nodes;
  ZoneFixture zone(nodes.names());
  zone.fill(0, 50);
  nodes.nodes[2]->kill();
  CHECK(zone.hits(0, 50) == 50);
  CHECK(zone.hits(0, 50) == 50);
  CHECK(zone.counters.rebuilt > 0);
  CHECK(zone.counters.ejections == 1);
  CHECK(zone.counters.nodes_out == 1);
}

}  // namespace thaw
