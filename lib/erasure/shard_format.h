// Zone shards as bytes: the header in front of each, and the key that names it (docs/formats/zone.md).
//
// Pure; any thread. A header comes from a node that is not trusted: check_shard_header() compares every field
// with what is expected, so that nothing is allocated or decoded by its word.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "lib/base/buffer.h"
#include "lib/base/result.h"
#include "lib/chunk/sealed_chunk.h"

namespace thaw {

inline constexpr size_t kShardHeaderBytes = 64;
using ShardHeader = std::array<uint8_t, kShardHeaderBytes>;

// Which shard of what.
struct ShardName {
  ChunkRef chunk;
  uint8_t data_shards = 0;
  uint8_t parity_shards = 0;
  uint8_t index = 0;
};

// Bytes of each shard without its header: the k-th part, rounded up to 64 bytes.
uint32_t shard_length(uint32_t stored_length, unsigned data_shards);

// "t1/4+1/0/<id>"
std::string shard_key(const ShardName& name);

// "c1/<id>": who fetches a chunk that the zone lacks holds it for a moment.
std::string claim_key(const ChunkId& id);

// REQUIRES: payload.size() == shard_length(…)
ShardHeader make_shard_header(const ShardName& name, ByteView payload);

// kDamaged unless the header is whole and is that of this very shard.
Status check_shard_header(const ShardHeader& header, const ShardName& expected);

// Whether the header was made for these bytes. REQUIRES: check_shard_header(header, …).ok()
bool payload_fits(const ShardHeader& header, ByteView payload);

}  // namespace thaw
