// HelperClient: starts a mount helper for each operation and waits for its answer.
//
// The helper is the program thawd-mount-helper beside this one, which starts in a tenth of the time; where
// that cannot be started, it is this program with --mount-helper, which runs mount_helper_main().
//
// Any thread that may wait (control threads); at most kMaxHelpers run at the same time, further callers wait.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "daemon/mounts/image_mount.h"
#include "lib/base/mutex.h"
#include "lib/base/result.h"

namespace thaw {

inline constexpr size_t kMaxHelperMessageBytes = 64 * 1024;

class HelperClient {
 public:
  static constexpr int kMaxHelpers = 16;

  Result<AttachedImage> attach(const AttachRequest& request);
  Status detach(const AttachRequest& request);
  Result<BoundImage> bind(const BindRequest& request);
  Status unbind(const UnbindRequest& request);

 private:
  Result<nlohmann::json> ask(const nlohmann::json& request) EXCLUDES(mutex_);

  Mutex mutex_;
  CondVar helper_done_;
  int running_ GUARDED_BY(mutex_) = 0;
};

}  // namespace thaw
