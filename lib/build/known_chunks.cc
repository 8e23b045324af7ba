#include "lib/build/known_chunks.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <utility>

#include "lib/base/file.h"
#include "lib/manifest/wire.h"

namespace thaw {
namespace {

constexpr std::string_view kKnownMagic = "THAWKNOW";
constexpr uint32_t kKnownFormat = 1;
constexpr uint64_t kMaxKnownFileBytes = 64 + kMaxKnownChunks * sizeof(ChunkId);

// Empty when they are not what remember() wrote.
std::vector<ChunkId> read_ids(ByteView bytes) {
  WireReader in(bytes);
  in.expect(as_bytes(kKnownMagic));
  in.expect_u32(kKnownFormat);
  const uint32_t count = in.u32();
  if (in.failed() || in.remaining() / sizeof(ChunkId) < count) return {};
  std::vector<ChunkId> ids(count);
  for (ChunkId& id : ids) std::ranges::copy(in.bytes(id.bytes.size()), id.bytes.begin());
  in.expect_checksum();
  if (!in.finished() || !std::ranges::is_sorted(ids)) return {};
  return ids;
}

std::vector<ChunkId> sorted_ids(const std::vector<ManifestChunk>& chunks) {
  std::vector<ChunkId> ids;
  ids.reserve(chunks.size());
  for (const ManifestChunk& chunk : chunks) ids.push_back(chunk.id);
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

// Files of roots that are gone would stay for ever.
void remove_oldest_files(const std::filesystem::path& folder) {
  std::error_code failure;
  std::vector<std::pair<std::filesystem::file_time_type, std::filesystem::path>> files;
  std::filesystem::directory_iterator entry(folder, failure);
  for (; entry != std::filesystem::directory_iterator(); entry.increment(failure)) {
    files.emplace_back(entry->last_write_time(failure), entry->path());
  }
  std::ranges::sort(files, std::greater<>());
  for (size_t i = kMaxKnownFiles; i < files.size(); ++i) std::filesystem::remove(files[i].second, failure);
}

}  // namespace

KnownChunks KnownChunks::read(const std::string& file) {
  KnownChunks known;
  const Result<Buffer> stored = read_file(file, kMaxKnownFileBytes);
  if (stored.ok()) known.ids_ = read_ids(stored->view());
  return known;
}

void KnownChunks::add(const std::vector<ManifestChunk>& chunks) {
  const std::vector<ChunkId> added = sorted_ids(chunks);
  std::vector<ChunkId> all;
  all.reserve(ids_.size() + added.size());
  std::ranges::set_union(ids_, added, std::back_inserter(all));
  ids_ = std::move(all);
}

bool KnownChunks::contains(const ChunkId& id) const { return std::ranges::binary_search(ids_, id); }

Status KnownChunks::remember(const std::string& file, const std::vector<ManifestChunk>& chunks, size_t most) {
  const std::string folder = file.substr(0, file.rfind('/'));
  THAW_TRY(make_folders(folder, 0700));
  std::vector<ChunkId> ids = sorted_ids(chunks);
  ids.resize(std::min(ids.size(), most));
  // Read anew: another build may have ended since.
  std::vector<ChunkId> others;
  std::ranges::set_difference(read(file).ids_, ids, std::back_inserter(others));
  others.resize(std::min(others.size(), most - ids.size()));
  ids.insert(ids.end(), others.begin(), others.end());
  std::ranges::sort(ids);
  WireWriter out;
  out.reserve(64 + ids.size() * sizeof(ChunkId));
  out.bytes(as_bytes(kKnownMagic));
  out.u32(kKnownFormat);
  out.u32(static_cast<uint32_t>(ids.size()));
  for (const ChunkId& id : ids) out.bytes(id.view());
  out.checksum();
  THAW_TRY(replace_file(file, out.view(), 0600));
  remove_oldest_files(folder);
  return {};
}

}  // namespace thaw
