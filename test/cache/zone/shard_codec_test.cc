#include "cache/zone/shard_codec.h"

#include <catch2/catch.hpp>
#include <utility>

#include "test/fakes/sample_chunks.h"

namespace thaw::shard_codec_test {
namespace {

struct Coded {
  Coded(unsigned data, unsigned parity, uint32_t length)
      : code(ErasureCode::create(data, parity).value()),
        chunk(sample_chunk(1, length)),
        buffers(code, chunk.ref()),
        headers(code.shards()) {
    for (const EncodedShard& shard : encode_shards(code, chunk, std::vector<bool>(code.shards(), true))) {
      std::copy(shard.payload.begin(), shard.payload.end(), buffers.payloads[shard.index].begin());
      headers[shard.index] = shard.header;
      buffers.present[shard.index] = true;
    }
  }
  // Another payload with a header that fits it.
  void forge(unsigned index) {
    buffers.payloads[index][5] ^= 1;
    headers[index] = make_shard_header(shard_name(code, chunk.ref(), index), buffers.payloads[index]);
  }

  ErasureCode code;
  SealedChunk chunk;
  ShardBuffers buffers;
  std::vector<ShardHeader> headers;
};

}  // namespace

TEST_CASE("shards join to the chunk, whichever is lost", "[shard_codec]") {
  const uint32_t length = GENERATE(524288U, 8192U, 8191U, 1U, 100U);
  for (unsigned lost = 0; lost < 5; ++lost) {
    Coded coded(4, 1, length);
    coded.buffers.present[lost] = false;
    for (uint8_t& byte : coded.buffers.payloads[lost]) byte = 0xEE;
    const auto joined = join_shards(coded.code, coded.chunk.ref(), std::move(coded.buffers));
    REQUIRE(joined.ok());
    CHECK(joined->ref() == coded.chunk.ref());
  }
}

TEST_CASE("wrong shards never join", "[shard_codec]") {
  Coded coded(4, 1, 8192);
  coded.forge(2);
  CHECK(join_shards(coded.code, coded.chunk.ref(), std::move(coded.buffers)).error().code == Code::kDamaged);
}

TEST_CASE("forged shards are found out while enough others are there", "[shard_codec]") {
  for (unsigned first = 0; first < 6; ++first) {
    for (unsigned second = first; second < 6; ++second) {
      Coded coded(4, 2, 8192);
      coded.forge(first);
      if (second != first) coded.forge(second);
      const SalvagedChunk result =
          salvage_shards(coded.code, coded.chunk.ref(), coded.buffers, coded.headers, 64);
      REQUIRE(result.chunk.has_value());
      for (unsigned i = 0; i < 6; ++i) CHECK(result.bad[i] == (i == first || i == second));
    }
  }
}

TEST_CASE("what cannot be told apart is no chunk, and the attempts are bounded", "[shard_codec]") {
  Coded coded(4, 2, 8192);
  for (const unsigned i : {0U, 1U, 2U}) coded.forge(i);
  CHECK_FALSE(
      salvage_shards(coded.code, coded.chunk.ref(), coded.buffers, coded.headers, 64).chunk.has_value());
  Coded last(4, 2, 8192);
  last.forge(0);
  CHECK_FALSE(salvage_shards(last.code, last.chunk.ref(), last.buffers, last.headers, 1).chunk.has_value());
}

TEST_CASE("a flipped payload is told by its checksum", "[shard_codec]") {
  Coded coded(4, 0, 8192);
  coded.buffers.payloads[3][0] ^= 1;
  const SalvagedChunk result =
      salvage_shards(coded.code, coded.chunk.ref(), coded.buffers, coded.headers, 64);
  CHECK_FALSE(result.chunk.has_value());
  CHECK(result.bad == std::vector<bool>{false, false, false, true});
}

}  // namespace thaw::shard_codec_test
