#include "lib/store/beneath.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "lib/store/folder_entries.h"

namespace thaw {
namespace {

constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

// The kernel says ENOTDIR of a link as well; but what lies behind it is not missing.
int why_not_entered(int folder, const std::string& name, int errno_value) {
  struct stat info {};
  const bool is_link = errno_value == ENOTDIR &&
                       ::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
                       S_ISLNK(info.st_mode);
  return is_link ? ELOOP : errno_value;
}

Result<Fd> step_into(int folder, const std::string& name, const std::string& key) {
  Fd next(::openat(folder, name.c_str(), kFolderFlags));
  if (!next.valid()) return object_error(key, why_not_entered(folder, name, errno));
  return next;
}

Result<Fd> step_or_make(int folder, const std::string& name, const std::string& key) {
  if (::mkdirat(folder, name.c_str(), 0755) != 0 && errno != EEXIST) return object_error(key, errno);
  return step_into(folder, name, key);
}

Status sync_fd(int fd, const std::string& key) {
  if (::fsync(fd) != 0) return object_error(key, errno);
  return {};
}

// Visits the folders on the way to the last "/" of `key`; the last one is returned.
template <class Step>
Result<Fd> walk_to(int root, const std::string& key, Step&& step) {
  Fd folder(::fcntl(root, F_DUPFD_CLOEXEC, 0));
  if (!folder.valid()) return object_error(key, errno);
  size_t begin = 0;
  for (size_t end = key.find('/'); end != std::string::npos; end = key.find('/', begin)) {
    THAW_ASSIGN(folder, step(folder.get(), key.substr(begin, end - begin), key));
    begin = end + 1;
  }
  return folder;
}

Result<Fd> step_and_sync(int folder, const std::string& name, const std::string& key) {
  THAW_TRY(sync_fd(folder, key));
  return step_into(folder, name, key);
}

Status sync_tree(int folder, const std::string& key, int depth) {
  THAW_TRY(sync_fd(folder, key));
  if (depth == 0) return {};
  THAW_ASSIGN(const std::vector<FolderEntry> entries, folder_entries(folder, key));
  for (const FolderEntry& entry : entries) {
    if (!entry.is_folder) continue;
    THAW_ASSIGN(const Fd below, step_into(folder, entry.name, key));
    THAW_TRY(sync_tree(below.get(), key, depth - 1));
  }
  return {};
}

}  // namespace

Error object_error(const std::string& key, int errno_value) {
  switch (errno_value) {
    case EIO:
    case ESTALE:
    case ENODEV:
    case ENXIO:
    case ENOTCONN:
    case ETIMEDOUT:
    case EHOSTDOWN:
      return Error{Code::kUnreachable, system_error("store object " + key, errno_value).message};
    case ENOTDIR:
      return Error{Code::kNotFound, "store object " + key + ": no such object"};
    case ELOOP:
      return Error{Code::kRefused, "store object " + key + ": a symbolic link stands in its place"};
    case ENOSPC:
    case EDQUOT:
      return Error{Code::kFailed, system_error("store object " + key, errno_value).message +
                                      "; free space on the store's disk and run it again"};
    default:
      return system_error("store object " + key, errno_value);
  }
}

Result<Fd> open_store_folder(const std::string& path) {
  // A link may lead to the store; only what is beneath must not lead out of it.
  Fd root(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (root.valid()) return root;
  if (errno == EACCES || errno == EPERM) return system_error("store " + path, errno);
  if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) return system_error("store " + path, errno);
  return Error{Code::kUnreachable, system_error("store " + path, errno).message + "; is its disk mounted?"};
}

Result<Place> find_place(int root, const std::string& key) {
  THAW_ASSIGN(Fd folder, walk_to(root, key, step_into));
  return Place{std::move(folder), key.substr(key.rfind('/') + 1)};
}

Result<Place> make_place(int root, const std::string& key) {
  Result<Place> there = find_place(root, key);
  if (there.ok() || there.error().code != Code::kNotFound) return there;
  THAW_ASSIGN(Fd folder, walk_to(root, key, step_or_make));
  return Place{std::move(folder), key.substr(key.rfind('/') + 1)};
}

Result<Fd> open_folder(int root, const std::string& prefix) { return walk_to(root, prefix, step_into); }

Status sync_way(int root, const std::string& key) {
  THAW_ASSIGN(const Fd last, walk_to(root, key, step_and_sync));
  return sync_fd(last.get(), key);
}

Status sync_below(int root, const std::string& prefix) {
  THAW_ASSIGN(const Fd folder, walk_to(root, prefix, step_and_sync));
  return sync_tree(folder.get(), prefix, kMaxFolderDepth);
}

}  // namespace thaw
