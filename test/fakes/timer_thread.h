// TimerThread: a TimerQueue with a thread that turns it, until it is destroyed.
#pragma once

#include <thread>

#include "lib/base/timer_queue.h"

namespace thaw {

class TimerThread {
 public:
  TimerThread() : thread_([this] { timers.run(); }) {}
  ~TimerThread() {
    timers.stop();
    thread_.join();
  }
  TimerThread(const TimerThread&) = delete;
  TimerThread& operator=(const TimerThread&) = delete;

  TimerQueue timers;

 private:
  std::thread thread_;
};

}  // namespace thaw
