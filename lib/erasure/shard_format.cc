#include "lib/erasure/shard_format.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "lib/base/units.h"
#include "lib/crypto/hash.h"

namespace thaw {
namespace {

constexpr std::string_view kMagic = "THZS";
constexpr uint8_t kVersion = 1;
constexpr uint64_t kShardAlignment = 64;

// Offsets; docs/formats/zone.md has the table.
constexpr size_t kVersionAt = 4;
constexpr size_t kDataAt = 5;
constexpr size_t kParityAt = 6;
constexpr size_t kIndexAt = 7;
constexpr size_t kStoredLengthAt = 8;
constexpr size_t kShardLengthAt = 12;
constexpr size_t kIdAt = 16;
constexpr size_t kPayloadCrcAt = 48;
constexpr size_t kHeaderCrcAt = 60;

void store_le32(ShardHeader& header, size_t at, uint32_t value) {
  for (size_t i = 0; i < 4; ++i) header.at(at + i) = static_cast<uint8_t>(value >> (8 * i));
}

uint32_t load_le32(const ShardHeader& header, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value |= uint32_t{header.at(at + i)} << (8 * i);
  return value;
}

uint32_t header_crc(const ShardHeader& header) { return crc32c(ByteView(header).first(kHeaderCrcAt)); }

// All but the two checksums.
ShardHeader named(const ShardName& name) {
  ShardHeader header{};
  std::copy(kMagic.begin(), kMagic.end(), header.begin());
  header[kVersionAt] = kVersion;
  header[kDataAt] = name.data_shards;
  header[kParityAt] = name.parity_shards;
  header[kIndexAt] = name.index;
  store_le32(header, kStoredLengthAt, name.chunk.stored_length);
  store_le32(header, kShardLengthAt, shard_length(name.chunk.stored_length, name.data_shards));
  std::copy(name.chunk.id.bytes.begin(), name.chunk.id.bytes.end(), header.begin() + kIdAt);
  return header;
}

}  // namespace

uint32_t shard_length(uint32_t stored_length, unsigned data_shards) {
  const uint64_t part = (uint64_t{stored_length} + data_shards - 1) / data_shards;
  return static_cast<uint32_t>(round_up(part, kShardAlignment));
}

std::string shard_key(const ShardName& name) {
  return "t1/" + std::to_string(name.data_shards) + "+" + std::to_string(name.parity_shards) + "/" +
         std::to_string(name.index) + "/" + name.chunk.id.hex();
}

std::string claim_key(const ChunkId& id) { return "c1/" + id.hex(); }

ShardHeader make_shard_header(const ShardName& name, ByteView payload) {
  ShardHeader header = named(name);
  store_le32(header, kPayloadCrcAt, crc32c(payload));
  store_le32(header, kHeaderCrcAt, header_crc(header));
  return header;
}

Status check_shard_header(const ShardHeader& header, const ShardName& expected) {
  const ShardHeader right = named(expected);
  const bool whole = load_le32(header, kHeaderCrcAt) == header_crc(header);
  const bool fields = std::equal(right.begin(), right.begin() + kPayloadCrcAt, header.begin());
  const bool reserved = std::all_of(header.begin() + kPayloadCrcAt + 4, header.begin() + kHeaderCrcAt,
                                    [](uint8_t byte) { return byte == 0; });
  if (whole && fields && reserved) return {};
  return Error{Code::kDamaged,
               shard_key(expected) + (whole ? ": holds something else" : ": its header is damaged")};
}

bool payload_fits(const ShardHeader& header, ByteView payload) {
  return payload.size() == load_le32(header, kShardLengthAt) &&
         crc32c(payload) == load_le32(header, kPayloadCrcAt);
}

}  // namespace thaw
