// Activity: how much of something is under way, and a way to wait for its end. A Token is one of it.
//
// Any thread. Only wait_until_idle() blocks: for control threads and tests.
#pragma once

#include <cstddef>
#include <utility>

#include "lib/base/mutex.h"

namespace thaw {

class Activity {
 public:
  class Token {
   public:
    Token() = default;
    explicit Token(Activity& activity) : activity_(&activity) { activity.enter(); }
    Token(Token&& other) noexcept : activity_(std::exchange(other.activity_, nullptr)) {}
    Token& operator=(Token&& other) noexcept {
      std::swap(activity_, other.activity_);
      return *this;
    }
    ~Token() {
      if (activity_ != nullptr) activity_->leave();
    }

   private:
    Activity* activity_ = nullptr;
  };

  size_t count() const {
    MutexLock lock(mutex_);
    return count_;
  }
  void wait_until_idle() {
    MutexLock lock(mutex_);
    while (count_ > 0) idle_.wait(mutex_);
  }

 private:
  void enter() {
    MutexLock lock(mutex_);
    ++count_;
  }
  void leave() {
    MutexLock lock(mutex_);
    if (--count_ == 0) idle_.notify_all();
  }

  mutable Mutex mutex_;
  CondVar idle_;
  size_t count_ GUARDED_BY(mutex_) = 0;
};

}  // namespace thaw
