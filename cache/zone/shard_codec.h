// From a sealed chunk to its shards and back: what the CPU does for the zone.
//
// Pure; any thread, but of a CPU executor by preference: every way back ends with the chunk's SHA-256.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "lib/erasure/erasure_code.h"
#include "lib/erasure/shard_format.h"

namespace thaw {

struct EncodedShard {
  unsigned index = 0;
  ShardHeader header;
  ByteView payload;
  std::shared_ptr<const void> owner;  // of the payload
};

// The name of shard `index` of a chunk under `code`.
ShardName shard_name(const ErasureCode& code, const ChunkRef& ref, unsigned index);

// The shards that are `wanted` (of code.shards()).
std::vector<EncodedShard> encode_shards(const ErasureCode& code, const SealedChunk& chunk,
                                        const std::vector<bool>& wanted);

// Memory for the payloads of one chunk's shards. The data shards lie one behind the other, so that they are
// the chunk as soon as they are there.
struct ShardBuffers {
  ShardBuffers(const ErasureCode& code, const ChunkRef& ref);

  Buffer data;
  std::vector<Buffer> parity;
  std::vector<bool> present;  // of code.shards()
  std::vector<MutableBytes> payloads;
};

// The chunk from any k shards whose headers were checked; kDamaged when a payload is wrong.
// REQUIRES: at least k shards are present
Result<SealedChunk> join_shards(const ErasureCode& code, const ChunkRef& ref, ShardBuffers&& shards);

// What could be told from shards of which some are wrong.
struct SalvagedChunk {
  std::optional<SealedChunk> chunk;
  std::vector<bool> bad;  // those of the shards present that are not the chunk's
};

// Tries up to `combinations` choices of k shards, those first that their checksums let pass.
SalvagedChunk salvage_shards(const ErasureCode& code, const ChunkRef& ref, const ShardBuffers& shards,
                             const std::vector<ShardHeader>& headers, uint32_t combinations);

}  // namespace thaw
