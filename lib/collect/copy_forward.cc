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

}  // namespace

Status check_stored_envelope(const Result<Buffer>& envelope) {
  if (!envelope.ok()) return envelope.error();
  const Result<Envelope> parsed = parse_envelope(envelope->view());
  return parsed.ok() ? Status() : Status(parsed.error());
}

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

Result<CopyForward::SoundManifest> CopyForward::find_manifest(const std::vector<RootId>& roots,
                                                              const Digest& manifest) {
  Error lost{Code::kDamaged, "manifest " + manifest.hex() + " is in none of its roots any more"};
  for (const RootId& root : roots) {
    Result<Object> stored = room_.catalog.read(manifest_key(root, manifest), kMaxManifestBytes);
    if (!stored.ok() && stored.error().code == Code::kNotFound) continue;
    Result<Manifest> parsed =
        stored.ok() ? parse_manifest(stored->bytes.view(), manifest) : Result<Manifest>(stored.error());
    if (parsed.ok()) return SoundManifest{root, std::move(stored->bytes), std::move(parsed).value()};
    if (!is_lost(parsed.error())) return std::move(parsed).error();
    lost = std::move(parsed).error();
  }
  return lost;
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
      return Error{Code::kDamaged, "envelope " + manifest.hex() + " is missing"};
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
  return Error{Code::kFailed, "envelope " + manifest.hex() + " keeps changing; try again"};
}

Status CopyForward::mend_envelope(const Digest& manifest) {
  Status mended = check_stored_envelope(room_.catalog.read_envelope(places_.target, manifest));
  for (const RootId& source : places_.sources) {
    if (mended.ok() || !is_lost(mended.error())) break;
    mended = copy_envelope(source, manifest);
  }
  return mended;
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
  THAW_ASSIGN(const SoundManifest found, find_manifest(places_.sources, manifest));
  THAW_TRY(copy_chunks(found.parsed));
  THAW_TRY(copy_envelope(found.root, manifest));
  THAW_TRY(
      copy_if_there(trace_key(found.root, manifest), trace_key(places_.target, manifest), kMaxTraceBytes));
  THAW_TRY(copy_if_there(path_order_key(found.root, manifest), path_order_key(places_.target, manifest),
                         kMaxPathOrderBytes));
  THAW_TRY(room_.catalog.put_manifest(places_.target, manifest, found.bytes.view()));
  ++images_;
  return {};
}

Result<CopyForward::SoundManifest> CopyForward::find_anywhere(const Digest& manifest) {
  std::vector<RootId> roots{places_.target};
  roots.insert(roots.end(), places_.sources.begin(), places_.sources.end());
  return find_manifest(roots, manifest);
}

Status CopyForward::mend_documents(const SoundManifest& found, const Digest& manifest) {
  THAW_TRY(mend_envelope(manifest));
  if (found.root == places_.target) return {};
  return room_.catalog.put_manifest(places_.target, manifest, found.bytes.view());
}

Status CopyForward::mend_documents(const Digest& manifest) {
  THAW_ASSIGN(const SoundManifest found, find_anywhere(manifest));
  return mend_documents(found, manifest);
}

Status CopyForward::mend(const Digest& manifest) {
  THAW_ASSIGN(const SoundManifest found, find_anywhere(manifest));
  THAW_TRY(copy_chunks(found.parsed));
  return mend_documents(found, manifest);
}

}  // namespace thaw
