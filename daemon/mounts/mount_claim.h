// MountTable::Claim: the right to work on an image; waits until nobody else has it. Makes the entry, and
// removes one that is neither shown nor recorded in the end. For daemon/mounts/mount_table.cc and
// mount_sweep.cc only.
#pragma once

#include <string>

#include "daemon/mounts/mount_table.h"

namespace thaw {

class MountTable::Claim {
 public:
  Claim(MountTable& table, const std::string& key) : table_(table) {
    MutexLock lock(table_.mutex_);
    while (table_.images_.contains(key) && table_.images_.at(key).claimed)
      table_.changed_.wait(table_.mutex_);
    image_ = &table_.images_[key];
    image_->key = key;
    image_->claimed = true;
  }
  ~Claim() {
    MutexLock lock(table_.mutex_);
    image_->claimed = false;
    if (!image_->shown) table_.images_.erase(std::string(image_->key));
    table_.changed_.notify_all();
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

  Image& image() { return *image_; }

 private:
  MountTable& table_;
  Image* image_;
};

}  // namespace thaw
