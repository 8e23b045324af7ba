#include "lib/chunk/sealed_chunk.h"

#include <algorithm>
#include <utility>

#include "lib/base/units.h"
#include "lib/crypto/hash.h"

namespace thaw {
namespace {

constexpr uint64_t kPage = 4096;

ByteView page_of(ByteView bytes, uint64_t index) {
  const uint64_t begin = index * kPage;
  return bytes.subspan(begin, std::min(kPage, bytes.size() - begin));
}

}  // namespace

Result<SealedChunk> SealedChunk::verify(const ChunkRef& ref, Buffer&& ciphertext) {
  if (ciphertext.size() != ref.stored_length) {
    return Error{Code::kDamaged, "chunk " + ref.id.hex() + " has " + std::to_string(ciphertext.size()) +
                                     " bytes instead of " + std::to_string(ref.stored_length)};
  }
  if (sha256(ciphertext.view()) != ref.id) {
    return Error{Code::kDamaged, "chunk " + ref.id.hex() + " holds other bytes than its id names"};
  }
  const uint64_t pages = round_up(ciphertext.size(), kPage) / kPage;
  std::vector<uint32_t> crcs(pages);
  for (uint64_t i = 0; i < pages; ++i) crcs[i] = crc32c(page_of(ciphertext.view(), i));
  return SealedChunk(std::make_shared<State>(State{ref.id, std::move(ciphertext), std::move(crcs)}));
}

Result<ByteView> SealedChunk::checked_range(uint64_t offset, uint64_t length) const {
  const ByteView all = bytes();
  const uint64_t end = round_up(offset + length, kPage) / kPage;
  for (uint64_t page = offset / kPage; page < end; ++page) {
    if (crc32c(page_of(all, page)) != state_->page_crcs[page]) {
      return Error{Code::kDamaged,
                   "chunk " + id().hex() + " changed in memory; it is dropped and fetched again"};
    }
  }
  return all.subspan(offset, length);
}

}  // namespace thaw
