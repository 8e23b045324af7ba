#include "lib/build/rotate_keys.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <utility>

#include "lib/base/mutex.h"

namespace thaw {
namespace {

// Each pass replaces what builds put under an older key during the one before: a builder reads the newest key
// seconds before he writes his envelope, so the second or third pass finds nothing.
constexpr int kMaxPasses = 20;

// REQUIRES: is_key_of(key_id, …)
unsigned version_of(std::string_view key_id) {
  unsigned number = 0;
  std::from_chars(key_id.data() + key_id.find('/') + 1, key_id.data() + key_id.size(), number);
  return number;
}

Result<KeyVersion> active_key(const KeyVersions& versions, const std::string& tenant) {
  THAW_ASSIGN(const std::vector<KeyVersion> keys, versions.list());
  for (const KeyVersion& key : keys) {
    if (key.tenant == tenant && key.state == KeyState::kActive) return key;
  }
  return Error{Code::kNotFound, "tenant " + tenant + " has no key yet; see 'thaw keys create'"};
}

// One look at every envelope of the store; those of the tenant under older keys than `newest` are replaced.
class RotationPass {
 public:
  RotationPass(KeyRoom& room, const KeyVersion& newest) : room_(room), newest_(newest) {}

  Status run(const ProgressFn& progress) {
    return visit_envelopes(
        room_.catalog, room_.workers, [this](const EnvelopePlace& place) { return visit(place); }, progress);
  }

  uint64_t replaced() const { return replaced_; }
  uint64_t under_newest() const { return under_newest_; }
  bool found_work() const { return replaced_ > 0 || changed_ > 0; }
  std::vector<StuckEnvelope> take_stuck() EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return std::move(stuck_);
  }

 private:
  Status visit(const EnvelopePlace& place) {
    Result<Object> stored = room_.catalog.read(envelope_key(place.root, place.digest), kMaxEnvelopeBytes);
    if (!stored.ok()) return set_aside(place, stored.error());
    Result<Envelope> envelope = parse_envelope(stored->bytes.view());
    if (envelope.ok()) {
      const std::string& key_id = envelope->data_key.key_id;
      if (!is_key_of(key_id, newest_.tenant)) return {};
      if (version_of(key_id) >= newest_.number) {
        ++under_newest_;
        return {};
      }
    }
    const Result<Manifest> manifest = read_manifest(place);
    if (!manifest.ok()) return set_aside(place, manifest.error());
    if (manifest->tenant != newest_.tenant) return {};
    if (!envelope.ok()) return set_aside(place, envelope.error());
    return replace(place, manifest.value(), std::move(envelope).value(), stored->version);
  }

  Result<Manifest> read_manifest(const EnvelopePlace& place) {
    THAW_ASSIGN(const Object stored,
                room_.catalog.read(manifest_key(place.root, place.digest), kMaxManifestBytes));
    return parse_manifest(stored.bytes.view(), place.digest);
  }

  // Only what was read is replaced: another rotation may have been first, or collection, whose deletion must
  // not be undone.
  Status replace(const EnvelopePlace& place, const Manifest& manifest, Envelope envelope,
                 const std::string& version) {
    const Bytes context = data_key_context(manifest.store_id, manifest.tenant, manifest.id);
    Result<WrappedKey> rewrapped = room_.keys.rewrap(envelope.data_key, newest_.tenant, context);
    if (!rewrapped.ok()) return set_aside(place, rewrapped.error());
    envelope.data_key = std::move(rewrapped).value();
    PutOptions options{PutIf::kUnchanged, version, Durability::kNow};
    THAW_ASSIGN(const PutOutcome outcome, room_.catalog.write(envelope_key(place.root, place.digest),
                                                              write_envelope(envelope), options));
    ++(outcome == PutOutcome::kStored ? replaced_ : changed_);
    return {};
  }

