#include "lib/store/catalog.h"

#include <algorithm>

#include "lib/base/await.h"
#include "lib/crypto/random.h"
#include "lib/manifest/envelope.h"
#include "lib/manifest/manifest.h"

namespace thaw {
namespace {

constexpr const char* kFirstRoot = "1";
// Roots follow each other over weeks; a store that has more is not one of ours.
constexpr unsigned kMaxRoots = 10'000;
constexpr size_t kPageObjects = 1000;

bool is_missing(const Error& error) { return error.code == Code::kNotFound; }

}  // namespace

Result<Object> Catalog::read(const std::string& key, uint64_t max_bytes) {
  GetOptions options;
  options.max_bytes = max_bytes;
  return await<Object>([&](Completion<Object> done) { store_.get(key, options, std::move(done)); });
}

Result<PutOutcome> Catalog::write(const std::string& key, ByteView bytes, const PutOptions& options) {
  return await<PutOutcome>(
      [&](Completion<PutOutcome> done) { store_.put(key, bytes, options, std::move(done)); });
}

Result<std::vector<ListedObject>> Catalog::list(const ListOptions& options) {
  using Listed = std::vector<ListedObject>;
  return await<Listed>([&](Completion<Listed> done) { store_.list(options, std::move(done)); });
}

Status Catalog::for_each(const std::string& folder, const std::function<Status(const ListedObject&)>& visit) {
  ListOptions page{folder, "", kPageObjects};
  for (;;) {
    THAW_ASSIGN(const std::vector<ListedObject> listed, list(page));
    for (const ListedObject& object : listed) THAW_TRY(visit(object));
    if (listed.size() < kPageObjects) return {};
    page.start_after = listed.back().key;
  }
}

Result<bool> Catalog::remove(const std::string& key) {
  return await<bool>([&](Completion<bool> done) { store_.remove(key, std::move(done)); });
}

Status Catalog::sync(const std::string& prefix) {
  const auto synced = await<bool>([&](Completion<bool> done) { store_.sync(prefix, std::move(done)); });
  if (!synced.ok()) return synced.error();
  return {};
}

// Whether there is anything that only stands in a store that was built into.
Result<bool> Catalog::holds_images() {
  for (const std::string_view folder : {kRootsFolder, kTenantsFolder}) {
    THAW_ASSIGN(const std::vector<ListedObject> any, list({std::string(folder), "", 1}));
    if (!any.empty()) return true;
  }
  return false;
}

Result<Identifier> Catalog::read_store_id() {
  const Result<Object> stored = read(std::string(kStoreKey), kMaxDocumentBytes);
  if (!stored.ok() && is_missing(stored.error())) {
    return Error{Code::kNotFound, "the store is empty: nothing was built into it yet; see 'thaw build'"};
  }
  if (!stored.ok()) return stored.error();
  return parse_store_document(stored->bytes.view());
}

Result<Identifier> Catalog::store_id() {
  {
    const MutexLock lock(mutex_);
    if (store_id_) return *store_id_;
  }
  Result<Identifier> id = read_store_id();
  if (!id.ok() && is_missing(id.error())) {
    THAW_ASSIGN(const bool lost, holds_images());
    // A first build may have come between.
    if (lost) id = read_store_id();
    if (!id.ok() && lost && is_missing(id.error())) {
      return Error{Code::kDamaged,
                   "the store holds images, but its store.json is missing; restore it from a copy"};
    }
  }
  if (!id.ok()) return id;
  const MutexLock lock(mutex_);
  store_id_ = id.value();
  return id;
}

Result<Identifier> Catalog::make_store_id() {
  Result<Identifier> there = store_id();
  if (there.ok() || !is_missing(there.error())) return there;
  const std::string document = write_store_document(Identifier::random());
  THAW_ASSIGN(const PutOutcome outcome,
              write(std::string(kStoreKey), as_bytes(document), {PutIf::kAbsent, {}, Durability::kNow}));
  // Whoever was first has named the store: read what is there.
  (void)outcome;
  return store_id();
}

Result<StoredRoot> Catalog::read_stored_root(const RootId& id) {
  THAW_ASSIGN(const Object stored, read(root_key(id), kMaxDocumentBytes));
  THAW_ASSIGN(Root root, parse_root_document(stored.bytes.view(), id));
  return StoredRoot{std::move(root), stored.version};
}

Result<Root> Catalog::read_root(const RootId& id) {
  THAW_ASSIGN(StoredRoot stored, read_stored_root(id));
  return std::move(stored.root);
}

Result<PutOutcome> Catalog::put_root(const Root& root, const std::string& version) {
  const std::string document = write_root_document(root);
  return write(root_key(root.id), as_bytes(document), {PutIf::kUnchanged, version, Durability::kNow});
}

Result<Root> Catalog::add_root(const Identifier& salt_id, unsigned share, uint64_t now_seconds) {
  for (unsigned attempt = 0; attempt < kMaxRoots; ++attempt) {
    THAW_ASSIGN(const std::vector<Root> found, roots());
    Root root{std::to_string(found.size() + 1), RootState::kActive, salt_id, now_seconds};
    root.share = share;
    const std::string document = write_root_document(root);
    THAW_ASSIGN(const PutOutcome outcome,
                write(root_key(root.id), as_bytes(document), {PutIf::kAbsent, {}, Durability::kNow}));
    if (outcome == PutOutcome::kStored) return root;
  }
  return Error{Code::kFailed, "others keep making roots; try again"};
}

Result<Salt> Catalog::add_salt(const Identifier& store_id, BuilderKeys& keys) {
  Salt salt = make_salt();
  THAW_ASSIGN(const Bytes record, wrap_salt_record(salt, store_id, keys));
  THAW_ASSIGN(const PutOutcome outcome,
              write(salt_key(salt.id), record, {PutIf::kAbsent, {}, Durability::kNow}));
  (void)outcome;
  return salt;
}

Result<std::vector<Root>> Catalog::read_roots() {
  std::vector<Root> roots;
  for (unsigned number = 1; number <= kMaxRoots; ++number) {
    const Result<Root> root = read_root(std::to_string(number));
    if (!root.ok() && is_missing(root.error())) break;
    if (!root.ok()) return root.error();
    roots.push_back(root.value());
  }
  std::reverse(roots.begin(), roots.end());
  return roots;
}

Result<std::vector<Root>> Catalog::roots() {
  THAW_ASSIGN(std::vector<Root> found, read_roots());
  if (!found.empty()) return found;
  THAW_ASSIGN(const bool lost, holds_images());
  if (!lost) return found;
  // A first build may have come between.
  THAW_ASSIGN(found, read_roots());
  if (!found.empty()) return found;
  return Error{Code::kDamaged,
               "the store holds images, but " + root_key(kFirstRoot) + " is missing; restore it from a copy"};
}

Result<std::vector<Root>> Catalog::readable_roots() {
  THAW_ASSIGN(std::vector<Root> found, roots());
  std::erase_if(found, [](const Root& root) { return root.state == RootState::kDeleted; });
  return found;
}

Result<std::vector<Root>> Catalog::roots_with_objects() {
  THAW_ASSIGN(std::vector<Root> found, roots());
  std::erase_if(found, [](const Root& root) { return root.emptied; });
  return found;
}

Result<Root> Catalog::make_first_root(const Identifier& store_id, BuilderKeys& keys, uint64_t now_seconds) {
  // The salt stands before the root that names it, so that no root is ever without one.
  THAW_ASSIGN(const Salt salt, add_salt(store_id, keys));
  const std::string document = write_root_document({kFirstRoot, RootState::kActive, salt.id, now_seconds});
  THAW_ASSIGN(const PutOutcome outcome,
              write(root_key(kFirstRoot), as_bytes(document), {PutIf::kAbsent, {}, Durability::kNow}));
  THAW_ASSIGN(Root root, read_root(kFirstRoot));
  // kKept is no proof that another builder was first: the answer to a put that was repeated may be lost.
  if (outcome == PutOutcome::kKept && root.salt_id != salt.id) {
    const Result<bool> removed = remove(salt_key(salt.id));
    // A builder may not be allowed to delete; a salt that nothing names harms nobody.
    if (!removed.ok() && removed.error().code != Code::kRefused) return removed.error();
  }
  return root;
}

Result<Root> Catalog::root_for_build(const Identifier& store_id, BuilderKeys& keys, uint64_t now_seconds) {
  THAW_ASSIGN(const std::vector<Root> found, roots());
  if (found.empty()) return make_first_root(store_id, keys, now_seconds);
  const Root* last = nullptr;
  for (const Root& root : found) {
    if (root.state != RootState::kActive) continue;
    last = &root;
    if (random_number() % 100 < root.share) return root;
  }
  // Whatever is left over goes into the oldest.
  if (last != nullptr) return *last;
  return Error{Code::kRefused, "the store has no active root to build into; see 'thaw roots create'"};
}

Result<BuildPlace> Catalog::prepare_build(BuilderKeys& keys, uint64_t now_seconds) {
  THAW_ASSIGN(const Identifier id, make_store_id());
  THAW_ASSIGN(const Root root, root_for_build(id, keys, now_seconds));
  THAW_ASSIGN(Salt salt, salt_of(root, id, keys));
  return BuildPlace{id, root, salt};
}

Result<Salt> Catalog::salt_of(const Root& root, const Identifier& store_id, BuilderKeys& keys) {
  const Result<Object> record = read(salt_key(root.salt_id), kMaxSaltRecordBytes);
  if (!record.ok() && record.error().code == Code::kNotFound) {
    return Error{Code::kDamaged,
                 "the store has lost the salt of root " + root.id +
                     "; 'thaw roots create --new-salt' makes a root with another, which shares "
                     "nothing with what is there"};
  }
  if (!record.ok()) return record.error();
  return open_salt_record(record->bytes.view(), root.salt_id, store_id, keys);
}

Status Catalog::check_builder(BuilderKeys& keys) {
  const Result<Identifier> id = store_id();
  if (!id.ok()) return is_missing(id.error()) ? Status{} : id.error();
  THAW_ASSIGN(const std::vector<Root> found, roots());
  if (found.empty()) return {};
  const Result<Salt> salt = salt_of(found.front(), id.value(), keys);
  if (salt.ok()) return {};
  if (salt.error().code != Code::kRefused) return salt.error();
  return Error{Code::kRefused,
               "the keys of the configuration are not those of the store: " + salt.error().message};
}

Status Catalog::replace(const std::string& key, ByteView bytes) {
  THAW_ASSIGN(const PutOutcome outcome, write(key, bytes, {}));
  (void)outcome;
  return {};
}

// The digest names these bytes only: replacing what is there can only mend it.
Status Catalog::put_manifest(const RootId& root, const Digest& digest, ByteView bytes) {
  return replace(manifest_key(root, digest), bytes);
}

Status Catalog::put_envelope(const RootId& root, const Digest& digest, ByteView bytes) {
  return replace(envelope_key(root, digest), bytes);
}

Status Catalog::put_path_order(const RootId& root, const Digest& digest, ByteView bytes) {
  return replace(path_order_key(root, digest), bytes);
}

Result<FoundObject> Catalog::find_manifest(const Digest& digest) {
  THAW_ASSIGN(const std::vector<Root> found, readable_roots());
  for (const Root& root : found) {
    Result<Object> object = read(manifest_key(root.id, digest), kMaxManifestBytes);
    if (object.ok()) return FoundObject{root.id, std::move(object->bytes)};
    if (!is_missing(object.error())) return object.error();
  }
  return Error{Code::kNotFound, "no readable root of the store has manifest " + digest.hex()};
}

Result<Buffer> Catalog::read_envelope(const RootId& root, const Digest& digest) {
  THAW_ASSIGN(Object object, read(envelope_key(root, digest), kMaxEnvelopeBytes));
  return std::move(object.bytes);
}

}  // namespace thaw
