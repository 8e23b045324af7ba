#include "daemon/worker/served_images.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <mutex>
#include <sstream>

#include "daemon/log/log.h"
#include "lib/manifest/manifest_memory.h"
#include "lib/manifest/trace.h"

namespace thaw {
namespace {

constexpr std::string_view kWaitSuffix = "-wait";

std::shared_ptr<const ImageMap> image_map(OpenManifest manifest) {
  auto map = std::make_shared<ImageMap>();
  map->device_size = manifest.clear.device_bytes;
  map->chunk_size = manifest.clear.chunk_size;
  map->entries.reserve(manifest.clear.chunks.size());
  for (const ManifestChunk& chunk : manifest.clear.chunks) map->entries.push_back({chunk.index, chunk.ref()});
  map->keys = std::move(manifest.keys);
  return map;
}

// The roots stand in a line of their own before the manifest.
Result<size_t> roots_line_end(ByteView image) {
  constexpr size_t kMaxLine = 4096;
  const auto line = image.first(std::min(kMaxLine, image.size()));
  const auto end = std::ranges::find(line, '\n');
  if (end == line.end()) return Error{Code::kDamaged, "what was kept of an image is not complete"};
  return static_cast<size_t>(end - line.begin());
}

std::vector<std::string> words_of(std::string_view line) {
  std::istringstream words{std::string(line)};
  return {std::istream_iterator<std::string>(words), {}};
}

}  // namespace

std::string image_key(const Digest& manifest, Outage outage) {
  return manifest.hex() + std::string(outage == Outage::kWait ? kWaitSuffix : "");
}

Bytes image_bytes(const OpenedImage& image) {
  std::string roots;
  for (const RootId& root : image.roots) roots += (roots.empty() ? "" : " ") + root;
  roots += '\n';
  Bytes bytes(roots.size() + manifest_memory_size(image.manifest));
  std::ranges::copy(as_bytes(roots), bytes.begin());
  write_manifest_memory(image.manifest, MutableBytes(bytes).subspan(roots.size()));
  return bytes;
}

Status ServedImages::show(const std::string& key, ByteView image) {
  THAW_ASSIGN(const size_t line, roots_line_end(image));
  THAW_ASSIGN(OpenManifest manifest, read_manifest_memory(image.subspan(line + 1)));
  chain_.origin().set_roots(words_of(as_text(image.first(line))));
  const Digest digest = manifest.digest;
  ImageCounters& counters = counters_.image(digest);
  auto map = image_map(std::move(manifest));
  THAW_TRY(check(*map));
  const auto outage = key.ends_with(kWaitSuffix) ? Outage::kWait : Outage::kError;
  auto first_reads = std::make_shared<FirstReads>(map->entries.size(), kMaxTraceChunks);
  auto nearby =
      std::make_shared<NearbyReads>(map, AheadParts{chain_.source(), chain_.read_ahead(), counters}, clock_);
  const ImageReader::Parts parts{chain_.source(), chain_.memory(),   chain_.read_ahead(), chain_.held(),
                                 counters,        first_reads.get(), nearby.get()};
  const BlockFile file{key, map->device_size};
  auto shown = std::shared_ptr<Served>(new Served{file, digest, outage, counters, std::move(first_reads),
                                                  std::move(nearby), std::make_shared<SlowReads>(), nullptr,
                                                  ImageReader(std::move(map), parts)});
  const std::unique_lock lock(mutex_);
  images_.try_emplace(inode_of(key), std::move(shown));
  return {};
}

std::shared_ptr<FirstReads> ServedImages::first_reads(const std::string& key) const {
  const auto image = served(inode_of(key));
  return image ? image->first_reads : nullptr;
}

std::shared_ptr<NearbyReads> ServedImages::nearby(const std::string& key) const {
  const auto image = served(inode_of(key));
  return image ? image->nearby : nullptr;
}

std::optional<ServedImages::Story> ServedImages::story(const std::string& key) const {
  const std::shared_lock lock(mutex_);
  const auto found = images_.find(inode_of(key));
  if (found == images_.end()) return std::nullopt;
  const Served& image = *found->second;
  return Story{image.slow_reads, image.trace, image.reader.map().chunk_size};
}

std::optional<ServedImages::Contents> ServedImages::contents(const std::string& key) const {
  const auto image = served(inode_of(key));
  if (!image) return std::nullopt;
  Contents contents{image->manifest, {}};
  for (const ImageMap::Entry& entry : image->reader.map().entries) contents.chunks.push_back(entry.ref);
  return contents;
}

void ServedImages::set_trace(const std::string& key, std::shared_ptr<const TraceReport> trace) {
  const std::unique_lock lock(mutex_);
  const auto found = images_.find(inode_of(key));
  if (found != images_.end()) found->second->trace = std::move(trace);
}

void ServedImages::hide(const std::string& key) {
  std::shared_ptr<Served> hidden;
  {
    const std::unique_lock lock(mutex_);
    const auto found = images_.find(inode_of(key));
    if (found == images_.end()) return;
    hidden = std::move(found->second);
    images_.erase(found);
  }
  forget_unless_shown(hidden->manifest);
  if (hidden_) hidden_();
}

void ServedImages::forget_unless_shown(const Digest& manifest) {
  const std::unique_lock lock(mutex_);
  // It may be shown with the other `outage` as well.
  const bool shown = std::ranges::any_of(
      images_, [&manifest](const auto& image) { return image.second->manifest == manifest; });
  if (!shown) counters_.forget_image(manifest);
}

std::vector<Digest> ServedImages::manifests() const {
  std::vector<Digest> shown;
  const std::shared_lock lock(mutex_);
  for (const auto& [inode, image] : images_) shown.push_back(image->manifest);
  return shown;
}

std::shared_ptr<ServedImages::Served> ServedImages::served(uint64_t inode) const {
  const std::shared_lock lock(mutex_);
  const auto found = images_.find(inode);
  return found == images_.end() ? nullptr : found->second;
}

std::shared_ptr<const BlockFile> ServedImages::find(uint64_t inode) const {
  auto image = served(inode);
  if (!image) return nullptr;
  const BlockFile* file = &image->file;
  return {std::move(image), file};
}

std::vector<BlockFile> ServedImages::list() const {
  std::vector<BlockFile> files;
  const std::shared_lock lock(mutex_);
  for (const auto& [inode, image] : images_) files.push_back(image->file);
  return files;
}

void ServedImages::read(uint64_t inode, uint64_t offset, ReadReply reply) {
  // Held until read() returns: the completion may run inside it, and the image may be hidden meanwhile.
  const auto image = served(inode);
  if (!image) return reply.fail();  // it is not mounted any more
  const Asked asked{clock_.now(), inode, offset, reply.length()};
  image->reader.read(offset, asked.length, fetch_of(asked, *image), answer_with(asked, std::move(reply)));
}

void ServedImages::read_again(const Asked& asked, ReadReply reply, ReadableRange damaged) {
  const auto image = served(asked.inode);
  if (!image) return reply.fail();
  image->reader.read_again(std::move(damaged), fetch_of(asked, *image), answer_with(asked, std::move(reply)));
}

Fetch ServedImages::fetch_of(const Asked& asked, const Served& image) const {
  Fetch fetch;
  fetch.deadline = image.outage == Outage::kWait ? TimePoint::max() : asked.start + deadline_.load();
  fetch.mount = asked.inode;
  return fetch;
}

Completion<ReadableRange> ServedImages::answer_with(const Asked& asked, ReadReply reply) {
  return [this, asked, reply = std::move(reply)](Result<ReadableRange> range) mutable {
    answer(asked, std::move(reply), std::move(range));
  };
}

uint64_t ServedImages::microseconds_since(TimePoint start) const {
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(clock_.now() - start);
  return static_cast<uint64_t>(std::max<int64_t>(0, took.count()));
}

// Counted by each thread for itself: readers share nothing here.
void ServedImages::sample_hit(const ReadableRange& range) const {
  thread_local uint32_t answered = 0;
  if (++answered % kSampled != 0 || !sample_) return;
  for (const ReadableRange::Piece& piece : range.pieces()) {
    if (piece.tier != Tier::kOrigin) return sample_(piece.chunk->ref());
  }
}

void ServedImages::answer(const Asked& asked, ReadReply reply, Result<ReadableRange> range) {
  if (!range.ok()) return fail(asked, std::move(reply), range.error());
  const Status copied = reply.answer([&range](MutableBytes out) { return range->copy_to(out); });
  if (!copied.ok()) return read_again(asked, std::move(reply), std::move(range).value());
  const uint64_t took_us = microseconds_since(asked.start);
  sample_hit(range.value());
  const ReadableRange::Piece* slowest = range->slowest_fetch();
  if (slowest == nullptr) return counters_.tier(Tier::kMemory).latency.record(took_us);
  counters_.slower.record(took_us);
  SlowRead read;
  read.tier = slowest->tier;
  read.journey = slowest->journey;
  note_slow(asked, took_us, std::move(read));
}

void ServedImages::fail(const Asked& asked, ReadReply reply, const Error& error) {
  SlowRead read;
  read.error = error.message;
  reply.fail();
  note_slow(asked, microseconds_since(asked.start), std::move(read));
  const auto image = served(asked.inode);
  if (!image || error.code == Code::kCancelled) return;
  const auto line = failed_reads_.note(image->manifest, asked.offset, error, clock_.now());
  if (line) log_error("{}", *line);
}

// Only for reads that needed more than memory: it looks the image up again.
void ServedImages::note_slow(const Asked& asked, uint64_t took_us, SlowRead read) const {
  const auto image = served(asked.inode);
  if (!image || !image->slow_reads->wants(took_us)) return;
  read.at = std::chrono::system_clock::now() - std::chrono::microseconds(took_us);
  read.offset = asked.offset;
  read.length = asked.length;
  read.took_us = took_us;
  image->slow_reads->note(std::move(read));
}

}  // namespace thaw
