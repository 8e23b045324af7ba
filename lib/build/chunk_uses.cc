#include "lib/build/chunk_uses.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "lib/base/file.h"
#include "lib/manifest/wire.h"

namespace thaw {
namespace {

constexpr std::string_view kUsesMagic = "THAWUSES";
constexpr uint32_t kUsesFormat = 1;
constexpr size_t kUseBytes = 16;
constexpr uint64_t kMaxUsesFileBytes = 64 + kMaxRememberedChunks * kUseBytes;
constexpr int kBits = 64;

Error damaged_uses(const std::string& file) {
  return {Code::kDamaged, file + ": what was remembered of chunks' uses is damaged; remove the file"};
}

}  // namespace

Result<ChunkUses> ChunkUses::read(const std::string& file) {
  ChunkUses known;
  const Result<Buffer> stored = read_file(file, kMaxUsesFileBytes);
  if (!stored.ok() && stored.error().code == Code::kNotFound) return known;
  if (!stored.ok()) return stored.error();
  WireReader in(stored->view());
  in.expect(as_bytes(kUsesMagic));
  in.expect_u32(kUsesFormat);
  const uint32_t count = in.u32();
  if (in.failed() || in.remaining() / kUseBytes < count) return damaged_uses(file);
  known.uses_.reserve(count);
  for (uint32_t i = 0; i < count; ++i) {
    const Use use{in.u64(), in.u64()};
    if (!known.uses_.empty() && use.chunk <= known.uses_.back().chunk) return damaged_uses(file);
    known.uses_.push_back(use);
  }
  in.expect_checksum();
  if (!in.finished()) return damaged_uses(file);
  return known;
}

ChunkUses::Bits ChunkUses::images_of(Tag chunk) const {
  const auto found = std::ranges::lower_bound(uses_, chunk, {}, &Use::chunk);
  return found != uses_.end() && found->chunk == chunk ? found->images : 0;
}

Status ChunkUses::remember(const std::string& file, std::vector<Tag> chunks, Bits bit, size_t most) {
  THAW_TRY(make_folders(file.substr(0, file.rfind('/')), 0700));
  // Read anew: another build may have ended since.
  THAW_ASSIGN(ChunkUses known, read(file));
  known.add(std::move(chunks), bit);
  known.forget_all_but(std::min(most, kMaxRememberedChunks));
  WireWriter out;
  out.reserve(64 + known.uses_.size() * kUseBytes);
  out.bytes(as_bytes(kUsesMagic));
  out.u32(kUsesFormat);
  out.u32(static_cast<uint32_t>(known.uses_.size()));
  for (const Use& use : known.uses_) {
    out.u64(use.chunk);
    out.u64(use.images);
  }
  out.checksum();
  return replace_file(file, out.view(), 0600);
}

void ChunkUses::add(std::vector<Tag> chunks, Bits bit) {
  std::ranges::sort(chunks);
  chunks.erase(std::unique(chunks.begin(), chunks.end()), chunks.end());
  std::vector<Use> all;
  all.reserve(uses_.size() + chunks.size());
  auto known = uses_.begin();
  for (const Tag chunk : chunks) {
    while (known != uses_.end() && known->chunk < chunk) all.push_back(*known++);
    const bool seen = known != uses_.end() && known->chunk == chunk;
    all.push_back({chunk, (seen ? (known++)->images : 0) | bit});
  }
  all.insert(all.end(), known, uses_.end());
  uses_ = std::move(all);
}

void ChunkUses::forget_all_but(size_t most) {
  if (uses_.size() <= most) return;
  const auto more_used = [](const Use& a, const Use& b) {
    const int first = std::popcount(a.images);
    const int second = std::popcount(b.images);
    return first != second ? first > second : a.chunk < b.chunk;
  };
  std::nth_element(uses_.begin(), uses_.begin() + static_cast<std::ptrdiff_t>(most), uses_.end(), more_used);
  uses_.resize(most);
  std::ranges::sort(uses_, {}, &Use::chunk);
}

// Linear counting (Whang, Vander-Zanden, Taylor 1990).
uint64_t images_counted(ChunkUses::Bits images) {
  const int free = std::max(kBits - std::popcount(images), 1);
  return static_cast<uint64_t>(std::lround(kBits * std::log(static_cast<double>(kBits) / free)));
}

}  // namespace thaw
