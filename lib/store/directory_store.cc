#include "lib/store/directory_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <thread>

#include "lib/crypto/hash.h"
#include "lib/store/beneath.h"
#include "lib/store/folder_entries.h"
#include "lib/store/paths.h"
#include "lib/store/temporary_object.h"

namespace thaw {
namespace {

constexpr const char* kLockFile = ".lock";
constexpr std::chrono::milliseconds kLockInterval{2};

// Opens without waiting on a FIFO that stands in an object's place.
constexpr int kReadFlags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;

struct OpenObject {
  Fd file;
  uint64_t size = 0;
};

Result<OpenObject> open_object(int root, const std::string& key) {
  THAW_ASSIGN(const Place place, find_place(root, key));
  OpenObject object{Fd(::openat(place.folder.get(), place.name.c_str(), kReadFlags)), 0};
  struct stat info {};
  if (!object.file.valid() || ::fstat(object.file.get(), &info) != 0) return object_error(key, errno);
  if (!S_ISREG(info.st_mode)) return Error{Code::kNotFound, "store object " + key + ": not a regular file"};
  object.size = static_cast<uint64_t>(info.st_size);
  return object;
}

Status read_all(int fd, const std::string& key, MutableBytes out) {
  for (off_t offset = 0; !out.empty();) {
    const ssize_t n = ::pread(fd, out.data(), out.size(), offset);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return object_error(key, errno);
    // Another writer cut it: like a short body, worth another try.
    if (n == 0) return Error{Code::kUnreachable, "store object " + key + ": it changed while it was read"};
    out = out.subspan(static_cast<size_t>(n));
    offset += n;
  }
  return {};
}

Result<Object> read_object(int root, const std::string& key, uint64_t max_bytes) {
  THAW_ASSIGN(const OpenObject open, open_object(root, key));
  if (open.size > max_bytes) {
    return Error{Code::kDamaged, "store object " + key + ": " + std::to_string(open.size) +
                                     " bytes, more than it may have (" + std::to_string(max_bytes) + ")"};
  }
  Object object{Buffer(open.size), {}};
  THAW_TRY(read_all(open.file.get(), key, object.bytes.mutable_view()));
  if (open.size <= kMaxVersionedBytes) object.version = sha256(object.bytes.view()).hex();
  return object;
}

Status check_key(const std::string& key) {
  if (is_object_key(key)) return {};
  return Error{Code::kUsage, "\"" + key.substr(0, 80) + "\" is no key of a store's object"};
}

Status check_prefix(const std::string& prefix) {
  if (prefix.empty()) return {};
  if (prefix.back() == '/' && is_object_key(prefix.substr(0, prefix.size() - 1))) return {};
  return Error{Code::kUsage, "\"" + prefix.substr(0, 80) + "\" is no folder of a store"};
}

Status still_wanted(const std::string& key, const GetOptions& options) {
  if (options.stop.stop_requested())
    return Error{Code::kCancelled, "store object " + key + ": nobody waits any more"};
  if (options.deadline != TimePoint::max() && steady_clock().now() >= options.deadline) {
    return Error{Code::kTimedOut, "store object " + key + ": the deadline passed"};
  }
  return {};
}

// False when there was none.
Result<bool> unlink_object(int root, const std::string& key) {
  const Result<Place> place = find_place(root, key);
  if (!place.ok() && place.error().code == Code::kNotFound) return false;
  if (!place.ok()) return place.error();
  if (::unlinkat(place->folder.get(), place->name.c_str(), 0) == 0) return true;
  if (errno == ENOENT) return false;
  return object_error(key, errno);
}

// False also when it is not there.
Result<bool> is_version(int root, const std::string& key, const std::string& version) {
  const Result<Object> there = read_object(root, key, kMaxVersionedBytes);
  if (!there.ok() && there.error().code == Code::kNotFound) return false;
  if (!there.ok()) return there.error();
  return there->version == version;
}

Result<Fd> lock_store(int root, const std::string& key, std::chrono::milliseconds patience) {
  Fd lock(::openat(root, kLockFile, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!lock.valid()) return object_error(key, errno);
  const auto end = std::chrono::steady_clock::now() + patience;
  while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return object_error(key, errno);
    if (std::chrono::steady_clock::now() > end) {
      return Error{Code::kTimedOut, "store object " + key + ": a process has held the store's " + kLockFile +
                                        " for too long; see with 'fuser' who stands still with it"};
    }
    std::this_thread::sleep_for(kLockInterval);
  }
  return lock;
}

}  // namespace

struct DirectoryStore::Folder {
  Fd fd;
  uint64_t device = 0;
  uint64_t inode = 0;
};

Result<DirectoryStore::Folder> DirectoryStore::open_folder_for(const std::string& key) const {
  THAW_ASSIGN(Fd fd, open_store_folder(path_));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return object_error(key, errno);
  return Folder{std::move(fd), info.st_dev, info.st_ino};
}

void DirectoryStore::remember(const Folder& root) {
  const MutexLock lock(mutex_);
  seen_ = true;
  device_ = root.device;
  inode_ = root.inode;
}

Error DirectoryStore::missing(const Folder& root, Error error) {
  if (error.code != Code::kNotFound) return error;
  const MutexLock lock(mutex_);
  if (!seen_ || (device_ == root.device && inode_ == root.inode)) return error;
  return Error{Code::kUnreachable,
               "store " + path_ + ": another folder stands in its place; is its disk mounted?"};
}

Result<Object> DirectoryStore::get_now(const std::string& key, const GetOptions& options) {
  THAW_TRY(check_key(key));
  THAW_TRY(still_wanted(key, options));
  THAW_ASSIGN(const Folder root, open_folder_for(key));
  Result<Object> object = read_object(root.fd.get(), key, options.max_bytes);
  if (!object.ok()) return missing(root, std::move(object).error());
  remember(root);
  return object;
}

Result<uint64_t> DirectoryStore::size_now(const std::string& key) {
  THAW_TRY(check_key(key));
  THAW_ASSIGN(const Folder root, open_folder_for(key));
  Result<OpenObject> object = open_object(root.fd.get(), key);
  if (!object.ok()) return missing(root, std::move(object).error());
  remember(root);
  return object->size;
}

Result<std::vector<ListedObject>> DirectoryStore::list_now(const ListOptions& options) {
  THAW_TRY(check_prefix(options.prefix));
  THAW_ASSIGN(const Folder root, open_folder_for(options.prefix));
  const Result<Fd> folder = open_folder(root.fd.get(), options.prefix);
  if (folder.ok()) return list_objects(folder->get(), options);
  const Error error = missing(root, folder.error());
  // A folder exists while objects are in it: nothing there is an empty list.
  if (error.code == Code::kNotFound) return std::vector<ListedObject>();
  return error;
}

Result<PutOutcome> DirectoryStore::put_now(const std::string& key, ByteView bytes,
                                           const PutOptions& options) {
  THAW_TRY(check_key(key));
  THAW_ASSIGN(const Folder root, open_folder_for(key));
  if (!swept_.exchange(true)) remove_stale_objects(root.fd.get());
  if (options.condition == PutIf::kUnchanged) return put_if_unchanged(root, key, bytes, options.version);

  THAW_ASSIGN(const Place place, make_place(root.fd.get(), key));
  THAW_ASSIGN(TemporaryObject written, TemporaryObject::write(root.fd.get(), key, bytes));
  bool stored = true;
  if (options.condition == PutIf::kAbsent) {
    THAW_ASSIGN(stored, written.link_to(place.folder.get(), place.name, key));
  } else {
    THAW_TRY(written.rename_to(place.folder.get(), place.name, key));
  }
  // Also when it was kept: whoever made it may not have come this far yet, and the caller builds on it.
  if (options.durability == Durability::kNow) THAW_TRY(sync_way(root.fd.get(), key));
  remember(root);
  return stored ? PutOutcome::kStored : PutOutcome::kKept;
}

// Between the comparison and the rename stands nothing that takes its time: a process that is stopped there
// holds up all others.
Result<bool> DirectoryStore::rename_if_unchanged(const Folder& root, const std::string& key,
                                                 const std::string& version, TemporaryObject& written) {
  THAW_ASSIGN(const Fd lock, lock_store(root.fd.get(), key, lock_patience_));
  THAW_ASSIGN(const bool unchanged, is_version(root.fd.get(), key, version));
  if (!unchanged) return false;
  THAW_ASSIGN(const Place place, find_place(root.fd.get(), key));
  THAW_TRY(written.rename_to(place.folder.get(), place.name, key));
  return true;
}

Result<PutOutcome> DirectoryStore::put_if_unchanged(const Folder& root, const std::string& key,
                                                    ByteView bytes, const std::string& version) {
  THAW_ASSIGN(const bool unchanged, is_version(root.fd.get(), key, version));
  if (!unchanged) return PutOutcome::kKept;
  THAW_ASSIGN(TemporaryObject written, TemporaryObject::write(root.fd.get(), key, bytes));
  THAW_ASSIGN(const bool stored, rename_if_unchanged(root, key, version, written));
  // Also when it was kept: whoever was first may not have come this far yet, and the caller builds on it.
  THAW_TRY(sync_way(root.fd.get(), key));
  return stored ? PutOutcome::kStored : PutOutcome::kKept;
}

Result<bool> DirectoryStore::remove_now(const std::string& key) {
  THAW_TRY(check_key(key));
  THAW_ASSIGN(const Folder root, open_folder_for(key));
  THAW_ASSIGN(const bool removed, unlink_object(root.fd.get(), key));
  if (removed) THAW_TRY(sync_way(root.fd.get(), key));
  return removed;
}

// Each folder is made durable once.
Result<bool> DirectoryStore::remove_all_now(const std::vector<std::string>& keys) {
  std::map<std::string, std::string> one_of_each_folder;
  for (const std::string& key : keys) {
    THAW_TRY(check_key(key));
    one_of_each_folder.emplace(key.substr(0, key.find_last_of('/') + 1), key);
  }
  if (keys.empty()) return true;
  THAW_ASSIGN(const Folder root, open_folder_for(keys.front()));
  for (const std::string& key : keys) {
    THAW_ASSIGN(const bool removed, unlink_object(root.fd.get(), key));
    (void)removed;
  }
  for (const auto& [folder, key] : one_of_each_folder) {
    const Status synced = sync_way(root.fd.get(), key);
    if (!synced.ok() && synced.error().code != Code::kNotFound) return synced.error();
  }
  return true;
}

Result<bool> DirectoryStore::sync_now(const std::string& prefix) {
  THAW_TRY(check_prefix(prefix));
  THAW_ASSIGN(const Folder root, open_folder_for(prefix));
  const Status synced = sync_below(root.fd.get(), prefix);
  if (!synced.ok() && synced.error().code != Code::kNotFound) return synced.error();
  return true;
}

void DirectoryStore::get(const std::string& key, const GetOptions& options, Completion<Object> done) {
  executor_.post([this, key, options, done = std::move(done)]() mutable { done(get_now(key, options)); });
}

void DirectoryStore::size_of(const std::string& key, Completion<uint64_t> done) {
  executor_.post([this, key, done = std::move(done)]() mutable { done(size_now(key)); });
}

void DirectoryStore::list(const ListOptions& options, Completion<std::vector<ListedObject>> done) {
  executor_.post([this, options, done = std::move(done)]() mutable { done(list_now(options)); });
}

void DirectoryStore::put(const std::string& key, ByteView bytes, const PutOptions& options,
                         Completion<PutOutcome> done) {
  executor_.post(
      [this, key, bytes, options, done = std::move(done)]() mutable { done(put_now(key, bytes, options)); });
}

void DirectoryStore::remove(const std::string& key, Completion<bool> done) {
  executor_.post([this, key, done = std::move(done)]() mutable { done(remove_now(key)); });
}

void DirectoryStore::sync(const std::string& prefix, Completion<bool> done) {
  executor_.post([this, prefix, done = std::move(done)]() mutable { done(sync_now(prefix)); });
}

void DirectoryStore::copy(const std::string&, const std::string&, const std::string&,
                          Completion<PutOutcome> done) {
  done(PutOutcome::kKept);
}

void DirectoryStore::remove_all(std::vector<std::string> keys, Completion<bool> done) {
  executor_.post(
      [this, keys = std::move(keys), done = std::move(done)]() mutable { done(remove_all_now(keys)); });
}

}  // namespace thaw
