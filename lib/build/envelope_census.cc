#include "lib/build/envelope_census.h"

#include <utility>

#include "lib/base/await.h"
#include "lib/base/mutex.h"
#include "lib/build/in_flight.h"

namespace thaw {
namespace {

constexpr size_t kEnvelopesInFlight = 32;

using DigestVisit = std::function<void(const Digest&)>;
Status list_digests(Catalog& catalog, const std::string& folder, const DigestVisit& visit) {
  return catalog.for_each(folder, [&](const ListedObject& object) -> Status {
    const auto digest = Digest::from_hex(std::string_view(object.key).substr(folder.size()));
    if (digest) visit(*digest);
    return {};
  });
}

Status list_envelopes(Catalog& catalog, const RootId& root, std::vector<EnvelopePlace>& places) {
  return list_digests(catalog, envelope_folder(root), [&](const Digest& digest) {
    places.push_back({root, digest});
  });
}

class Census {
 public:
  explicit Census(Catalog& catalog) : catalog_(catalog) {}

  Status visit(const EnvelopePlace& place) EXCLUDES(mutex_) {
    const Result<Buffer> bytes = catalog_.read_envelope(place.root, place.digest);
    if (!bytes.ok()) return unless_missing(bytes.error());
    const Result<Envelope> envelope = parse_envelope(bytes->view());
    if (!envelope.ok()) return note_unreadable(place);
    const auto size = await<uint64_t>([&](Completion<uint64_t> done) {
      catalog_.store().size_of(manifest_key(place.root, place.digest), std::move(done));
    });
    if (!size.ok()) return unless_missing(size.error());
    const MutexLock lock(mutex_);
    ++counts_.by_key[envelope->data_key.key_id];
    return {};
  }

  EnvelopeCensus take() EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return std::move(counts_);
  }

 private:
  // Collection may take an envelope or manifest away while they are counted.
  static Status unless_missing(const Error& error) {
    if (error.code == Code::kNotFound) return {};
    return error;
  }

  Status note_unreadable(const EnvelopePlace& place) EXCLUDES(mutex_) {
    const Result<Object> bytes = catalog_.read(manifest_key(place.root, place.digest), kMaxManifestBytes);
    if (!bytes.ok()) return unless_missing(bytes.error());
    const Result<Manifest> manifest = parse_manifest(bytes->bytes.view(), place.digest);
    if (!manifest.ok()) return {};
    const MutexLock lock(mutex_);
    counts_.unreadable.push_back({place, manifest->tenant});
    return {};
  }

  Catalog& catalog_;
  Mutex mutex_;
  EnvelopeCensus counts_ GUARDED_BY(mutex_);
};

}  // namespace

Status visit_envelopes(Catalog& catalog, Executor& workers, const EnvelopeVisit& visit,
                       const ProgressFn& progress) {
  std::vector<EnvelopePlace> places;
  THAW_ASSIGN(const std::vector<Root> roots, catalog.roots_with_objects());
  for (const Root& root : roots) THAW_TRY(list_envelopes(catalog, root.id, places));
  InFlight in_flight(kEnvelopesInFlight);
  for (const EnvelopePlace& place : places) {
    Completion<void> done = in_flight.start();
    if (!done) break;
    workers.post([&visit, &place, done = std::move(done)]() mutable { done(visit(place)); });
    if (progress) progress({in_flight.finished(), places.size()});
  }
  THAW_TRY(in_flight.drain());
  if (progress) progress({places.size(), places.size()});
  return {};
}

Result<std::vector<EnvelopePlace>> manifests_without_envelope(Catalog& catalog,
                                                              const std::set<Digest>& manifests) {
  std::vector<EnvelopePlace> places;
  THAW_ASSIGN(const std::vector<Root> roots, catalog.readable_roots());
  for (const Root& root : roots) {
    std::set<Digest> alone;
    // In this order: a copy is made of the envelope first.
    THAW_TRY(list_digests(catalog, manifest_folder(root.id), [&](const Digest& digest) {
      if (manifests.contains(digest)) alone.insert(digest);
    }));
    if (alone.empty()) continue;
    THAW_TRY(
        list_digests(catalog, envelope_folder(root.id), [&](const Digest& digest) { alone.erase(digest); }));
    for (const Digest& digest : alone) places.push_back({root.id, digest});
  }
  return places;
}

Result<EnvelopeCensus> count_envelopes(Catalog& catalog, Executor& workers, const ProgressFn& progress) {
  // A store without store.json is no store, or not the one that is meant: nothing may be concluded from it.
  THAW_ASSIGN(const Identifier store_id, catalog.store_id());
  (void)store_id;
  Census census(catalog);
  THAW_TRY(visit_envelopes(
      catalog, workers, [&census](const EnvelopePlace& place) { return census.visit(place); }, progress));
  return census.take();
}

}  // namespace thaw
