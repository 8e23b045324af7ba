#include "daemon/mounts/loop_device.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <linux/major.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <optional>
#include <thread>

namespace thaw {
namespace {

constexpr int kMaxTries = 1000;  // lost races for a free device: each has a winner
constexpr std::chrono::seconds kMaxDetachTime{3};
constexpr std::chrono::milliseconds kDetachInterval{2};
constexpr uint32_t kBlockBytes = 4096;

std::string system_folder(const std::string& name) { return "/sys/block/" + name; }

// A sysfs value of at most a page, without its newline. Sysfs says 4096 for every size.
std::optional<std::string> read_value(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 4096> text{};
  const ssize_t n = fd.valid() ? ::read(fd.get(), text.data(), text.size()) : -1;
  if (n < 0) return std::nullopt;
  std::string value(text.data(), static_cast<size_t>(n));
  if (!value.empty() && value.back() == '\n') value.pop_back();
  return value;
}

std::string name_of(const LoopDevice& loop) { return loop.path.substr(loop.path.rfind('/') + 1); }

bool still_reads(const LoopDevice& loop) {
  return read_value(system_folder(name_of(loop)) + "/loop/backing_file") == loop.file;
}

Result<Fd> open_node(int number, int flags) {
  const std::string path = "/dev/loop" + std::to_string(number);
  Fd fd(::open(path.c_str(), flags | O_CLOEXEC));
  if (fd.valid() || errno != ENOENT) {
    if (!fd.valid()) return system_error(path, errno);
    return fd;
  }
  // Without udev or devtmpfs (containers) nobody else makes it.
  if (::mknod(path.c_str(), S_IFBLK | 0660, ::makedev(LOOP_MAJOR, static_cast<unsigned>(number))) != 0 &&
      errno != EEXIST) {
    return system_error("make " + path, errno);
  }
  fd.reset(::open(path.c_str(), flags | O_CLOEXEC));
  if (!fd.valid()) return system_error(path, errno);
  return fd;
}

loop_config config_for(int file, const std::string& name) {
  loop_config config{};
  config.fd = static_cast<uint32_t>(file);
  config.block_size = kBlockBytes;
  config.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO;
  const size_t length = std::min(name.size(), sizeof config.info.lo_file_name - 1);
  std::memcpy(config.info.lo_file_name, name.data(), length);
  return config;
}

// Nothing when somebody else was faster.
Result<std::optional<Fd>> try_attach(int number, const loop_config& config) {
  THAW_ASSIGN(Fd device, open_node(number, O_RDWR));
  if (::ioctl(device.get(), LOOP_CONFIGURE, &config) == 0) return std::optional<Fd>(std::move(device));
  if (errno == EBUSY) return std::optional<Fd>();
  return system_error("configure /dev/loop" + std::to_string(number), errno);
}

LoopDevice describe(int number, const std::string& file) {
  LoopDevice loop;
  loop.path = "/dev/loop" + std::to_string(number);
  const std::string folder = system_folder(name_of(loop));
  loop.device = read_value(folder + "/dev").value_or("");
  loop.file = read_value(folder + "/loop/backing_file").value_or(file);
  loop.direct_io = read_value(folder + "/loop/dio") == "1";
  return loop;
}

void set_read_ahead(const LoopDevice& loop, uint32_t read_ahead_kb) {
  const std::string path = system_folder(name_of(loop)) + "/queue/read_ahead_kb";
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  // Without it reads are slower and right.
  if (fd.valid()) static_cast<void>(write_all(fd.get(), as_bytes(std::to_string(read_ahead_kb))).ok());
}

}  // namespace

Result<AttachedLoop> attach_loop(const std::string& file, uint32_t read_ahead_kb) {
  const Fd backing(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!backing.valid()) return system_error(file, errno);
  const Fd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (!control.valid()) return system_error("/dev/loop-control (is the loop module loaded?)", errno);
  const loop_config config = config_for(backing.get(), file);
  for (int tries = 0; tries < kMaxTries; ++tries) {
    const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) return system_error("find a free loop device", errno);
    THAW_ASSIGN(std::optional<Fd> device, try_attach(number, config));
    if (!device) continue;
    AttachedLoop attached{describe(number, file), std::move(*device)};
    set_read_ahead(attached.loop, read_ahead_kb);
    return attached;
  }
  return Error{Code::kFailed, "find a free loop device: others took each of " + std::to_string(kMaxTries)};
}

Result<std::optional<Fd>> hold_loop(const LoopDevice& loop) {
  Fd device(::open(loop.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!device.valid()) return system_error(loop.path, errno);
  if (!still_reads(loop)) return std::optional<Fd>();
  return std::optional<Fd>(std::move(device));
}

Status detach_loop(const LoopDevice& loop) {
  THAW_ASSIGN(const std::optional<Fd> device, hold_loop(loop));
  if (device && ::ioctl(device->get(), LOOP_CLR_FD) != 0 && errno != ENXIO) {
    return system_error("detach " + loop.path, errno);
  }
  return {};
}

Status await_detached(const LoopDevice& loop) {
  const auto deadline = std::chrono::steady_clock::now() + kMaxDetachTime;
  while (still_reads(loop)) {
    if (std::chrono::steady_clock::now() > deadline) {
      return Error{Code::kFailed, loop.path + " is in use; it goes with its last user"};
    }
    std::this_thread::sleep_for(kDetachInterval);
  }
  return {};
}

std::vector<LoopDevice> loops_below(const std::string& folder) {
  std::vector<LoopDevice> loops;
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/block", failure)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with("loop")) continue;
    const auto file = read_value(system_folder(name) + "/loop/backing_file");
    if (!file || !file->starts_with(folder + "/")) continue;
    loops.push_back(describe(std::stoi(name.substr(4)), *file));
  }
  return loops;
}

}  // namespace thaw
