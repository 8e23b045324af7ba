#include "lib/collect/audit.h"

#include <algorithm>
#include <atomic>
#include <unordered_map>
#include <utility>

#include "lib/base/await.h"
#include "lib/base/mutex.h"
#include "lib/build/chunk_fetch.h"
#include "lib/build/in_flight.h"
#include "lib/collect/move_live.h"
#include "lib/collect/root_contents.h"
#include "lib/manifest/manifest.h"

namespace thaw {
namespace {

constexpr size_t kChecksInFlight = 32;

// A live image where it is found first.
struct LiveImage {
  RootId root;
  std::string user;
  Manifest manifest;
};

Error with_remedy(const Error& error, const std::string& user) {
  return {error.code,
          error.message + "; needed by " + user + ": build that image again with --verify-existing"};
}

// What an image is opened with, beside its chunks.
struct Documents {
  Result<Manifest> manifest;
  Status envelope;

  bool sound() const { return manifest.ok() && envelope.ok(); }
};

// The store's own trouble only.
Result<Documents> read_documents(CollectRoom& room, const RootId& root, const Digest& digest) {
  const Result<Object> bytes = room.catalog.read(manifest_key(root, digest), kMaxManifestBytes);
  if (!bytes.ok() && !is_lost(bytes.error())) return bytes.error();
  const Result<Buffer> envelope = room.catalog.read_envelope(root, digest);
  if (!envelope.ok() && !is_lost(envelope.error())) return envelope.error();
  return Documents{bytes.ok() ? parse_manifest(bytes->bytes.view(), digest) : Result<Manifest>(bytes.error()),
                   check_stored_envelope(envelope)};
}

enum class Mend : uint8_t { kNo, kFromOtherRoots };

// As the image's home has them, or has them once they are mended.
Result<Documents> documents_of(CollectRoom& room, const StoreSurvey& survey, const RootId& home,
                               const Digest& digest, Mend mend, AuditReport& report) {
  THAW_ASSIGN(Documents documents, read_documents(room, home, digest));
  if (documents.sound() || mend == Mend::kNo) return documents;
  CopyForward copy(room, survey.sources(home), home, {});
  const Status mended = copy.mend_documents(digest);
  if (!mended.ok() && !is_lost(mended.error())) return mended.error();
  if (!mended.ok()) return documents;
  ++report.repaired;
  return read_documents(room, home, digest);
}

// Each live image; what is wrong with it is noted, and it is left out.
Status for_each_live(CollectRoom& room, AuditReport& report, Mend mend,
                     const std::function<Status(const LiveImage&)>& visit) {
  CollectRoom asking = room;
  // An image more is looked at: that of a lease which lapsed.
  if (mend == Mend::kNo) asking.lease_lapse = kNeverLapses;
  THAW_ASSIGN(const StoreSurvey survey, survey_store(asking));
  report.problems = survey.live.problems;
  for (const auto& used : survey.live.used_by) {
    const Digest& digest = used.first;
    const std::string& user = used.second;
    const auto home = std::ranges::find_if(survey.roots, [&](const RootManifests& root) {
      return root.root.state != RootState::kDeleted && root.has(digest);
    });
    if (home == survey.roots.end()) continue;  // noted by the survey, unless a lease outlived it
    const RootId& root = home->root.id;
    THAW_ASSIGN(Documents documents, documents_of(room, survey, root, digest, mend, report));
    if (!documents.envelope.ok()) {
      report.problems.push_back({envelope_key(root, digest), with_remedy(documents.envelope.error(), user)});
    }
    if (!documents.manifest.ok()) {
      report.problems.push_back({manifest_key(root, digest), with_remedy(documents.manifest.error(), user)});
      continue;
    }
    ++report.images;
    THAW_TRY(visit({root, user, std::move(documents.manifest).value()}));
  }
  return {};
}

// What one root must hold: chunk → length and a user.
struct Wanted {
  uint32_t length = 0;
  std::string user;
  bool seen = false;
};
using WantedChunks = std::unordered_map<ChunkId, Wanted, ChunkIdHash>;

Status look_for(CollectRoom& room, const RootId& root, WantedChunks wanted, AuditReport& report,
                const ProgressFn& progress) {
  // Of a prefix only its own listing changes something; the map itself stays as it is meanwhile.
  const auto look = [&wanted](const ListedObject& object) -> Status {
    const auto id = ChunkId::from_hex(std::string_view(object.key).substr(object.key.find_last_of('/') + 1));
    const auto found = id ? wanted.find(*id) : wanted.end();
    if (found != wanted.end() && found->second.length == object.size) found->second.seen = true;
    return {};
  };
  THAW_TRY(for_each_chunk(room, root, look, progress));
  for (const auto& [id, want] : wanted) {
    if (want.seen) continue;
    const Error missing{Code::kDamaged, "it is missing or has a wrong length; run 'thaw scrub'"};
    report.problems.push_back({chunk_key(root, id), with_remedy(missing, want.user)});
  }
  return {};
}

// What is done with each chunk: looked at, or mended too.
using Treat = std::function<void(const ChunkPlaces&, const ChunkRef&, Completion<ChunkCopied>)>;

// Reads every chunk once.
class Reading {
 public:
  Reading(CollectRoom& room, Treat treat, AuditReport& report)
      : room_(room), treat_(std::move(treat)), report_(report) {}

