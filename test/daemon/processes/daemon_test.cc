// Real FUSE, loop devices, ext4 and processes: needs root.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <thread>

#include "daemon/mounts/loop_device.h"
#include "daemon/mounts/mount_info.h"
#include "daemon/mounts/take_down.h"
#include "lib/base/file.h"
#include "test/daemon/processes/running_daemon.h"

namespace thaw::daemon_test {
namespace {

std::string contents(const std::string& path) {
  const std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return file ? text.str() : "cannot be read: " + path;
}

// Of all files' contents, in order.
size_t sum_of(const std::string& folder, int files) {
  size_t sum = 0;
  for (int i = 0; i < files; ++i) {
    sum = sum * 31 + std::hash<std::string>()(contents(folder + "/d/" + std::to_string(i)));
  }
  return sum;
}

void drop_page_cache() { std::ofstream("/proc/sys/vm/drop_caches") << "3"; }

// Asks until `done` holds, as often as it takes; the test's own limit ends it otherwise.
void await_that(const std::function<bool()>& done) {
  while (!done()) std::this_thread::yield();
}

// Tries to mount; the answer may have died with its worker, so that the list counts as well.
bool is_mounted(const RunningDaemon& daemon, int image, const std::string& target) {
  if (daemon.mount("image-" + std::to_string(image), target, ::getpid()).contains("id")) return true;
  for (const auto& mount : daemon.mounts()) {
    if (mount.at("mountpoint") == target) return true;
  }
  return false;
}

bool nothing_attached(const RunningDaemon& daemon) {
  return loops_below(fuse_folder(daemon.run_dir())).empty();
}

}  // namespace

TEST_CASE("mounts of one image share its device, and are counted") {
  const RunningDaemon daemon("0");
  daemon.make_image(20);
  const std::string a = daemon.folder("a");
  const std::string b = daemon.folder("b");
  const auto first = daemon.mount("image", a, ::getpid());
  INFO(first.dump());
  REQUIRE(first.contains("id"));
  CHECK(first.at("direct_io") == true);
  const auto second = daemon.mount("image", b, ::getpid());
  CHECK(second.at("device") == first.at("device"));
  CHECK(second.at("id") != first.at("id"));
  CHECK(loops_below(fuse_folder(daemon.run_dir())).size() == 1);
  CHECK(sum_of(a, 20) == sum_of(b, 20));

  const auto again = daemon.mount("image", a, ::getpid());
  CHECK(again.at("error").get<std::string>().find("mount point in use") != std::string::npos);
  CHECK(daemon.mount("image", daemon.path() + "/none", ::getpid()).contains("error"));
  CHECK(daemon.mount("image", daemon.path() + "/image", ::getpid()).contains("error"));
  CHECK(daemon.mount("../image", a, ::getpid()).contains("error"));
  CHECK(daemon.mounts().size() == 2);

  const Fd user(::open((a + "/d/1").c_str(), O_RDONLY | O_CLOEXEC));
  CHECK(daemon.umount(a).at("error").get<std::string>().find("in use") != std::string::npos);
  CHECK(daemon.umount(b).empty());
  CHECK(daemon.mounts().size() == 1);
  CHECK(daemon.umount(b).contains("error"));
}

TEST_CASE("who asks again for a mount with its id gets the one that is there") {
  const RunningDaemon daemon("0");
  daemon.make_image(5);
  nlohmann::json request = {{"operation", "mount"},
                            {"key", "image"},
                            {"target", daemon.folder("a")},
                            {"image", daemon.path() + "/image"},
                            {"pid", ::getpid()},
                            {"id", "0123456789ab"}};
  const auto first = daemon.ask(request);
  REQUIRE(first.at("id") == "0123456789ab");
  CHECK(daemon.ask(request) == first);
  ::kill(daemon.worker(), SIGKILL);
  CHECK(daemon.ask(request) == first);
  CHECK(daemon.mounts().size() == 1);
  // It is nobody else's.
  request["target"] = daemon.folder("b");
  CHECK(daemon.ask(request).at("error").get<std::string>().find("another mount") != std::string::npos);
  request["target"] = daemon.folder("a");
  request["key"] = "image-2";
  CHECK(daemon.ask(request).contains("error"));
  CHECK(daemon.mounts().size() == 1);
}

TEST_CASE("an image goes after its last mount") {
  const RunningDaemon daemon("0");
  daemon.make_image(5);
  const auto mount = daemon.mount("image", daemon.folder("a"), ::getpid());
  REQUIRE(mount.contains("id"));
  CHECK(daemon.umount(mount.at("id")).empty());
  await_that([&daemon] { return nothing_attached(daemon) && daemon.leftovers() == 1; });  // FUSE is left
  REQUIRE(daemon.mount("image", daemon.folder("a"), ::getpid()).contains("id"));
}

TEST_CASE("an image whose own mount somebody took away is mounted again, from the same device") {
  const RunningDaemon daemon("60000");
  daemon.make_image(5);
  const std::string a = daemon.folder("a");
  const std::string b = daemon.folder("b");
  const auto first = daemon.mount("image", a, ::getpid());
  REQUIRE(first.contains("id"));
  REQUIRE(::umount2((mount_folder(daemon.run_dir()) + "/image").c_str(), MNT_DETACH) == 0);
  const auto second = daemon.mount("image", b, ::getpid());
  INFO(second.dump());
  REQUIRE(second.contains("id"));
  CHECK(second.at("device") == first.at("device"));
  CHECK(contents(b + "/d/1") == contents(a + "/d/1"));
  CHECK(loops_below(fuse_folder(daemon.run_dir())).size() == 1);
  ::kill(daemon.worker(), SIGKILL);
  CHECK(daemon.mounts().size() == 2);
  CHECK(daemon.umount(b).empty());
  CHECK(daemon.umount(a).empty());
}

TEST_CASE("an image that does not mount leaves nothing behind") {
  const RunningDaemon daemon("60000");
  std::ofstream(daemon.path() + "/image") << std::string(1 << 20, 'x');
  CHECK(daemon.mount("image", daemon.folder("a"), ::getpid()).contains("error"));
  CHECK(daemon.mounts().empty());
  CHECK(daemon.leftovers() == 1);
}

TEST_CASE("the block file alone needs no device") {
  const RunningDaemon daemon("0");
  daemon.make_image(5);
  const auto mount = daemon.mount("image", "", ::getpid());
  REQUIRE(mount.contains("id"));
  CHECK(mount.at("device") == "");
  CHECK(contents(mount.at("file")) == contents(daemon.path() + "/image"));
  CHECK(nothing_attached(daemon));
}

TEST_CASE("a mount appears in its caller's namespace and ends with it") {
  const RunningDaemon daemon("0");
  daemon.make_image(5);
  const std::string target = daemon.folder("a");
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const Fd out(ends[0]);
  const pid_t caller = ::fork();
  if (caller == 0) {
    const bool alone =
        ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    // Its copies of the daemon's mounts would keep the image's device.
    if (alone && ::umount2(fuse_folder(daemon.run_dir()).c_str(), MNT_DETACH) == 0) {
      static_cast<void>(::write(ends[1], "x", 1) == 1);
    }
    ::pause();
    ::_exit(0);
  }
  const Fd closed(ends[1]);
  char byte = 0;
  REQUIRE(::read(out.get(), &byte, 1) == 1);
  const auto mounted = daemon.mount("image", target, caller);
  INFO(mounted.dump());
  REQUIRE(mounted.contains("id"));
  const auto theirs = read_mount_info(std::to_string(caller));
  const auto ours = read_mount_info();
  CHECK(mounted_on(theirs.value(), target) != nullptr);
  CHECK(mounted_on(ours.value(), target) == nullptr);
  CHECK(contents("/proc/" + std::to_string(caller) + "/root" + target + "/d/1") !=
        "cannot be read: " + target + "/d/1");

  ::kill(caller, SIGKILL);
  ::waitpid(caller, nullptr, 0);
  await_that([&daemon] { return daemon.mounts().empty() && nothing_attached(daemon); });
}

TEST_CASE("40 workers killed under load are a pause and no error") {
  constexpr int kFiles = 3000;
  const RunningDaemon daemon("60000");
  daemon.make_image(kFiles);
  const std::string target = daemon.folder("a");
  REQUIRE(daemon.mount("image", target, ::getpid()).contains("id"));
  const size_t sum = sum_of(target, kFiles);
  std::atomic<bool> stop{false};
  std::atomic<int> passes{0};
  std::atomic<int> wrong{0};
  std::thread reader([&] {
    while (!stop) {
      drop_page_cache();
      wrong += sum_of(target, kFiles) != sum ? 1 : 0;
      ++passes;
    }
  });
  std::set<pid_t> workers;
  while (workers.size() < 40) {
    const pid_t worker = daemon.worker();
    if (workers.insert(worker).second) ::kill(worker, SIGKILL);
  }
  const int before = passes;
  await_that([&] { return passes > before; });
  stop = true;
  reader.join();
  CHECK(wrong == 0);
  CHECK(daemon.mounts().size() == 1);
  CHECK(daemon.umount(target).empty());
}

TEST_CASE("a worker killed while it mounts leaves a table that fits the kernel") {
  constexpr int kMounts = 24;
  const RunningDaemon daemon("60000");
  daemon.make_image(5);
  std::vector<std::string> targets;
  for (int i = 0; i < kMounts; ++i) targets.push_back(daemon.folder("m" + std::to_string(i)));
  std::atomic<int> left{kMounts};
  std::vector<std::thread> callers;
  for (int i = 0; i < kMounts; ++i) {
    callers.emplace_back([&, i] {
      await_that([&] { return is_mounted(daemon, i % 6, targets[static_cast<size_t>(i)]); });
      --left;
    });
  }
  std::set<pid_t> workers;
  while (left > 0 && workers.size() < 10) {
    const pid_t worker = daemon.worker();
    if (workers.insert(worker).second) ::kill(worker, SIGKILL);
  }
  for (auto& caller : callers) caller.join();
  const auto mounts = daemon.mounts();
  CHECK(mounts.size() == kMounts);
  std::set<std::string> devices;
  for (const auto& mount : mounts) devices.insert(mount.at("device").get<std::string>());
  CHECK(devices.size() == 6);
  const auto kernel = read_mount_info().value();
  for (const auto& target : targets) CHECK(mounted_on(kernel, target) != nullptr);
  CHECK(loops_below(fuse_folder(daemon.run_dir())).size() == 6);
}

TEST_CASE("200 images are mounted at the same time") {
  RunningDaemon daemon("60000");
  daemon.make_image(3);
  for (int i = 0; i < 200; ++i) daemon.folder("m" + std::to_string(i));
  std::atomic<int> next{0};
  std::atomic<int> mounted{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] {
      for (int n = next++; n < 200; n = next++) {
        const std::string number = std::to_string(n);
        mounted +=
            daemon.mount("image-" + number, daemon.path() + "/m" + number, ::getpid()).contains("id") ? 1 : 0;
      }
    });
  }
  for (auto& caller : callers) caller.join();
  CHECK(mounted == 200);
  CHECK(loops_below(fuse_folder(daemon.run_dir())).size() == 200);
  CHECK(contents(daemon.path() + "/m199/d/1") == contents(daemon.path() + "/m0/d/1"));
  CHECK(daemon.stop() == 0);
  CHECK(daemon.leftovers() == 0);
}

