// Fills: the images that are filled, which are those of mounts made with --fill: from the mount until the
// last of them is gone, in each worker anew.
//
// Owned by the worker. Any thread may call; nothing waits.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "daemon/counters_page.h"
#include "daemon/mounts/mount_table.h"
#include "daemon/wiring.h"
#include "daemon/worker/image_fill.h"
#include "daemon/worker/served_images.h"
#include "lib/base/mutex.h"

namespace thaw {

class Fills {
 public:
  struct Parts {
    MountTable& mounts;
    ServedImages& images;
    Chain& chain;
    CountersPage& counters;
    Timers& timers;
  };
  explicit Fills(const Parts& parts) : parts_(parts) {}

  // Whether what a mount is made again from (Mount::reopen) asks for a fill.
  static bool wanted_by(const std::string& reopen);

  // Begins and ends what has to be, after mounts came or went.
  void refresh() EXCLUDES(mutex_);

  // Of image `key`; nothing when it is not filled.
  std::optional<FillReport> report(const std::string& key) const EXCLUDES(mutex_);
  // Of all images together.
  FillReport sum() const EXCLUDES(mutex_);

 private:
  using Wanted = std::map<std::string, std::string>;  // images, by key: their names for people

  Wanted wanted() const;
  void apply(const Wanted& wanted) EXCLUDES(mutex_);
  std::shared_ptr<ImageFill> begin(const std::string& key, const std::string& name);

  const Parts parts_;
  FillRoom room_;

  mutable Mutex mutex_;
  // One thread at a time looks at the mounts, and again for who came meanwhile: an older look never wins.
  bool refreshing_ GUARDED_BY(mutex_) = false;
  bool again_ GUARDED_BY(mutex_) = false;
  std::map<std::string, std::shared_ptr<ImageFill>> fills_ GUARDED_BY(mutex_);
};

}  // namespace thaw
