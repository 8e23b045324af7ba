// DirectoryStore: an object store in a folder (docs/formats/store.md): one file an object, its key the path.
//
// Objects appear whole or not at all: a temporary file, fdatasync, then its name (kAbsent by a link that
// replaces nothing, else by a rename), then fsync of the folders. No symbolic link beneath the folder is
// followed. Several processes may use one folder; kUnchanged is decided under a lock file, against writers
// that use kUnchanged too.
//
// Thread contract: any thread may call; the blocking work runs on `executor`, whose threads mostly wait for
// the disk (a dozen lets one journal commit serve many writers). The store must outlive its operations. A
// folder that has gone away (ENOENT on it, or another one in its place that lacks the object), EIO and ESTALE
// are kUnreachable; a missing object is kNotFound; a full disk is kFailed and leaves nothing behind.
#pragma once

#include <atomic>
#include <chrono>
#include <string>

#include "lib/base/executor.h"
#include "lib/base/file.h"
#include "lib/base/mutex.h"
#include "lib/store/object_store.h"

namespace thaw {

// Only smaller objects have a version: it is a hash, and chunks are never compared.
inline constexpr uint64_t kMaxVersionedBytes = 64 * 1024;

class TemporaryObject;

class DirectoryStore final : public ObjectStore {
 public:
  // `path` is absolute. `lock_patience`: how long a put with kUnchanged waits for others, before it is
  // kTimedOut. Touches nothing yet.
  DirectoryStore(std::string path, Executor& executor,
                 std::chrono::milliseconds lock_patience = std::chrono::seconds(30))
      : path_(std::move(path)), executor_(executor), lock_patience_(lock_patience) {}

  void get(const std::string& key, const GetOptions& options, Completion<Object> done) override;
  void size_of(const std::string& key, Completion<uint64_t> done) override;
  void list(const ListOptions& options, Completion<std::vector<ListedObject>> done) override;
  void put(const std::string& key, ByteView bytes, const PutOptions& options,
           Completion<PutOutcome> done) override;
  void remove(const std::string& key, Completion<bool> done) override;
  void sync(const std::string& prefix, Completion<bool> done) override;
  // Says kKept: a folder has no copies but those that are read and written.
  void copy(const std::string& from, const std::string& version, const std::string& to,
            Completion<PutOutcome> done) override;
  void remove_all(std::vector<std::string> keys, Completion<bool> done) override;

 private:
  struct Folder;  // the store's folder, opened for one operation

  Result<Folder> open_folder_for(const std::string& key) const;
  Result<Object> get_now(const std::string& key, const GetOptions& options);
  Result<uint64_t> size_now(const std::string& key);
  Result<std::vector<ListedObject>> list_now(const ListOptions& options);
  Result<PutOutcome> put_now(const std::string& key, ByteView bytes, const PutOptions& options);
  Result<PutOutcome> put_if_unchanged(const Folder& root, const std::string& key, ByteView bytes,
                                      const std::string& version);
  Result<bool> rename_if_unchanged(const Folder& root, const std::string& key, const std::string& version,
                                   TemporaryObject& written);
  Result<bool> remove_now(const std::string& key);
  Result<bool> remove_all_now(const std::vector<std::string>& keys);
  Result<bool> sync_now(const std::string& prefix);

  void remember(const Folder& root) EXCLUDES(mutex_);
  // What a missing object means: kNotFound, or kUnreachable when another folder stands in the store's place.
  Error missing(const Folder& root, Error error) EXCLUDES(mutex_);

  const std::string path_;
  Executor& executor_;
  const std::chrono::milliseconds lock_patience_;
  std::atomic<bool> swept_{false};  // stale temporary files are removed once

  Mutex mutex_;
  bool seen_ GUARDED_BY(mutex_) = false;
  uint64_t device_ GUARDED_BY(mutex_) = 0;  // the folder that objects were last found in
  uint64_t inode_ GUARDED_BY(mutex_) = 0;
};

}  // namespace thaw