TEST_CASE("a stop takes everything down, in use or not, and whatever the worker does") {
  RunningDaemon daemon("60000");
  daemon.make_image(5);
  const std::string target = daemon.folder("a");
  REQUIRE(daemon.mount("image", target, ::getpid()).contains("id"));
  const Fd user(::open((target + "/d/1").c_str(), O_RDONLY | O_CLOEXEC));
  SECTION("a worker that listens") {}
  SECTION("a worker that hangs") { ::kill(daemon.worker(), SIGSTOP); }
  CHECK(daemon.stop() == 0);
  const auto kernel = read_mount_info().value();
  CHECK(mounted_on(kernel, target) == nullptr);
  CHECK(mounted_on(kernel, fuse_folder(daemon.run_dir())) == nullptr);
  CHECK(::access((daemon.run_dir() + "/thaw.sock").c_str(), F_OK) != 0);
}

TEST_CASE("the daemon after a killed one mounts again what was mounted") {
  RunningDaemon daemon("60000");
  daemon.make_image(50);
  const std::string a = daemon.folder("a");
  const std::string b = daemon.folder("b");
  const auto first = daemon.mount("image", a, ::getpid());
  REQUIRE(first.contains("id"));
  REQUIRE(daemon.mount("image", b, ::getpid()).contains("id"));
  const size_t sum = sum_of(a, 50);
  CHECK(daemon.umount(b).empty());
  daemon.kill();
  daemon.start();
  const auto mounts = daemon.mounts();
  REQUIRE(mounts.size() == 1);
  CHECK(mounts[0].at("id") == first.at("id"));
  CHECK(sum_of(a, 50) == sum);
  CHECK(daemon.leftovers() == 4);  // FUSE, ext4, bind mount, loop device: once each
}

}  // namespace thaw::daemon_test
