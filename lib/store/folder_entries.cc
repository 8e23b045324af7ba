#include "lib/store/folder_entries.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "lib/base/file.h"
#include "lib/store/beneath.h"
#include "lib/store/paths.h"

namespace thaw {
namespace {

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

// Keys compare as whole texts, so a folder sorts as if its name ended with "/": "a-b" before "a/b".
std::string sort_key(const FolderEntry& entry) { return entry.is_folder ? entry.name + "/" : entry.name; }

bool in_key_order(const FolderEntry& a, const FolderEntry& b) { return sort_key(a) < sort_key(b); }

class Walk {
 public:
  explicit Walk(const ListOptions& options) : options_(options) {}

  Status below(int folder, const std::string& prefix, int depth) {
    THAW_ASSIGN(const std::vector<FolderEntry> entries, folder_entries(folder, prefix));
    for (const FolderEntry& entry : entries) {
      if (full()) return {};
      const std::string key = prefix + sort_key(entry);
      if (entry.is_folder) {
        THAW_TRY(enter(folder, entry.name, key, depth));
      } else if (key > options_.start_after) {
        THAW_TRY(add(folder, entry.name, key));
      }
    }
    return {};
  }

  std::vector<ListedObject> take() { return std::move(found_); }

 private:
  bool full() const { return found_.size() >= options_.limit; }

  Status enter(int folder, const std::string& name, const std::string& prefix, int depth) {
    const bool all_before = options_.start_after > prefix && !options_.start_after.starts_with(prefix);
    if (all_before || depth == 0) return {};
    const Fd next(::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    // Gone since it was listed: somebody removed it.
    if (!next.valid() && errno == ENOENT) return {};
    if (!next.valid()) return object_error(prefix, errno);
    return below(next.get(), prefix, depth - 1);
  }

  Status add(int folder, const std::string& name, const std::string& key) {
    struct stat info {};
    if (::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return {};
      return object_error(key, errno);
    }
    if (!S_ISREG(info.st_mode)) return {};
    const auto modified = static_cast<uint64_t>(std::max<time_t>(info.st_mtim.tv_sec, 0));
    found_.push_back({key, static_cast<uint64_t>(info.st_size), modified});
    return {};
  }

  const ListOptions& options_;
  std::vector<ListedObject> found_;
};

// DT_…; filesystems may leave it out.
unsigned char type_of(int folder, const dirent& entry) {
  struct stat info {};
  if (entry.d_type != DT_UNKNOWN || ::fstatat(folder, entry.d_name, &info, AT_SYMLINK_NOFOLLOW) != 0)
    return entry.d_type;
  return static_cast<unsigned char>(IFTODT(info.st_mode));
}

}  // namespace

Result<std::vector<FolderEntry>> folder_entries(int folder, const std::string& key) {
  // A descriptor of its own: reading a folder moves its offset.
  Fd own(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!own.valid()) return object_error(key, errno);
  const std::unique_ptr<DIR, CloseFolder> listing(::fdopendir(own.get()));
  if (!listing) return object_error(key, errno);
  (void)own.release();
  std::vector<FolderEntry> entries;
  for (errno = 0; const dirent* entry = ::readdir(listing.get()); errno = 0) {
    if (!is_object_key(entry->d_name)) continue;
    const unsigned char type = type_of(folder, *entry);
    // What lies behind it would not be listed, and be taken for gone by collection.
    if (type == DT_LNK) return object_error(key + entry->d_name, ELOOP);
    if (type == DT_DIR || type == DT_REG) entries.push_back({entry->d_name, type == DT_DIR});
  }
  if (errno != 0) return object_error(key, errno);
  std::sort(entries.begin(), entries.end(), in_key_order);
  return entries;
}

Result<std::vector<ListedObject>> list_objects(int folder, const ListOptions& options) {
  Walk walk(options);
  THAW_TRY(walk.below(folder, options.prefix, kMaxFolderDepth));
  return walk.take();
}

}  // namespace thaw
