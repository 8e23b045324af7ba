// MountTable: what is mounted. All mounts of one image share its block file, loop device and ext4; each
// directory is a bind mount with an id of its own. The last one gone, the image lingers for a while and is
// then taken away.
//
// Owned by the worker. Every step is recorded with the supervisor before it is begun and after it is done, so
// that a worker that was killed anywhere leaves a table that the next one completes or undoes (restore,
// settle). Thread contract: any thread that may wait (helpers and the supervisor are asked); operations on
// one image come one after the other, on different images at the same time. No lock is held while waiting for
// either.
#pragma once

#include <atomic>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "daemon/mounts/helper_client.h"
#include "daemon/mounts/image_mount.h"
#include "daemon/mounts/mount_state.h"
#include "daemon/mounts/own_paths.h"
#include "daemon/mounts/records.h"
#include "lib/base/clock.h"
#include "lib/base/mutex.h"
#include "lib/base/result.h"

namespace thaw {

// Makes images readable as block files; implemented by the daemon's wiring.
class ImageHost {
 public:
  virtual ~ImageHost() = default;
  // Shows block file `key` of the opened image (the bytes that were given to mount(), now or by an earlier
  // worker). Waits for nobody.
  virtual Status show(const std::string& key, ByteView image) = 0;
  virtual void hide(const std::string& key) = 0;
};

struct MountTableOptions {
  std::string run_dir;
  OwnPaths own{};  // besides run_dir
  Duration linger{};
  uint32_t read_ahead_kb = 512;
};

struct MountRequest {
  std::string key;       // [A-Za-z0-9._-], at most 128 bytes; the same image has the same one
  std::string manifest;  // digest, for people
  std::string name;      // for people
  std::string target;    // an existing directory as `pid` sees it; empty: the block file alone
  pid_t pid = 0;         // who asks
  std::string reopen;    // opaque, no secrets, at most 4 KiB; see earlier_mounts()
  std::string id;        // of who asks again, or of an earlier mount; empty: a new one
};

struct Mount {
  std::string id;
  std::string key;
  std::string manifest;
  std::string name;
  std::string file;        // the block file
  std::string device;      // "/dev/loop3", or empty
  std::string mountpoint;  // or empty
  std::string reopen;      // as in its request
  bool direct_io = false;
};

struct UmountRequest {
  std::string target;  // a directory as `pid` sees it, or an id
  pid_t pid = 0;
  Unmount how = Unmount::kIdle;
};

class MountTable {
 public:
  static constexpr size_t kMaxMounts = 4096;
  static constexpr size_t kMaxImages = 1024;

  struct Parts {
    ImageHost& host;
    RecordKeeper& records;
    HelperClient& helpers;
    const Clock& clock;
  };
  // REQUIRES: options.run_dir exists
  MountTable(const Parts& parts, MountTableOptions options);

  // Shows the images that an earlier worker showed. Before reads are served, and before anything else.
  Status restore(const std::vector<Record>& records);
  // Brings table and kernel together after that; once reads are served, because it needs them.
  void settle();

  // Whether mount() would do without the image's bytes, unless the image goes before that: then it fails.
  bool shows(const std::string& key) const;

  // `image`: the opened image's bytes for ImageHost::show, not used when it is shown already. The mount that
  // has the request's id already, when it is the same: its first answer may have been lost with a worker.
  Result<Mount> mount(const MountRequest& request, ByteView image);
  // kNotFound; kFailed when it is in use.
  Status umount(const UmountRequest& request);
  std::vector<Mount> list() const;
  // kNotFound. `target`: a directory as `pid` sees it, or an id.
  Result<Mount> look_up(const std::string& target, pid_t pid);

  // How long images linger from now on.
  void set_linger(Duration linger) { linger_ = linger; }

  // Drops mounts that ended without us, follows those that are elsewhere because a folder above them was
  // renamed, and drops images that lingered long enough.
  void sweep();
  // Sweeps now and then, until stop().
  void run_sweeper();
  // Refuses new mounts from now on, and ends run_sweeper(). What is mounted stays.
  void stop();

 private:
  struct Image {
    std::string key;
    bool claimed = false;  // whoever claimed it may work on it without the mutex
    bool shown = false;
    std::optional<AttachedImage> attached;
    size_t mounts = 0;
    TimePoint idle_since{};
  };
  class Claim;

  Result<Mount> mount_claimed(Image& image, const MountRequest& request, ByteView bytes);
  Result<Mount> same_mount(const MountState& there, const MountRequest& request) const EXCLUDES(mutex_);
  Status show(Image& image, ByteView bytes);
  Status attach(Image& image);
  Status bind(Image& image, MountState& state);
  Status unbind(const Image& image, const MountState& state, Unmount how);
  void release(Image& image);
  void settle_image(const std::string& key);
  std::optional<MountState> state_of(const std::string& id) const EXCLUDES(mutex_);
  // The sweeper (mount_sweep.cc).
  void follow_mounts();
  // Of the ext4 that is mounted for it; empty when there is none.
  std::string device_of(const MountState& state) const EXCLUDES(mutex_);
  // Where it is: its target; another folder, when one above it was renamed; nowhere, when it has ended. Its
  // target where that cannot be told.
  std::optional<std::string> place_of(const MountState& state) const EXCLUDES(mutex_);
  bool is_accounted_for(const std::string& folder, uint64_t mount_namespace) const REQUIRES(mutex_);
  void drop(Image& image, const MountState& state) EXCLUDES(mutex_);
  void move(MountState state, const std::string& place) EXCLUDES(mutex_);
  void release_idle();

  Status check(const MountRequest& request) const EXCLUDES(mutex_);
  void insert(Image& image, const MountState& state) EXCLUDES(mutex_);
  void erase(Image& image, const std::string& id) EXCLUDES(mutex_);
  std::optional<MountState> find(const UmountRequest& request) const EXCLUDES(mutex_);
  std::optional<MountState> find_now(const UmountRequest& request) EXCLUDES(mutex_);
  std::vector<MountState> states() const EXCLUDES(mutex_);
  std::vector<std::string> image_keys() const EXCLUDES(mutex_);
  Mount describe(const MountState& state) const REQUIRES(mutex_);
  AttachRequest attach_request(const std::string& key) const;

  const Parts parts_;
  const MountTableOptions options_;
  std::atomic<Duration> linger_;

  mutable Mutex mutex_;
  CondVar changed_;
  std::map<std::string, Image> images_ GUARDED_BY(mutex_);
  std::map<std::string, MountState> mounts_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
};

}  // namespace thaw
