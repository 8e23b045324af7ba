// LoopThread: an EventLoop and the thread that runs it, for tests.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <thread>

#include "lib/io/event_loop.h"

namespace thaw {

class LoopThread {
 public:
  LoopThread() : loop_(EventLoop::create().value()), thread_([this] { loop_->run(); }) {}
  ~LoopThread() { stop(); }

  EventLoop& loop() { return *loop_; }

  // Runs `what` on the loop's thread and waits for it.
  void run(std::function<void()> what) {
    std::promise<void> ran;
    loop_->post([&] {
      what();
      ran.set_value();
    });
    ran.get_future().get();
  }

  // Ends the thread; what watches the loop may be destroyed after it.
  void stop() {
    loop_->stop();
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::unique_ptr<EventLoop> loop_;
  std::thread thread_;
};

}  // namespace thaw
