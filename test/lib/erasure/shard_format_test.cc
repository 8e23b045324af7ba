#include "lib/erasure/shard_format.h"

#include <catch2/catch.hpp>

#include "lib/crypto/hash.h"

namespace thaw::shard_format_test {
namespace {

ShardName sample_name() { return {{sha256(as_bytes("chunk")), 10000}, 4, 1, 2}; }

}  // namespace

TEST_CASE("a shard's length is the k-th part, rounded up to 64 bytes", "[shard_format]") {
  CHECK(shard_length(524288, 4) == 131072);
  CHECK(shard_length(4096, 4) == 1024);
  CHECK(shard_length(10000, 4) == 2560);
  CHECK(shard_length(1, 4) == 64);
  CHECK(shard_length(524288, 1) == 524288);
}

TEST_CASE("keys name the code, the shard and the chunk", "[shard_format]") {
  CHECK(shard_key(sample_name()) == "t1/4+1/2/" + sha256(as_bytes("chunk")).hex());
}

TEST_CASE("the header has the documented bytes", "[shard_format]") {
  const Bytes payload(2560, 7);
  const ShardHeader header = make_shard_header(sample_name(), payload);
  CHECK(to_hex(ByteView(header).first(16)) ==
        "54485a5301040102"
        "10270000000a0000");
  CHECK(to_hex(ByteView(header).subspan(16, 32)) == sha256(as_bytes("chunk")).hex());
  CHECK(to_hex(ByteView(header).subspan(52, 8)) == "0000000000000000");
}

TEST_CASE("a header is taken for its own shard only", "[shard_format]") {
  const Bytes payload(2560, 7);
  const ShardName name = sample_name();
  const ShardHeader header = make_shard_header(name, payload);
  REQUIRE(check_shard_header(header, name).ok());
  CHECK(payload_fits(header, payload));

  ShardName other = name;
  SECTION("another chunk") { other.chunk.id = sha256(as_bytes("other")); }
  SECTION("another length") { other.chunk.stored_length = 10001; }
  SECTION("another k") { other.data_shards = 3; }
  SECTION("another m") { other.parity_shards = 2; }
  SECTION("another index") { other.index = 3; }
  CHECK(check_shard_header(make_shard_header(other, payload), name).error().code == Code::kDamaged);
}

TEST_CASE("no flipped bit of a header or its payload goes unseen", "[shard_format]") {
  Bytes payload(2560, 7);
  const ShardHeader header = make_shard_header(sample_name(), payload);
  for (size_t bit = 0; bit < kShardHeaderBytes * 8; ++bit) {
    ShardHeader flipped = header;
    flipped.at(bit / 8) ^= static_cast<uint8_t>(1U << bit % 8);
    CHECK_FALSE(check_shard_header(flipped, sample_name()).ok());
  }
  for (size_t bit = 0; bit < payload.size() * 8; bit += 97) {
    payload[bit / 8] ^= static_cast<uint8_t>(1U << bit % 8);
    CHECK_FALSE(payload_fits(header, payload));
    payload[bit / 8] ^= static_cast<uint8_t>(1U << bit % 8);
  }
  CHECK_FALSE(payload_fits(header, ByteView(payload).first(2559)));
}

}  // namespace thaw::shard_format_test
