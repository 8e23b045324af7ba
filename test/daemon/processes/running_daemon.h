// RunningDaemon: a test daemon (test_daemon.cc) with folders of its own, its client, and an image for it.
// Whatever happens, its end takes down every mount and loop device. Needs root, /dev/fuse and loop devices.
#pragma once

#include <sys/types.h>

#include <nlohmann/json.hpp>
#include <string>

namespace thaw {

class RunningDaemon {
 public:
  explicit RunningDaemon(std::string linger_ms);
  ~RunningDaemon();
  RunningDaemon(const RunningDaemon&) = delete;
  RunningDaemon& operator=(const RunningDaemon&) = delete;

  // Waits until it answers.
  void start();
  // kill -9 of the supervisor; returns once it is reaped.
  void kill();
  // SIGTERM; returns the exit status.
  int stop();

  // Asks until there is an answer: a worker may be killed while it has the question.
  nlohmann::json ask(const nlohmann::json& request) const;
  pid_t worker() const;
  pid_t supervisor() const { return pid_; }
  nlohmann::json mount(const std::string& key, const std::string& target, pid_t pid) const;
  nlohmann::json umount(const std::string& target) const;
  nlohmann::json mounts() const;

  // A folder made for the test.
  std::string folder(const std::string& name) const;
  const std::string& path() const { return path_; }
  std::string run_dir() const { return path_ + "/run"; }
  // An ext4 with `files` files below /d.
  void make_image(int files) const;

  // Mounts and loop devices that are still there.
  size_t leftovers() const;

 private:
  bool try_ask(const std::string& request, std::string& answer) const;

  std::string path_ = "/tmp/thaw-daemon-test-XXXXXX";
  std::string linger_ms_;
  pid_t pid_ = 0;
};

}  // namespace thaw
