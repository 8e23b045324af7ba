#include "lib/collect/live_images.h"

#include <algorithm>
#include <utility>

#include "lib/base/mutex.h"
#include "lib/build/in_flight.h"
#include "lib/collect/store_time.h"
#include "lib/manifest/name_record.h"

namespace thaw {
namespace {

constexpr size_t kReadsInFlight = 32;

// What was started is waited for, also when the listing broke off.
Status both(const Status& listed, const Status& read) { return listed.ok() ? read : listed; }

// Reads many small objects at a time.
class LiveSearch {
 public:
  LiveSearch(CollectRoom& room, const Identifier& store_id) : room_(room), store_id_(store_id) {}

  Status read_leases(uint64_t now) {
    InFlight in_flight(kReadsInFlight);
    const Status listed =
        room_.catalog.for_each(std::string(kLeaseFolder), [&](const ListedObject& object) -> Status {
          const auto holder = Identifier::from_hex(std::string_view(object.key).substr(kLeaseFolder.size()));
          if (!holder) return {};
          const auto lapse = static_cast<uint64_t>(room_.lease_lapse.count());
          if (is_older_than(object, now, lapse)) return {};
          return read(in_flight, object.key, kMaxLeaseBytes,
                      [this, holder = *holder](const std::string& key, ByteView bytes) {
                        on_lease(key, holder, bytes);
                      });
        });
    return both(listed, in_flight.drain());
  }

  Status read_names() {
    InFlight in_flight(kReadsInFlight);
    const Status listed =
        room_.catalog.for_each(std::string(kTenantsFolder), [&](const ListedObject& object) -> Status {
          const std::string tenant = tenant_of_key(object.key);
          auto named = parse_name_key(tenant, object.key);
          if (tenant.empty() || !named) return {};
          NamePlace place{store_id_, tenant, std::move(named->name), std::move(named->tag)};
          return read(in_flight, object.key, kMaxNameRecordBytes,
                      [this, place = std::move(place)](const std::string& key, ByteView bytes) {
                        on_name(key, place, bytes);
                      });
        });
    return both(listed, in_flight.drain());
  }

  LiveImages take() EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return std::move(live_);
  }

 private:
  template <class Take>
  Status read(InFlight& in_flight, const std::string& key, uint64_t max_bytes, Take take) {
    Completion<void> done = in_flight.start();
    if (!done) return in_flight.drain();  // the first error
    GetOptions options;
    options.max_bytes = max_bytes;
    room_.catalog.store().get(key, options,
                              [this, key, take = std::move(take), done = std::move(done)](
                                  Result<Object> object) mutable { done(on_read(key, object, take)); });
    return {};
  }

  template <class Take>
  Status on_read(const std::string& key, const Result<Object>& object, Take& take) {
    if (object.ok()) {
      take(key, object->bytes.view());
    } else if (object.error().code == Code::kDamaged) {
      note_problem(key, object.error());
    } else if (object.error().code != Code::kNotFound) {
      return object.error();
    }
    return {};
  }

  void on_lease(const std::string& key, const Identifier& holder, ByteView bytes) EXCLUDES(mutex_) {
    const Result<Lease> lease = parse_lease(bytes, holder);
    if (!lease.ok()) return note_problem(key, lease.error());
    const MutexLock lock(mutex_);
    for (const Digest& digest : lease->manifests) live_.used_by.emplace(digest, "lease " + holder.hex());
  }

  void on_name(const std::string& key, const NamePlace& place, ByteView bytes) EXCLUDES(mutex_) {
    const Result<NameRecord> record = parse_name_record(bytes, place, room_.trusted);
    if (!record.ok()) return note_problem(key, record.error());
    if (record->state != NameState::kNamed) return;
    const MutexLock lock(mutex_);
    // Rather than a lease: it says which image is to be built again.
    live_.used_by.insert_or_assign(record->manifest,
                                   "name " + place.tenant + "/" + place.name + ":" + place.tag);
  }

  void note_problem(const std::string& key, const Error& why) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    live_.problems.push_back({key, why});
  }

  CollectRoom& room_;
  const Identifier store_id_;
  Mutex mutex_;
  LiveImages live_ GUARDED_BY(mutex_);
};

}  // namespace

Result<LiveImages> find_live(CollectRoom& room) {
  // A store without store.json is no store, or not the one that is meant: nothing may be concluded from it.
  THAW_ASSIGN(const Identifier store_id, room.catalog.store_id());
  uint64_t now = 0;
  // The store tells the time of what is written: who only reads need not be able to.
  if (room.lease_lapse != kNeverLapses) {
    THAW_ASSIGN(now, store_time(room.catalog));
  }
  LiveSearch search(room, store_id);
  THAW_TRY(search.read_leases(now));
  THAW_TRY(search.read_names());
  return search.take();
}

Error needed_by(const Error& error, const std::string& user) {
  return {error.code, error.message + "; needed by " + user +
                          ": 'thaw scrub' mends it from caches and other roots, else build that image again "
                          "with --verify-existing"};
}

Status refuse_problems(const std::vector<CollectProblem>& problems) {
  if (problems.empty()) return {};
  const CollectProblem& first = problems.front();
  const std::string more =
      problems.size() > 1 ? " (and " + std::to_string(problems.size() - 1) + " more)" : std::string();
  return Error{Code::kDamaged,
               "nothing is deleted before this is mended: " + first.what + ": " + first.why.message + more};
}

}  // namespace thaw
