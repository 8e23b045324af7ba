// Exported: a Device as a sparse file in a folder of its own. Mounted: that file mounted through a loop
// device. Both leave nothing behind. Mounting needs root; `can_mount` says whether this process may.
#pragma once

#include <string>
#include <vector>

#include "lib/ext4/device.h"
#include "lib/tree/tree.h"

namespace thaw {

class Exported {
 public:
  // Throws std::runtime_error.
  explicit Exported(const Device& device);
  ~Exported();
  Exported(const Exported&) = delete;
  Exported& operator=(const Exported&) = delete;

  const std::string& file() const { return file_; }
  const std::string& folder() const { return folder_; }

  struct Check {
    int status = -1;
    std::string output;
  };
  // e2fsck -fn.
  Check check() const;

 private:
  std::string folder_;
  std::string file_;
};

bool can_mount();

class Mounted {
 public:
  // Throws std::runtime_error.
  explicit Mounted(const Exported& exported);
  ~Mounted();
  Mounted(const Mounted&) = delete;
  Mounted& operator=(const Mounted&) = delete;

  const std::string& path() const { return path_; }

  // What differs between the mounted files and the tree, in words; empty when nothing does.
  std::vector<std::string> differences(const Tree& tree, const Spool& spool) const;

 private:
  std::string path_;
};

}  // namespace thaw
