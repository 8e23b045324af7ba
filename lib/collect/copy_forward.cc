#include "lib/collect/copy_forward.h"

#include <algorithm>
#include <utility>

#include "lib/manifest/envelope.h"
#include "lib/manifest/trace.h"

namespace thaw {
namespace {

constexpr size_t kChunksInFlight = 32;
// An envelope is rotated once in a while, not again and again under one copy.
constexpr int kMaxEnvelopePuts = 16;

Error in_image(const Digest& manifest, const Error& error) {
  return {error.code, "manifest " + manifest.hex() + ": " + error.message};
}

}  // namespace

void CopyForward::start(const ManifestChunk& chunk, Completion<void> done) {
  copy_chunk(room_.catalog.store(), places_, nowhere_, chunk.ref(),
             [this, length = chunk.stored_length,
              done = std::move(done)](const Result<ChunkCopied>& copied) mutable {
               if (!copied.ok()) return done(copied.error());
               if (copied.value() == ChunkCopied::kWritten) {
                 ++written_;
                 written_bytes_ += length;
               }
               done(Status());
             });
}

Status CopyForward::copy_chunks(const Manifest& manifest) {
  std::vector<ManifestChunk> wanted;
  std::unordered_set<ChunkId, ChunkIdHash> seen;
  for (const ManifestChunk& chunk : manifest.chunks) {
    if (right_.count(chunk.id) == 0 && seen.insert(chunk.id).second) wanted.push_back(chunk);
  }
  InFlight in_flight(kChunksInFlight);
  for (const ManifestChunk& chunk : wanted) {
    Completion<void> done = in_flight.start();
    if (!done) break;
    start(chunk, std::move(done));
    if (progress_) progress_({in_flight.finished(), wanted.size()});
  }
  THAW_TRY(in_flight.drain());
  if (progress_) progress_({wanted.size(), wanted.size()});
  THAW_TRY(room_.catalog.sync(chunk_folder(places_.target)));
  right_.merge(seen);
  return {};
}

Result<Object> CopyForward::read_from_sources(std::string (*key_of)(const RootId&, const Digest&),
                                              const Digest& manifest, uint64_t max_bytes, RootId& source) {
  for (const RootId& root : places_.sources) {
    source = root;
    Result<Object> found = room_.catalog.read(key_of(root, manifest), max_bytes);
    if (found.ok() || found.error().code != Code::kNotFound) return found;
  }
  return Error{Code::kDamaged, "it is in none of its roots any more"};
}

// Rotation may replace the original after it was read, and be done with the copy before that is there: so the
// original is read again after the put (docs/formats/envelope.md, "Rotation").
Status CopyForward::copy_envelope(const RootId& source, const Digest& manifest) {
  const std::string from = envelope_key(source, manifest);
  const std::string to = envelope_key(places_.target, manifest);
  Bytes last;
  for (int attempt = 0; attempt < kMaxEnvelopePuts; ++attempt) {
    const Result<Object> original = room_.catalog.read(from, kMaxEnvelopeBytes);
    if (!original.ok() && original.error().code == Code::kNotFound) {
      return Error{Code::kDamaged, "its envelope is missing; build the image again"};
    }
    if (!original.ok()) return original.error();
    const ByteView bytes = original->bytes.view();
    if (attempt > 0 && std::ranges::equal(bytes, last)) return {};
    const Result<Envelope> envelope = parse_envelope(bytes);
    if (!envelope.ok()) return envelope.error();
    THAW_ASSIGN(const PutOutcome outcome, room_.catalog.write(to, bytes, {}));
    (void)outcome;
    last.assign(bytes.begin(), bytes.end());
  }
  return Error{Code::kFailed, "its envelope keeps changing; try again"};
}

Status CopyForward::copy_if_there(const std::string& from, const std::string& to, uint64_t max_bytes) {
  const Result<Object> original = room_.catalog.read(from, max_bytes);
  if (!original.ok()) {
    // Advice for a start; an image does without it.
    const Code code = original.error().code;
    if (code == Code::kNotFound || code == Code::kDamaged) return {};
    return original.error();
  }
  THAW_ASSIGN(const PutOutcome outcome, room_.catalog.write(to, original->bytes.view(), {}));
  (void)outcome;
  return {};
}

Status CopyForward::copy(const Digest& manifest) {
  RootId source;
  const Result<Object> bytes = read_from_sources(manifest_key, manifest, kMaxManifestBytes, source);
  if (!bytes.ok()) return in_image(manifest, bytes.error());
  const Result<Manifest> parsed = parse_manifest(bytes->bytes.view(), manifest);
  if (!parsed.ok()) return in_image(manifest, parsed.error());
  if (const Status copied = copy_chunks(parsed.value()); !copied.ok())
    return in_image(manifest, copied.error());
  if (const Status copied = copy_envelope(source, manifest); !copied.ok())
    return in_image(manifest, copied.error());
  THAW_TRY(copy_if_there(trace_key(source, manifest), trace_key(places_.target, manifest), kMaxTraceBytes));
  THAW_TRY(copy_if_there(path_order_key(source, manifest), path_order_key(places_.target, manifest),
                         kMaxPathOrderBytes));
  THAW_TRY(room_.catalog.put_manifest(places_.target, manifest, bytes->bytes.view()));
  ++images_;
  return {};
}

}  // namespace thaw