  // One image that is beyond help does not keep the others from their new key; a store or key service that is
  // away ends the pass. What is not there (any more) needs no key.
  Status set_aside(const EnvelopePlace& place, const Error& why) EXCLUDES(mutex_) {
    if (why.code == Code::kNotFound) return {};
    if (why.code != Code::kDamaged && why.code != Code::kRefused) return why;
    const MutexLock lock(mutex_);
    stuck_.push_back({place, why});
    return {};
  }

  KeyRoom& room_;
  const KeyVersion newest_;
  std::atomic<uint64_t> replaced_{0};
  std::atomic<uint64_t> changed_{0};  // by somebody else while they were rewrapped
  std::atomic<uint64_t> under_newest_{0};
  Mutex mutex_;
  std::vector<StuckEnvelope> stuck_ GUARDED_BY(mutex_);
};

// Passes until one finds nothing to replace.
Status settle(KeyRoom& room, const KeyVersion& newest, RotationReport& report, const ProgressFn& progress) {
  for (int count = 0; count < kMaxPasses; ++count) {
    RotationPass pass(room, newest);
    THAW_TRY(pass.run(progress));
    report.replaced += pass.replaced();
    report.envelopes = pass.under_newest();
    report.stuck = pass.take_stuck();
    if (!pass.found_work()) return {};
  }
  return Error{Code::kFailed, "envelopes under older keys than " + newest.id() +
                                  " keep appearing; is a builder using another keyring? Run it again"};
}

Status refuse_if_used(KeyRoom& room, const std::string& key_id, const ProgressFn& progress) {
  THAW_ASSIGN(const EnvelopeCensus census, count_envelopes(room.catalog, room.workers, progress));
  const auto used = census.by_key.find(key_id);
  const std::string tenant = key_id.substr(0, key_id.find('/'));
  if (used != census.by_key.end()) {
    return Error{Code::kRefused, "key \"" + key_id + "\" is needed by " + std::to_string(used->second) +
                                     " envelopes; run 'thaw keys rotate " + tenant + "' first"};
  }
  for (const UnreadableEnvelope& unreadable : census.unreadable) {
    if (unreadable.tenant != tenant) continue;
    return Error{Code::kRefused, "the envelope of manifest " + unreadable.place.digest.hex() +
                                     " is damaged and may need key \"" + key_id +
                                     "\"; restore it, or remove the image"};
  }
  return {};
}

}  // namespace

Result<RotationReport> rotate_keys(KeyRoom& room, const std::string& tenant, const ProgressFn& progress) {
  THAW_ASSIGN(KeyVersion newest, active_key(room.versions, tenant));
  THAW_ASSIGN(const Identifier store_id, room.catalog.store_id());
  (void)store_id;
  RotationReport report;
  THAW_TRY(settle(room, newest, report, progress));
  if (report.replaced == 0) {
    THAW_ASSIGN(newest, room.versions.make_next(tenant));
    report.made = true;
    THAW_TRY(settle(room, newest, report, progress));
  }
  report.key_id = newest.id();
  return report;
}

Status retire_key(KeyRoom& room, const std::string& key_id, const ProgressFn& progress) {
  THAW_ASSIGN(const std::vector<KeyVersion> keys, room.versions.list());
  const auto found = std::ranges::find(keys, key_id, &KeyVersion::id);
  const bool retiring = found != keys.end() && found->state == KeyState::kRetiring;
  const bool opens = found != keys.end() && found->state == KeyState::kOpensOld;
  if (opens) THAW_TRY(refuse_if_used(room, key_id, progress));
  if (!retiring) THAW_TRY(room.versions.change(key_id, KeyState::kRetiring));
  Status unused = refuse_if_used(room, key_id, progress);
  if (!unused.ok()) {
    THAW_TRY(room.versions.change(key_id, KeyState::kOpensOld));
    return unused;
  }
  return room.versions.change(key_id, KeyState::kRetired);
}

}  // namespace thaw
