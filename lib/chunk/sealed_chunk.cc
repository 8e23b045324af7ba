#include "lib/chunk/sealed_chunk.h"

#include <algorithm>
#include <utility>

#include "lib/base/units.h"
#include "lib/crypto/hash.h"

namespace thaw {
namespace {

constexpr uint64_t kPage = 4096;
constexpr size_t kCacheLine = 64;

ByteView page_of(ByteView bytes, uint64_t index) {
  const uint64_t begin = index * kPage;
  return bytes.subspan(begin, std::min(kPage, bytes.size() - begin));
}

// All lines at once: the sum goes through a page in three places, and would wait for memory at each.
void fetch_into_cache(ByteView page) {
  for (size_t at = 0; at < page.size(); at += kCacheLine) __builtin_prefetch(page.data() + at);
}

}  // namespace

Result<SealedChunk> SealedChunk::verify(const ChunkRef& ref, Buffer&& ciphertext) {
  ChunkVerification verification(ref, std::move(ciphertext));
  Result<SealedChunk> chunk = verification.finish();
  if (!chunk.ok()) ciphertext = verification.take_bytes();
  return chunk;
}

ChunkVerification::ChunkVerification(const ChunkRef& ref, Buffer&& ciphertext)
    : ref_(ref), ciphertext_(std::move(ciphertext)) {
  page_crcs_.reserve(round_up(ciphertext_.size(), kPage) / kPage);
}

// A page's two sums one after the other, while it lies in the processor's nearest cache.
void ChunkVerification::advance(uint64_t end) {
  const ByteView all = ciphertext_.view();
  const uint64_t pages = end >= all.size() ? round_up(all.size(), kPage) / kPage : end / kPage;
  while (page_crcs_.size() < pages) {
    const ByteView page = page_of(all, page_crcs_.size());
    hash_.update(page);
    page_crcs_.push_back(crc32c(page));
  }
}

Result<SealedChunk> ChunkVerification::finish() {
  if (ciphertext_.size() != ref_.stored_length) {
    return Error{Code::kDamaged, "chunk " + ref_.id.hex() + " has " + std::to_string(ciphertext_.size()) +
                                     " bytes instead of " + std::to_string(ref_.stored_length)};
  }
  advance(ciphertext_.size());
  if (hash_.finish() != ref_.id) {
    return Error{Code::kDamaged, "chunk " + ref_.id.hex() + " holds other bytes than its id names"};
  }
  return SealedChunk(std::make_shared<SealedChunk::State>(
      SealedChunk::State{ref_.id, std::move(ciphertext_), std::move(page_crcs_)}));
}

Result<ByteView> SealedChunk::checked_range(uint64_t offset, uint64_t length) const {
  const ByteView all = bytes();
  const uint64_t end = round_up(offset + length, kPage) / kPage;
  for (uint64_t page = offset / kPage; page < end; ++page) {
    fetch_into_cache(page_of(all, page));
    if (crc32c(page_of(all, page)) != state_->page_crcs[page]) {
      return Error{Code::kDamaged,
                   "chunk " + id().hex() + " changed in memory; it is dropped and fetched again"};
    }
  }
  return all.subspan(offset, length);
}

}  // namespace thaw
