#include "cache/zone/shard_codec.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace thaw {
namespace {

// What the payloads of one chunk's shards point into.
struct ShardMemory {
  SealedChunk chunk;
  Buffer padded;  // the chunk's bytes with zeros behind, where the shards do not divide them evenly
  std::vector<Buffer> parity;
};

std::vector<ByteView> split(ByteView bytes, size_t length, unsigned parts) {
  std::vector<ByteView> views;
  for (unsigned i = 0; i < parts; ++i) views.push_back(bytes.subspan(i * length, length));
  return views;
}

// The chunk from the shards that `chosen` names.
Result<SealedChunk> try_shards(const ErasureCode& code, const ChunkRef& ref, const ShardBuffers& shards,
                               const std::vector<bool>& chosen) {
  ShardBuffers copy(code, ref);
  copy.present = chosen;
  for (unsigned i = 0; i < code.shards(); ++i) {
    if (chosen[i]) std::copy(shards.payloads[i].begin(), shards.payloads[i].end(), copy.payloads[i].begin());
  }
  return join_shards(code, ref, std::move(copy));
}

// Which of the shards present are not those of `chunk`.
std::vector<bool> differing(const ErasureCode& code, const SealedChunk& chunk, const ShardBuffers& shards) {
  std::vector<bool> bad(code.shards());
  for (const EncodedShard& right : encode_shards(code, chunk, shards.present)) {
    const MutableBytes got = shards.payloads[right.index];
    bad[right.index] = !std::equal(got.begin(), got.end(), right.payload.begin(), right.payload.end());
  }
  return bad;
}

}  // namespace

ShardName shard_name(const ErasureCode& code, const ChunkRef& ref, unsigned index) {
  return {ref, static_cast<uint8_t>(code.data_shards()), static_cast<uint8_t>(code.parity_shards()),
          static_cast<uint8_t>(index)};
}

std::vector<EncodedShard> encode_shards(const ErasureCode& code, const SealedChunk& chunk,
                                        const std::vector<bool>& wanted) {
  const size_t length = shard_length(chunk.stored_length(), code.data_shards());
  auto memory = std::make_shared<ShardMemory>(ShardMemory{chunk, {}, {}});
  ByteView all = chunk.bytes();
  if (all.size() < length * code.data_shards()) {
    memory->padded = Buffer(length * code.data_shards());
    std::memcpy(memory->padded.data(), all.data(), all.size());
    std::memset(memory->padded.data() + all.size(), 0, memory->padded.size() - all.size());
    all = memory->padded.view();
  }
  std::vector<ByteView> payloads = split(all, length, code.data_shards());
  const bool parity_wanted =
      std::find(wanted.begin() + code.data_shards(), wanted.end(), true) != wanted.end();
  if (parity_wanted) {
    std::vector<MutableBytes> parity;
    for (unsigned i = 0; i < code.parity_shards(); ++i) memory->parity.emplace_back(length);
    for (Buffer& buffer : memory->parity) parity.push_back(buffer.mutable_view());
    code.encode(payloads, parity);
    payloads.insert(payloads.end(), parity.begin(), parity.end());
  }
  std::vector<EncodedShard> shards;
  for (unsigned i = 0; i < payloads.size(); ++i) {
    if (!wanted[i]) continue;
    const ShardHeader header = make_shard_header(shard_name(code, chunk.ref(), i), payloads[i]);
    shards.push_back({i, header, payloads[i], memory});
  }
  return shards;
}

ShardBuffers::ShardBuffers(const ErasureCode& code, const ChunkRef& ref) : present(code.shards()) {
  const size_t length = shard_length(ref.stored_length, code.data_shards());
  data = Buffer(length * code.data_shards());
  for (unsigned i = 0; i < code.data_shards(); ++i) {
    payloads.push_back(data.mutable_view().subspan(i * length, length));
  }
  for (unsigned i = 0; i < code.parity_shards(); ++i) {
    payloads.push_back(parity.emplace_back(length).mutable_view());
  }
}

Result<SealedChunk> join_shards(const ErasureCode& code, const ChunkRef& ref, ShardBuffers&& shards) {
  code.restore_data(shards.payloads, shards.present);
  shards.data.truncate(ref.stored_length);
  return SealedChunk::verify(ref, std::move(shards.data));
}

SalvagedChunk salvage_shards(const ErasureCode& code, const ChunkRef& ref, const ShardBuffers& shards,
                             const std::vector<ShardHeader>& headers, uint32_t combinations) {
  SalvagedChunk salvaged{std::nullopt, std::vector<bool>(code.shards())};
  std::vector<unsigned> whole;
  for (unsigned i = 0; i < code.shards(); ++i) {
    if (!shards.present[i]) continue;
    salvaged.bad[i] = !payload_fits(headers[i], shards.payloads[i]);
    if (!salvaged.bad[i]) whole.push_back(i);
  }
  if (whole.size() < code.data_shards()) return salvaged;
  std::vector<bool> mask(whole.size());
  std::fill(mask.begin(), mask.begin() + code.data_shards(), true);
  do {
    std::vector<bool> chosen(code.shards());
    for (size_t i = 0; i < whole.size(); ++i) chosen[whole[i]] = mask[i];
    Result<SealedChunk> chunk = try_shards(code, ref, shards, chosen);
    if (!chunk.ok()) continue;
    salvaged.chunk = std::move(chunk).value();
    salvaged.bad = differing(code, *salvaged.chunk, shards);
    return salvaged;
  } while (--combinations > 0 && std::prev_permutation(mask.begin(), mask.end()));
  return salvaged;
}

}  // namespace thaw
