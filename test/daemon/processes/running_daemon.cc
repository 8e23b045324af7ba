#include "test/daemon/processes/running_daemon.h"

#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "daemon/mounts/loop_device.h"
#include "daemon/mounts/mount_info.h"
#include "daemon/mounts/take_down.h"
#include "lib/base/file.h"

extern char** environ;

namespace thaw {
namespace {

using Json = nlohmann::json;

// Longer than anything takes: what does not come by then does not come at all.
constexpr std::chrono::seconds kPatience{60};

pid_t spawn(std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t pid = 0;
  REQUIRE(::posix_spawnp(&pid, arguments[0], nullptr, nullptr, arguments.data(), environ) == 0);
  return pid;
}

int wait_for(pid_t pid) {
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

RunningDaemon::RunningDaemon(std::string linger_ms) : linger_ms_(std::move(linger_ms)) {
  if (::geteuid() != 0 || ::access("/dev/fuse", F_OK) != 0 || ::access("/dev/loop-control", F_OK) != 0) {
    FAIL("needs root, /dev/fuse and /dev/loop-control");
  }
  REQUIRE(::mkdtemp(path_.data()) != nullptr);
  start();
}

RunningDaemon::~RunningDaemon() {
  if (pid_ != 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  static_cast<void>(take_down(run_dir()).ok());
  std::error_code failure;
  std::filesystem::remove_all(path_, failure);
}

void RunningDaemon::start() {
  pid_ = spawn({THAW_TEST_DAEMON, run_dir(), path_ + "/state", linger_ms_});
  mounts();
}

void RunningDaemon::kill() {
  ::kill(pid_, SIGKILL);
  wait_for(std::exchange(pid_, 0));
}

int RunningDaemon::stop() {
  ::kill(pid_, SIGTERM);
  return wait_for(std::exchange(pid_, 0));
}

bool RunningDaemon::try_ask(const std::string& request, std::string& answer) const {
  const Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (run_dir() + "/thaw.sock").c_str(), sizeof address.sun_path - 1);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return false;
  if (::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return false;
  std::array<char, 65536> part{};
  for (ssize_t n = 1; n > 0;) {
    n = ::recv(fd.get(), part.data(), part.size(), 0);
    if (n < 0) return false;
    answer.append(part.data(), static_cast<size_t>(n));
  }
  return !answer.empty();
}

Json RunningDaemon::ask(const Json& request) const {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  std::string answer;
  while (!try_ask(request.dump(), answer)) {
    if (std::chrono::steady_clock::now() > deadline) FAIL("the daemon does not answer");
    std::this_thread::yield();
    answer.clear();
  }
  return Json::parse(answer);
}

pid_t RunningDaemon::worker() const { return ask({{"operation", "list"}}).at("pid"); }
Json RunningDaemon::mounts() const { return ask({{"operation", "list"}}).at("mounts"); }

Json RunningDaemon::mount(const std::string& key, const std::string& target, pid_t pid) const {
  return ask(
      {{"operation", "mount"}, {"key", key}, {"target", target}, {"pid", pid}, {"image", path_ + "/image"}});
}

Json RunningDaemon::umount(const std::string& target) const {
  return ask({{"operation", "umount"}, {"target", target}, {"pid", ::getpid()}});
}

std::string RunningDaemon::folder(const std::string& name) const {
  const std::string folder = path_ + "/" + name;
  REQUIRE(make_folders(folder, 0755).ok());
  return folder;
}

void RunningDaemon::make_image(int files) const {
  const std::string tree = folder("tree");
  const std::string data = folder("tree/d");
  std::mt19937_64 random(1);
  uint64_t bytes = 8 << 20;
  for (int i = 0; i < files; ++i) {
    std::string text(1 + random() % 12'000, '\0');
    for (char& c : text) c = static_cast<char>(random());
    std::ofstream(data + "/" + std::to_string(i)) << text;
    bytes += 4096 * 5;
  }
  const std::string size = std::to_string(bytes >> 10) + "k";
  REQUIRE(wait_for(spawn({"mkfs.ext4", "-q", "-O", "^has_journal", "-b", "4096", "-N",
                          std::to_string(files + 64), "-d", tree, path_ + "/image", size})) == 0);
  std::filesystem::remove_all(tree);
}

size_t RunningDaemon::leftovers() const {
  size_t count = loops_below(fuse_folder(run_dir())).size();
  const auto mounts = read_mount_info();
  for (const MountEntry& mount : mounts.value()) count += mount.mountpoint.starts_with(path_ + "/");
  return count;
}

}  // namespace thaw
