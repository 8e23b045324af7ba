#include "daemon/run/program_format.h"

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>

#include "daemon/run/root_lookup.h"
#include "lib/base/file.h"

namespace thaw {
namespace {

// As much as the kernel looks at (BINPRM_BUF_SIZE).
constexpr size_t kHeadBytes = 256;

std::string head_of(int fd) {
  std::array<char, kHeadBytes> head{};
  const ssize_t n = ::pread(fd, head.data(), head.size(), 0);
  return n > 0 ? std::string(head.data(), static_cast<size_t>(n)) : std::string();
}

bool is_elf(const std::string& head) { return head.size() >= sizeof(Elf32_Ehdr) && head.starts_with(ELFMAG); }

// At the same place in headers of 32 and of 64 bits.
uint16_t machine_in(const std::string& head) {
  uint16_t machine = 0;
  std::memcpy(&machine, head.data() + offsetof(Elf64_Ehdr, e_machine), sizeof machine);
  return machine;
}

// Of this machine, and the 32 bits of it.
bool runs_here(uint16_t machine) {
  static const std::string own = [] {
    const Fd fd(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    return head_of(fd.get());
  }();
  if (!is_elf(own) || machine == machine_in(own)) return true;
  return (machine == EM_386 && machine_in(own) == EM_X86_64) ||
         (machine == EM_ARM && machine_in(own) == EM_AARCH64);
}

// Emulators and the like, which are registered by name beside these two files.
bool has_other_formats() {
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/sys/fs/binfmt_misc", failure)) {
    const std::string name = entry.path().filename().string();
    if (name != "register" && name != "status") return true;
  }
  return false;
}

Status check_script(const std::string& root, const std::string& path, const std::string& head) {
  const size_t begin = head.find_first_not_of(" \t", 2);
  const size_t end = begin == std::string::npos ? begin : head.find_first_of(" \t\n", begin);
  if (end == std::string::npos) return {};
  const std::string interpreter = head.substr(begin, end - begin);
  const auto found = open_in_root(root, interpreter, O_PATH);
  if (found.ok() || found.error().code != Code::kNotFound) return {};
  const bool dos = interpreter.ends_with('\r');
  return Error{Code::kRefused,
               path + (dos ? ": its first line ends with a carriage return; save it with Unix line ends"
                           : ": its interpreter " + interpreter + " is not in the image")};
}

}  // namespace

Status check_format(const std::string& root, const std::string& path) {
  const auto file = open_in_root(root, path, O_RDONLY | O_NONBLOCK);
  if (!file.ok() || has_other_formats()) return {};
  const std::string head = head_of(file.value().get());
  if (head.starts_with("#!")) return check_script(root, path, head);
  if (!is_elf(head))
    return Error{Code::kRefused, path + ": it is neither a program nor a script that begins with #!"};
  if (runs_here(machine_in(head))) return {};
  return Error{Code::kRefused, path + ": it is a program for another kind of machine (ELF machine " +
                                   std::to_string(machine_in(head)) +
                                   "); build the image for this --platform"};
}

}  // namespace thaw
