#include "lib/chunk/sealed_chunk.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "lib/crypto/hash.h"

namespace thaw::sealed_chunk_test {

TEST_CASE("only bytes that fit the id become a sealed chunk", "[chunk]") {
  Buffer bytes(8192);
  for (size_t i = 0; i < bytes.size(); ++i) bytes.data()[i] = static_cast<uint8_t>(i * 7);
  const ChunkRef ref{sha256(bytes.view()), 8192};

  Buffer flipped = Buffer::copy_of(bytes.view());
  flipped.data()[5000] ^= 1;
  CHECK(SealedChunk::verify(ref, std::move(flipped)).error().code == Code::kDamaged);
  CHECK(SealedChunk::verify(ref, Buffer::copy_of(bytes.view().first(4096))).error().code == Code::kDamaged);
  CHECK(SealedChunk::verify({ref.id, 4096}, Buffer::copy_of(bytes.view())).error().code == Code::kDamaged);

  const auto chunk = SealedChunk::verify(ref, Buffer::copy_of(bytes.view()));
  REQUIRE(chunk.ok());
  CHECK(chunk.value().bytes().size() == 8192);
  CHECK(chunk.value().checked_range(4000, 4000).ok());
}

TEST_CASE("two chunks at once are verified as each alone", "[chunk]") {
  const uint32_t second_length = GENERATE(4096U, 8192U, 12'288U, 10'000U, 1U);
  Buffer first(8192);
  Buffer second(second_length);
  for (size_t i = 0; i < first.size(); ++i) first.data()[i] = static_cast<uint8_t>(i * 7);
  for (size_t i = 0; i < second.size(); ++i) second.data()[i] = static_cast<uint8_t>(i * 5);
  const ChunkRef first_ref{sha256(first.view()), 8192};
  const ChunkRef second_ref{sha256(second.view()), second_length};
  Unverified a{first_ref, Buffer::copy_of(first.view())};
  Unverified b{second_ref, Buffer::copy_of(second.view())};

  SECTION("both right") {
    const auto chunks = SealedChunk::verify_both(a, b);
    REQUIRE(chunks[0].ok());
    REQUIRE(chunks[1].ok());
    CHECK(chunks[0]->ref() == first_ref);
    CHECK(chunks[1]->ref() == second_ref);
    CHECK(chunks[0]->checked_range(0, 8192).ok());
    CHECK(chunks[1]->checked_range(0, second_length).ok());
  }
  SECTION("one with a flipped bit, whose bytes stay") {
    b.ciphertext.data()[second_length - 1] ^= 1;
    const auto chunks = SealedChunk::verify_both(a, b);
    CHECK(chunks[0].ok());
    CHECK(chunks[1].error().code == Code::kDamaged);
    CHECK(b.ciphertext.size() == second_length);
  }
  SECTION("one of another length") {
    a.ciphertext.truncate(4096);
    const auto chunks = SealedChunk::verify_both(a, b);
    CHECK(chunks[0].error().code == Code::kDamaged);
    CHECK(chunks[1].ok());
  }
  SECTION("exchanged") {
    std::swap(a.ciphertext, b.ciphertext);
    const auto chunks = SealedChunk::verify_both(a, b);
    CHECK(chunks[0].error().code == Code::kDamaged);
    CHECK(chunks[1].error().code == Code::kDamaged);
  }
}

TEST_CASE("a chunk is verified while it arrives", "[chunk]") {
  const uint32_t length = GENERATE(8192U, 10'000U, 1U);
  Buffer bytes(length);
  for (size_t i = 0; i < bytes.size(); ++i) bytes.data()[i] = static_cast<uint8_t>(i * 7);
  const ChunkRef ref{sha256(bytes.view()), length};
  ChunkVerification sound(ref, Buffer::copy_of(bytes.view()));
  for (uint64_t end = 0; end <= length; end += 1000) sound.advance(end);
  const auto chunk = sound.finish();
  REQUIRE(chunk.ok());
  CHECK(chunk.value().ref() == ref);
  CHECK(chunk.value().checked_range(0, length).ok());

  bytes.data()[length - 1] ^= 1;
  ChunkVerification damaged(ref, Buffer::copy_of(bytes.view()));
  damaged.advance(length / 2);
  CHECK(damaged.finish().error().code == Code::kDamaged);
  const Buffer back = damaged.take_bytes();
  CHECK(std::equal(back.view().begin(), back.view().end(), bytes.view().begin(), bytes.view().end()));
}

TEST_CASE("a bit that flips in memory is noticed by the pages it touches", "[chunk]") {
  const Buffer bytes = Buffer::copy_of(Bytes(8192, 3));
  const auto chunk = SealedChunk::verify({sha256(bytes.view()), 8192}, Buffer::copy_of(bytes.view()));
  REQUIRE(chunk.ok());
  const_cast<uint8_t*>(chunk.value().bytes().data())[5000] ^= 1;
  CHECK(chunk.value().checked_range(0, 4096).ok());
  CHECK(chunk.value().checked_range(4090, 10).error().code == Code::kDamaged);
}

}  // namespace thaw::sealed_chunk_test
