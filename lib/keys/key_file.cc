#include "lib/keys/key_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>

#include "lib/base/file.h"
#include "lib/base/hex.h"
#include "lib/crypto/random.h"

namespace thaw {
namespace {

constexpr size_t kFileBytes = 2 * kKeyBytes + 1;
constexpr mode_t kSecretMode = 0600;
constexpr mode_t kPublicMode = 0644;
constexpr mode_t kFolderMode = 0700;

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

Result<Secret> read_key(const std::string& path, mode_t forbidden) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.valid()) return system_error(path, errno);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return system_error(path, errno);
  if ((info.st_mode & forbidden) != 0) {
    return Error{Code::kRefused, path +
                                     ": others than its owner may read or write this key; run 'chmod 600 " +
                                     path + "' and consider the key known"};
  }
  std::array<uint8_t, kFileBytes> text{};
  Secret key;
  const bool good = S_ISREG(info.st_mode) && info.st_size == kFileBytes &&
                    read_exact(fd.get(), 0, text).ok() && text.back() == '\n' &&
                    from_hex(as_text(ByteView(text).first(2 * kKeyBytes)), key.mutable_view());
  wipe(text);
  if (!good) return Error{Code::kDamaged, path + ": not a key file; restore it from a backup"};
  return key;
}

// Where the file system can, without a name until all of it is there: a process that is killed leaves no key
// behind.
struct NewFile {
  Fd fd;
  std::string name;  // in /proc where it has none
  bool named = false;

  ~NewFile() {
    if (named) ::unlink(name.c_str());
  }
};

Status open_new(const std::string& folder, NewFile& file) {
  file.fd.reset(::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, kSecretMode));
  if (file.fd.valid()) {
    file.name = "/proc/self/fd/" + std::to_string(file.fd.get());
    return {};
  }
  std::array<uint8_t, 8> random{};
  fill_random(random);
  file.name = folder + "/.new-" + to_hex(random);
  file.fd.reset(::open(file.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kSecretMode));
  file.named = file.fd.valid();
  return file.named ? Status() : Status(system_error(file.name, errno));
}

Status write_synced(const NewFile& file, ByteView bytes, mode_t mode) {
  const int fd = file.fd.get();
  THAW_TRY(write_all(fd, bytes));
  if (::fchmod(fd, mode) != 0 || ::fsync(fd) != 0) return system_error(file.name, errno);
  return {};
}

// A link that replaces nothing: two first builds at once agree on one key.
Status publish(const NewFile& file, const std::string& path) {
  if (::linkat(AT_FDCWD, file.name.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) != 0 &&
      errno != EEXIST)
    return system_error(path, errno);
  return sync_folder(folder_of(path));
}

Status make_key(const std::string& path, ByteView key, mode_t mode) {
  THAW_TRY(make_folders(folder_of(path), kFolderMode));
  NewFile file;
  Status done = open_new(folder_of(path), file);
  std::string text = to_hex(key) + "\n";
  if (done.ok()) done = write_synced(file, as_bytes(text), mode);
  wipe({reinterpret_cast<uint8_t*>(text.data()), text.size()});
  if (done.ok()) done = publish(file, path);
  if (!done.ok()) return Error{done.error().code, "key " + path + ": " + done.error().message};
  return {};
}

}  // namespace

Result<Secret> read_secret_file(const std::string& path) { return read_key(path, 077); }
Result<Secret> read_public_file(const std::string& path) { return read_key(path, 022); }

Status make_secret_file(const std::string& path, const Secret& secret) {
  return make_key(path, secret.view(), kSecretMode);
}

Status make_public_file(const std::string& path, ByteView key) { return make_key(path, key, kPublicMode); }

Result<std::vector<unsigned>> numbered_files(const std::string& folder, const std::string& prefix) {
  std::vector<unsigned> numbers;
  const std::unique_ptr<DIR, CloseFolder> listing(::opendir(folder.c_str()));
  if (!listing && errno == ENOENT) return numbers;
  if (!listing) return system_error(folder, errno);
  while (const dirent* entry = ::readdir(listing.get())) {
    const std::string_view name(entry->d_name);
    if (!name.starts_with(prefix)) continue;
    unsigned number = 0;
    const char* const end = name.data() + name.size();
    const auto parsed = std::from_chars(name.data() + prefix.size(), end, number);
    if (parsed.ec == std::errc() && parsed.ptr == end && number > 0) numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace thaw
