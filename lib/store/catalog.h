// Catalog: the structure of a store on top of its objects: its id, its roots and their salts, manifests and
// envelopes (docs/formats/store.md).
//
// For threads that may wait (the builder, control threads): every call blocks until the store has answered,
// so never call it on a thread of the store's executor. Holds no state but the store's id; any thread may
// call. Errors are the store's, and kNotFound, kDamaged, kRefused as said below.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "lib/base/mutex.h"
#include "lib/keys/key_service.h"
#include "lib/manifest/salt_record.h"
#include "lib/store/documents.h"
#include "lib/store/object_store.h"

namespace thaw {

// Where a build puts its chunks, and with which salt it seals them.
struct BuildPlace {
  Identifier store_id;
  Root root;
  Salt salt;
};

// A root as it was read; `version` is for put_root().
struct StoredRoot {
  Root root;
  std::string version;
};

struct FoundObject {
  RootId root;
  Buffer bytes;
};

class Catalog {
 public:
  explicit Catalog(ObjectStore& store) : store_(store) {}

  ObjectStore& store() { return store_; }

  // kNotFound when nothing was ever built into the store; kDamaged when it holds images, but lost store.json.
  Result<Identifier> store_id() EXCLUDES(mutex_);

  // Newest first, all states. Numbers have no gaps: a deleted root's root.json stays. kDamaged when the store
  // holds images, but no root.
  Result<std::vector<Root>> roots();
  // Newest first, without deleted ones: where chunks and manifests may be looked for.
  Result<std::vector<Root>> readable_roots();
  // All but those of which nothing is left: what must be looked at before anything is taken for unused.
  Result<std::vector<Root>> roots_with_objects();
  Result<Root> read_root(const RootId& id);
  Result<StoredRoot> read_stored_root(const RootId& id);
  // Replaces what was read as `version`; kKept when somebody else did meanwhile.
  Result<PutOutcome> put_root(const Root& root, const std::string& version);
  // Makes the next root, active. Two that do so at once make two.
  Result<Root> add_root(const Identifier& salt_id, unsigned share, uint64_t now_seconds);
  // Makes a salt, under the builders' key.
  Result<Salt> add_salt(const Identifier& store_id, BuilderKeys& keys);

  // Whether these are the keys that the store's salts were made under; an empty store takes any. kRefused
  // when they are not.
  Status check_builder(BuilderKeys& keys);

  // The root for one more build: the newest active one, but for its share (Root::share). Makes store.json,
  // the first root and its salt when the store is empty; two builders that do so at once agree. kRefused when
  // there are roots, but none is active.
  Result<BuildPlace> prepare_build(BuilderKeys& keys, uint64_t now_seconds);

  Status put_manifest(const RootId& root, const Digest& digest, ByteView bytes);
  Status put_envelope(const RootId& root, const Digest& digest, ByteView bytes);
  Status put_path_order(const RootId& root, const Digest& digest, ByteView bytes);

  // Looks into the readable roots, newest first. The bytes are not verified.
  Result<FoundObject> find_manifest(const Digest& digest);
  // From the root that the manifest was found in.
  Result<Buffer> read_envelope(const RootId& root, const Digest& digest);

  // Blocking forms of the store's calls.
  Result<Object> read(const std::string& key, uint64_t max_bytes);
  Result<PutOutcome> write(const std::string& key, ByteView bytes, const PutOptions& options);
  Result<std::vector<ListedObject>> list(const ListOptions& options);
  // All of a folder, page by page.
  Status for_each(const std::string& folder, const std::function<Status(const ListedObject&)>& visit);
  Result<bool> remove(const std::string& key);
  Status sync(const std::string& prefix);

 private:
  Status replace(const std::string& key, ByteView bytes);
  Result<bool> holds_images();
  Result<Identifier> read_store_id();
  Result<std::vector<Root>> read_roots();
  Result<Salt> salt_of(const Root& root, const Identifier& store_id, BuilderKeys& keys);
  Result<Identifier> make_store_id();
  Result<Root> make_first_root(const Identifier& store_id, BuilderKeys& keys, uint64_t now_seconds);
  Result<Root> root_for_build(const Identifier& store_id, BuilderKeys& keys, uint64_t now_seconds);

  ObjectStore& store_;
  Mutex mutex_;
  std::optional<Identifier> store_id_ GUARDED_BY(mutex_);
};

}  // namespace thaw
