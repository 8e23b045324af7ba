// ZonePlacement: which nodes hold the shards of a chunk. A table of 4,096 slots, chosen by the id; each lists
// one node for each shard, all distinct, in distinct domains where there are enough (docs/formats/zone.md).
//
// A pure function of the id and the set of nodes, by integer arithmetic alone: every worker comes to the same
// table, in whatever order it lists the nodes. Immutable after construction; any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "cache/zone/zone_node.h"
#include "lib/chunk/sealed_chunk.h"

namespace thaw {

class ZonePlacement {
 public:
  static constexpr size_t kSlots = 4096;

  // REQUIRES: 0 < shards <= nodes.size() <= kMaxZoneNodes
  ZonePlacement(const std::vector<ZoneNode>& nodes, unsigned shards);

  static size_t slot_of(const ChunkId& id) { return size_t{id.bytes[0]} << 4 | id.bytes[1] >> 4; }

  // The node of each shard, as an index into the list of nodes given.
  const uint16_t* nodes_of(size_t slot) const { return &table_[slot * shards_]; }
  const uint16_t* nodes_of(const ChunkId& id) const { return nodes_of(slot_of(id)); }
  unsigned shards() const { return shards_; }

 private:
  unsigned shards_;
  std::vector<uint16_t> table_;
};

}  // namespace thaw
