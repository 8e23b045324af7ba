#include "lib/chunk/sealed_chunk.h"

#include <algorithm>
#include <utility>

#include "lib/base/units.h"
#include "lib/crypto/sha256_pair.h"

namespace thaw {
namespace {

constexpr uint64_t kPage = 4096;

ByteView page_of(ByteView bytes, uint64_t index) {
  const uint64_t begin = index * kPage;
  return bytes.subspan(begin, std::min(kPage, bytes.size() - begin));
}

uint64_t page_count(ByteView bytes) { return round_up(bytes.size(), kPage) / kPage; }

Status check_length(const ChunkRef& ref, const Buffer& ciphertext) {
  if (ciphertext.size() == ref.stored_length) return {};
  return Error{Code::kDamaged, "chunk " + ref.id.hex() + " has " + std::to_string(ciphertext.size()) +
                                   " bytes instead of " + std::to_string(ref.stored_length)};
}

Error wrong_bytes(const ChunkId& id) {
  return Error{Code::kDamaged, "chunk " + id.hex() + " holds other bytes than its id names"};
}

// Of a page of one message, while the other has more: what goes into the hash now. The last bytes of a
// message, which make no block, come in the end.
ByteView whole_blocks(ByteView page) {
  return page.first(page.size() / Sha256Pair::kBlock * Sha256Pair::kBlock);
}
ByteView last_bytes(ByteView all) { return all.last(all.size() % Sha256Pair::kBlock); }

}  // namespace

Result<SealedChunk> SealedChunk::verify(const ChunkRef& ref, Buffer&& ciphertext) {
  ChunkVerification verification(ref, std::move(ciphertext));
  Result<SealedChunk> chunk = verification.finish();
  if (!chunk.ok()) ciphertext = verification.take_bytes();
  return chunk;
}

std::array<Result<SealedChunk>, 2> SealedChunk::verify_both(Unverified& first, Unverified& second) {
  if (!check_length(first.ref, first.ciphertext).ok() || !check_length(second.ref, second.ciphertext).ok()) {
    return {verify(first.ref, std::move(first.ciphertext)), verify(second.ref, std::move(second.ciphertext))};
  }
  const std::array<Unverified*, 2> both = {&first, &second};
  const Sha256Pair::Messages all = {first.ciphertext.view(), second.ciphertext.view()};
  std::array<std::vector<uint32_t>, 2> page_crcs;
  Sha256Pair hash;
  // Page by page, as one alone; see ChunkVerification::advance().
  for (uint64_t page = 0; page < std::max(page_count(all[0]), page_count(all[1])); ++page) {
    Sha256Pair::Messages pages;
    for (size_t i = 0; i < 2; ++i) {
      if (page < page_count(all[i])) pages[i] = page_of(all[i], page);
    }
    const auto crcs = hash.update({whole_blocks(pages[0]), whole_blocks(pages[1])});
    for (size_t i = 0; i < 2; ++i) {
      if (pages[i].empty()) continue;
      page_crcs[i].push_back(last_bytes(pages[i]).empty() ? crcs[i] : crc32c(pages[i]));
    }
  }
  const std::array<Digest, 2> digests = hash.finish({last_bytes(all[0]), last_bytes(all[1])});
  const auto result = [&](size_t i) -> Result<SealedChunk> {
    if (digests[i] != both[i]->ref.id) return wrong_bytes(both[i]->ref.id);
    return SealedChunk(std::make_shared<State>(
        State{both[i]->ref.id, std::move(both[i]->ciphertext), std::move(page_crcs[i])}));
  };
  return {result(0), result(1)};
}

ChunkVerification::ChunkVerification(const ChunkRef& ref, Buffer&& ciphertext)
    : ref_(ref), ciphertext_(std::move(ciphertext)) {
  page_crcs_.reserve(page_count(ciphertext_.view()));
}

// A page's two sums one after the other, while it lies in the processor's nearest cache.
void ChunkVerification::advance(uint64_t end) {
  const ByteView all = ciphertext_.view();
  const uint64_t pages = end >= all.size() ? page_count(all) : end / kPage;
  while (page_crcs_.size() < pages) {
    const ByteView page = page_of(all, page_crcs_.size());
    hash_.update(page);
    page_crcs_.push_back(crc32c(page));
  }
}

Result<SealedChunk> ChunkVerification::finish() {
  THAW_TRY(check_length(ref_, ciphertext_));
  advance(ciphertext_.size());
  if (hash_.finish() != ref_.id) return wrong_bytes(ref_.id);
  return SealedChunk(std::make_shared<SealedChunk::State>(
      SealedChunk::State{ref_.id, std::move(ciphertext_), std::move(page_crcs_)}));
}

Result<ByteView> SealedChunk::checked_range(uint64_t offset, uint64_t length) const {
  const ByteView all = bytes();
  const uint64_t end = round_up(offset + length, kPage) / kPage;
  for (uint64_t page = offset / kPage; page < end; ++page) {
    if (crc32c(page_of(all, page)) != state_->page_crcs[page]) {
      return Error{Code::kDamaged, "chunk " + id().hex() + " changed in memory"};
    }
  }
  return all.subspan(offset, length);
}

}  // namespace thaw