  Status read(const LiveImage& image, const ProgressFn& progress) {
    ChunkPlaces places{image.root, {}};
    THAW_ASSIGN(const std::vector<Root> roots, room_.catalog.readable_roots());
    for (const Root& root : roots) {
      if (root.id != image.root) places.sources.push_back(root.id);
    }
    std::vector<ManifestChunk> chunks;
    for (const ManifestChunk& chunk : image.manifest.chunks) {
      if (seen_[image.root].insert(chunk.id).second) chunks.push_back(chunk);
    }
    InFlight in_flight(kChecksInFlight);
    for (const ManifestChunk& chunk : chunks) {
      Completion<void> done = in_flight.start();
      if (!done) break;
      treat_(places, chunk.ref(),
             [this, &chunk, &image, done = std::move(done)](const Result<ChunkCopied>& copied) mutable {
               done(judge(chunk, image, copied));
             });
      if (progress) progress({in_flight.finished(), chunks.size()});
    }
    return in_flight.drain();
  }

 private:
  Status judge(const ManifestChunk& chunk, const LiveImage& image, const Result<ChunkCopied>& copied)
      EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    ++report_.chunks;
    report_.bytes += chunk.stored_length;
    if (copied.ok()) {
      if (copied.value() == ChunkCopied::kWritten) ++report_.repaired;
    } else if (copied.error().code == Code::kDamaged || copied.error().code == Code::kNotFound) {
      report_.problems.push_back({chunk_key(image.root, chunk.id), with_remedy(copied.error(), image.user)});
    } else {
      return copied.error();
    }
    return {};
  }

  CollectRoom& room_;
  const Treat treat_;
  std::unordered_map<RootId, std::unordered_set<ChunkId, ChunkIdHash>> seen_;  // of the thread that reads
  Mutex mutex_;
  AuditReport& report_;  // guarded by mutex_ while chunks are in flight
};

}  // namespace

Result<AuditReport> check_store(CollectRoom& room, const ProgressFn& progress) {
  AuditReport report;
  std::unordered_map<RootId, WantedChunks> wanted;
  THAW_TRY(for_each_live(room, report, Mend::kNo, [&](const LiveImage& image) -> Status {
    for (const ManifestChunk& chunk : image.manifest.chunks)
      wanted[image.root].try_emplace(chunk.id, Wanted{chunk.stored_length, image.user, false});
    return {};
  }));
  for (auto& [root, chunks] : wanted) {
    report.chunks += chunks.size();
    for (const auto& [id, want] : chunks) report.bytes += want.length;
    THAW_TRY(look_for(room, root, std::move(chunks), report, progress));
  }
  return report;
}

Result<AuditReport> verify_store(CollectRoom& room, const ProgressFn& progress) {
  AuditReport report;
  const Treat look = [&room](const ChunkPlaces& places, const ChunkRef& ref, Completion<ChunkCopied> done) {
    std::vector<RootId> roots{places.target};
    roots.insert(roots.end(), places.sources.begin(), places.sources.end());
    fetch_chunk(room.catalog.store(), std::move(roots), ref,
                [done = std::move(done)](const Result<SealedChunk>& chunk) mutable {
                  if (!chunk.ok()) return done(chunk.error());
                  done(ChunkCopied::kWasRight);
                });
  };
  Reading reading(room, look, report);
  THAW_TRY(for_each_live(room, report, Mend::kNo,
                         [&](const LiveImage& image) { return reading.read(image, progress); }));
  return report;
}

Result<AuditReport> scrub_store(CollectRoom& room, const FindElsewhere& elsewhere,
                                const ProgressFn& progress) {
  AuditReport report;
  const Treat mend = [&](const ChunkPlaces& places, const ChunkRef& ref, Completion<ChunkCopied> done) {
    copy_chunk(room.catalog.store(), places, elsewhere, ref, std::move(done));
  };
  Reading reading(room, mend, report);
  const auto scrub = [&](const LiveImage& image) -> Status {
    THAW_TRY(reading.read(image, progress));
    return room.catalog.sync(chunk_folder(image.root));
  };
  THAW_TRY(for_each_live(room, report, Mend::kFromOtherRoots, scrub));
  return report;
}

}  // namespace thaw
