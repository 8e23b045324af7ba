#include "lib/store/temporary_object.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>

#include "lib/base/hex.h"
#include "lib/crypto/random.h"
#include "lib/store/beneath.h"
#include "lib/store/folder_entries.h"

namespace thaw {
namespace {

constexpr const char* kFolder = ".tmp";
constexpr time_t kStaleSeconds = 3600;

Result<Fd> open_temporary_folder(int root, const std::string& key) {
  if (::mkdirat(root, kFolder, 0755) != 0 && errno != EEXIST) return object_error(key, errno);
  Fd folder(::openat(root, kFolder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.valid()) return object_error(key, errno);
  return folder;
}

Status write_and_sync(int fd, const std::string& key, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return object_error(key, errno);
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  // Before the object has its name: whoever finds the name finds the bytes, also after a power loss.
  if (::fdatasync(fd) != 0) return object_error(key, errno);
  return {};
}

void remove_if_stale(int folder, const std::string& name, time_t now) {
  struct stat info {};
  if (::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return;
  if (!S_ISREG(info.st_mode) || info.st_mtime > now - kStaleSeconds) return;
  const Fd file(::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (file.valid() && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0) ::unlinkat(folder, name.c_str(), 0);
}

}  // namespace

Result<TemporaryObject> TemporaryObject::write(int root, const std::string& key, ByteView bytes) {
  std::array<uint8_t, 16> random{};
  fill_random(random);
  THAW_ASSIGN(Fd folder, open_temporary_folder(root, key));
  TemporaryObject made(std::move(folder), to_hex(random));
  made.file_.reset(
      ::openat(made.folder_.get(), made.name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!made.file_.valid()) return object_error(key, errno);
  // A filesystem without locks still has the age.
  (void)::flock(made.file_.get(), LOCK_EX | LOCK_NB);
  THAW_TRY(write_and_sync(made.file_.get(), key, bytes));
  return made;
}

TemporaryObject::~TemporaryObject() {
  if (folder_.valid() && file_.valid()) ::unlinkat(folder_.get(), name_.c_str(), 0);
}

Result<bool> TemporaryObject::link_to(int folder, const std::string& name, const std::string& key) {
  if (::linkat(folder_.get(), name_.c_str(), folder, name.c_str(), 0) == 0) return true;
  if (errno == EEXIST) return false;
  return object_error(key, errno);
}

Status TemporaryObject::rename_to(int folder, const std::string& name, const std::string& key) {
  if (::renameat(folder_.get(), name_.c_str(), folder, name.c_str()) != 0) return object_error(key, errno);
  file_.reset();
  return {};
}

void remove_stale_objects(int root) {
  const Fd folder(::openat(root, kFolder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.valid()) return;
  const auto entries = folder_entries(folder.get(), kFolder);
  if (!entries.ok()) return;
  const time_t now = ::time(nullptr);
  for (const FolderEntry& entry : entries.value()) {
    if (!entry.is_folder) remove_if_stale(folder.get(), entry.name, now);
  }
}

}  // namespace thaw
