// SealedChunk: ciphertext whose SHA-256 was checked against its id. The only way to make one is verify(), so
// that unverified bytes have no type that travels through the tiers.
//
// Immutable and cheap to copy (shared); any thread may use it. Holds no plaintext and no key.
//
// ChunkVerification: the same step by step, for ciphertext that is still arriving. One thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "lib/base/buffer.h"
#include "lib/base/digest.h"
#include "lib/base/result.h"
#include "lib/crypto/hash.h"

namespace thaw {

// SHA-256 of a sealed chunk's ciphertext: its name in every tier.
using ChunkId = Digest;
using ChunkIdHash = DigestHash;

// What a manifest says of one chunk without its key.
struct ChunkRef {
  ChunkId id;
  uint32_t stored_length = 0;  // bytes of ciphertext

  bool operator==(const ChunkRef&) const = default;
};

// A wrong length must not be mixed up with the right one: it is part of what is asked for.
struct ChunkRefHash {
  size_t operator()(const ChunkRef& ref) const { return ChunkIdHash()(ref.id) ^ ref.stored_length; }
};

class ChunkVerification;

// What claims to be a chunk's ciphertext.
struct Unverified {
  ChunkRef ref;
  Buffer ciphertext;
};

class SealedChunk {
 public:
  // Hashes `ciphertext` (0.3 ms for 512 KiB: call on a worker thread); kDamaged when it is not what `ref`
  // names: then `ciphertext` still has its bytes, for who wants to tell wrong answers apart.
  static Result<SealedChunk> verify(const ChunkRef& ref, Buffer&& ciphertext);

  // The same for two, in little more than the time of one where the processor has SHA instructions.
  static std::array<Result<SealedChunk>, 2> verify_both(Unverified& first, Unverified& second);

  const ChunkId& id() const { return state_->id; }
  ChunkRef ref() const { return {id(), stored_length()}; }
  uint32_t stored_length() const { return static_cast<uint32_t>(state_->ciphertext.size()); }

  // Whether both are one copy in memory, and not only equal.
  bool same_copy_as(const SealedChunk& other) const { return state_ == other.state_; }

  // All ciphertext, as it was when it was verified.
  ByteView bytes() const { return state_->ciphertext.view(); }

  // ciphertext[offset, offset + length), after a CRC-32C over each 4 KiB page that it touches: days in memory
  // can flip a bit. kDamaged when one does not fit. REQUIRES: the range lies inside the chunk
  Result<ByteView> checked_range(uint64_t offset, uint64_t length) const;

 private:
  friend class ChunkVerification;
  struct State {
    ChunkId id;
    Buffer ciphertext;
    std::vector<uint32_t> page_crcs;
  };
  explicit SealedChunk(std::shared_ptr<const State> state) : state_(std::move(state)) {}

  std::shared_ptr<const State> state_;
};

class ChunkVerification {
 public:
  // `ciphertext` has its length, and its bytes may still be written.
  ChunkVerification(const ChunkRef& ref, Buffer&& ciphertext);

  // Hashes what lies before `end`: it is there and changes no more.
  void advance(uint64_t end);
  // Hashes the rest; as SealedChunk::verify().
  Result<SealedChunk> finish();
  // The bytes of what was no chunk. REQUIRES: finish() gave an error
  Buffer take_bytes() { return std::move(ciphertext_); }

 private:
  const ChunkRef ref_;
  Buffer ciphertext_;
  Sha256 hash_;
  std::vector<uint32_t> page_crcs_;
};

}  // namespace thaw
