#include "daemon/run/root_lookup.h"

#include "daemon/run/program_format.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <sstream>

#include "lib/base/units.h"

namespace thaw {
namespace {

constexpr uint64_t kMaxTextBytes = 16 * kMiB;
constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string path_variable(const std::vector<std::string>& env) {
  for (const std::string& entry : env) {
    if (entry.starts_with("PATH=")) return entry.substr(5);
  }
  return kDefaultPath;
}

// kRefused when it is there and cannot be executed.
Status check_program(const std::string& root, const std::string& path) {
  THAW_ASSIGN(const Fd fd, open_in_root(root, path, O_PATH));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return system_error(path, errno);
  if (S_ISREG(info.st_mode) && (info.st_mode & 0111) != 0) return check_format(root, path);
  return Error{Code::kRefused, path + ": it is not executable"};
}

}  // namespace

Result<Fd> open_in_root(const std::string& root, const std::string& path, int flags) {
  const Fd folder(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) return system_error(root, errno);
  open_how how{};
  how.flags = static_cast<uint64_t>(static_cast<unsigned>(flags)) | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const long fd = ::syscall(SYS_openat2, folder.get(), path.c_str(), &how, sizeof how);
  if (fd < 0) return system_error(path, errno == ENOTDIR ? ENOENT : errno);
  return Fd(static_cast<int>(fd));
}

Result<std::string> read_in_root(const std::string& root, const std::string& path) {
  THAW_ASSIGN(const Fd fd, open_in_root(root, path, O_RDONLY | O_NONBLOCK));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return system_error(path, errno);
  if (!S_ISREG(info.st_mode)) return Error{Code::kFailed, path + ": not a regular file"};
  const auto size = static_cast<uint64_t>(info.st_size);
  if (size > kMaxTextBytes) return Error{Code::kFailed, path + ": larger than 16 MiB"};
  Bytes bytes(size);
  THAW_TRY(read_exact(fd.get(), 0, bytes));
  return std::string(as_text(bytes));
}

Result<std::string> find_program(const std::string& root, const std::string& program,
                                 const std::string& working_dir, const std::vector<std::string>& env) {
  if (program.find('/') != std::string::npos) {
    const std::string path = program.starts_with("/") ? program : working_dir + "/" + program;
    THAW_TRY(check_program(root, path));
    return program;
  }
  Error last{Code::kNotFound, program + ": not found in the image's PATH"};
  std::istringstream folders(path_variable(env));
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string path = folder + "/" + program;
    const Status found = check_program(root, path);
    if (found.ok()) return path;
    if (found.error().code != Code::kNotFound) last = found.error();
  }
  return last;
}

}  // namespace thaw
