#include "lib/collect/store_capabilities.h"

#include <algorithm>
#include <future>

#include "lib/base/await.h"
#include "lib/collect/store_time.h"

namespace thaw {
namespace {

constexpr size_t kWriters = 8;
constexpr size_t kRounds = 3;
// One for all: a directory store keeps a folder that once held an object.
constexpr std::string_view kProbeFolder = "collector/probes/";

using Writes = std::vector<std::future<Result<PutOutcome>>>;

// How many of several puts at once were stored.
Result<size_t> race(Catalog& catalog, const std::string& key, const PutOptions& options) {
  std::vector<std::string> texts;
  // Each other than what is there: a version may be made of the bytes.
  for (size_t writer = 0; writer < kWriters; ++writer) texts.push_back(Identifier::random().hex() + "\n");
  Writes writes;
  for (const std::string& text : texts) {
    writes.push_back(begin<PutOutcome>([&](Completion<PutOutcome> done) {
      catalog.store().put(key, as_bytes(text), options, std::move(done));
    }));
  }
  size_t stored = 0;
  std::optional<Error> failed;
  for (auto& write : writes) {
    const Result<PutOutcome> outcome = write.get();
    if (!outcome.ok()) failed = outcome.error();
    if (outcome.ok() && outcome.value() == PutOutcome::kStored) ++stored;
  }
  if (failed) return *failed;
  if (stored > 0) return stored;
  // Where an answer was lost, the next try found what the first had stored.
  THAW_ASSIGN(const Object read, catalog.read(key, kMaxDocumentBytes));
  return static_cast<size_t>(std::ranges::count(texts, as_text(read.bytes.view())));
}

class Probing {
 public:
  explicit Probing(Catalog& catalog)
      : catalog_(catalog), prefix_(std::string(kProbeFolder) + Identifier::random().hex() + "-") {}
  ~Probing() {
    for (const std::string& key : keys_) (void)catalog_.remove(key);
  }
  Probing(const Probing&) = delete;
  Probing& operator=(const Probing&) = delete;

  Result<StoreCapabilities> run() {
    StoreCapabilities found;
    found.put_if_absent = found.put_if_unchanged = true;
    for (size_t round = 0; round < kRounds; ++round) {
      const std::string key = new_key();
      THAW_ASSIGN(const size_t made, race(catalog_, key, {PutIf::kAbsent, {}, Durability::kNow}));
      found.put_if_absent = found.put_if_absent && made == 1;
      THAW_ASSIGN(const Object read, catalog_.read(key, kMaxDocumentBytes));
      THAW_ASSIGN(const size_t swapped,
                  race(catalog_, key, {PutIf::kUnchanged, read.version, Durability::kNow}));
      found.put_if_unchanged = found.put_if_unchanged && swapped == 1;
    }
    THAW_TRY(look_for_consistency(found));
    return found;
  }

 private:
  std::string new_key() {
    keys_.push_back(prefix_ + std::to_string(keys_.size()));
    return keys_.back();
  }

  Result<bool> is_listed(const std::string& key) {
    THAW_ASSIGN(const std::vector<ListedObject> listed,
                catalog_.list({std::string(kProbeFolder), prefix_, 100}));
    return std::ranges::any_of(listed, [&](const ListedObject& object) { return object.key == key; });
  }

  Status look_for_consistency(StoreCapabilities& found) {
    const std::string key = new_key();
    THAW_ASSIGN(PutOutcome outcome, catalog_.write(key, as_bytes("first"), {}));
    THAW_ASSIGN(outcome, catalog_.write(key, as_bytes("second"), {}));
    (void)outcome;
    const Result<Object> read = catalog_.read(key, kMaxDocumentBytes);
    found.read_after_write = read.ok() && as_text(read->bytes.view()) == "second";
    THAW_ASSIGN(found.list_after_write, is_listed(key));
    THAW_ASSIGN(const bool removed, catalog_.remove(key));
    THAW_ASSIGN(const bool listed, is_listed(key));
    found.list_after_remove = removed && !listed;
    found.tells_time = store_time(catalog_).ok();
    return {};
  }

  Catalog& catalog_;
  const std::string prefix_;
  std::vector<std::string> keys_;
};

}  // namespace

Result<StoreCapabilities> probe_store(CollectRoom& room) { return Probing(room.catalog).run(); }

Status refuse_incapable(const StoreCapabilities& capabilities) {
  if (!capabilities.is_consistent()) {
    return Error{Code::kRefused,
                 "the store does not show at once what was written, so that nothing that is listed "
                 "may be believed; nothing is deleted on such a store"};
  }
  if (!capabilities.can_swap()) {
    return Error{Code::kRefused,
                 "the store ignores conditions (If-Match, If-None-Match), so that two collectors at "
                 "once could undo each other's steps; with --exclusive you vouch that there is one"};
  }
  return {};
}

}  // namespace thaw
