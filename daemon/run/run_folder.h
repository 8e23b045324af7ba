// RunFolder: the private place of one container: <state_dir>/run/<id> with its writable layer, its bundle and
// the points where image and overlay are mounted. A lock on it tells whether its owner lives; what dead
// owners left is swept.
//
// Owned by one `thaw run`, one thread. Needs root. The mounts live in a mount namespace of the process's own,
// so that they end with it whatever happens.
#pragma once

#include <string>
#include <vector>

#include "lib/base/file.h"
#include "lib/base/result.h"

namespace thaw {

class RunFolder {
 public:
  static Result<RunFolder> create(const std::string& state_dir);
  RunFolder(RunFolder&&) noexcept = default;
  RunFolder& operator=(RunFolder&&) = delete;
  // Unmounts the overlay and removes the folder.
  ~RunFolder();

  const std::string& id() const { return id_; }
  std::string image() const { return path_ + "/image"; }
  std::string root() const { return path_ + "/root"; }
  std::string bundle() const { return path_ + "/bundle"; }
  std::string pid_file() const { return path_ + "/pid"; }

  // Mounts the overlay of image() and the private upper directory on root().
  Status mount_overlay() const;

 private:
  RunFolder(std::string id, std::string path, Fd lock);
  Status copy_root_attributes() const;

  std::string id_;
  std::string path_;
  Fd lock_;
};

// A mount namespace for this process alone, without the mounts below `run_dir` and without those of the
// images that are served there, wherever they are: a copy of one would keep the daemon's loop device busy
// after `thaw umount`, for as long as the container runs. REQUIRES: the process has one thread.
Status enter_private_mounts(const std::string& run_dir);

// The ids of the folders whose owners are dead, and the removal of one of them.
std::vector<std::string> dead_run_folders(const std::string& state_dir);
void remove_run_folder(const std::string& state_dir, const std::string& id);

}  // namespace thaw
