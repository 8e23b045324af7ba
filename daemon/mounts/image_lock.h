// Calls to the kernel for one image, one at a time between processes: a lock on the file FOLDER.lock beside
// the folder on which the image is mounted. Who lets it go takes the file away when there is no folder any
// more, so that images which come and go leave nothing.
#pragma once

#include <string>
#include <utility>

#include "lib/base/file.h"
#include "lib/base/result.h"

namespace thaw {

class ImageLock {
 public:
  // Waits for whoever has it.
  static Result<ImageLock> acquire(const std::string& folder);

  ~ImageLock();
  ImageLock(ImageLock&&) noexcept = default;
  ImageLock& operator=(ImageLock&&) = delete;
  ImageLock(const ImageLock&) = delete;
  ImageLock& operator=(const ImageLock&) = delete;

 private:
  ImageLock(Fd parent, std::string name) : parent_(std::move(parent)), name_(std::move(name)) {}

  Fd parent_;         // opened at once: the holder may enter another mount namespace
  std::string name_;  // of the folder
  Fd locked_;
};

}  // namespace thaw
