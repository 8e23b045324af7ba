#include "lib/build/inherit_trace.h"

#include <unordered_map>
#include <unordered_set>

#include "lib/manifest/trace.h"
#include "lib/store/paths.h"

namespace thaw {
namespace {

Result<std::vector<uint32_t>> carried(Workshop& shop, const OpenedImage& previous, const Manifest& next) {
  const Digest& digest = previous.manifest.digest;
  THAW_ASSIGN(const Object object, shop.catalog.read(trace_key(previous.root, digest), kMaxTraceBytes));
  THAW_ASSIGN(const Trace trace, open_trace(object.bytes.view(), digest, previous.manifest.trace_key));
  return carried_over(trace.chunks, previous.manifest.clear, next);
}

}  // namespace

std::vector<uint32_t> carried_over(const std::vector<uint32_t>& trace, const Manifest& previous,
                                   const Manifest& next) {
  std::unordered_map<ChunkId, uint32_t, ChunkIdHash> place_of;
  for (const ManifestChunk& chunk : next.chunks) place_of.try_emplace(chunk.id, chunk.index);
  std::unordered_set<uint32_t> seen;
  std::vector<uint32_t> places;
  const auto add = [&](uint32_t place) {
    if (seen.insert(place).second) places.push_back(place);
  };
  for (const uint32_t place : trace) {
    const ManifestChunk* before = chunk_at(previous.chunks, place);
    const auto same = before ? place_of.find(before->id) : place_of.end();
    if (same != place_of.end()) {
      add(same->second);
    } else if (chunk_at(next.chunks, place) != nullptr) {
      add(place);
    }
  }
  return places;
}

size_t inherit_trace(Workshop& shop, const OpenedImage& previous, const Successor& next) {
  const auto places = carried(shop, previous, next.clear);
  if (!places.ok() || places->empty()) return 0;
  const Bytes sealed = seal_trace(Trace{places.value()}, next.digest, next.trace_key);
  const auto written = shop.catalog.write(trace_key(next.root, next.digest), sealed, {});
  return written.ok() ? places->size() : 0;
}

}  // namespace thaw
