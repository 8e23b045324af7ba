// StoreNetwork: what a store on the network needs: an HTTP client and timers, each with its thread.
//
// Owned by the store session. Any thread may use the parts.
#pragma once

#include <thread>

#include "daemon/processes/worker_pool.h"
#include "lib/base/timer_queue.h"
#include "lib/http/http_client.h"

namespace thaw {

class StoreNetwork {
 public:
  explicit StoreNetwork(HttpOptions options)
      : http_(std::move(options)),
        http_thread_(start_thread("http", [this] { http_.run(); })),
        timer_thread_(start_thread("store-timers", [this] { timers_.run(); })) {}
  ~StoreNetwork() { stop(); }
  StoreNetwork(const StoreNetwork&) = delete;
  StoreNetwork& operator=(const StoreNetwork&) = delete;

  HttpClient& http() { return http_; }
  Timers& timers() { return timers_; }

  // Ends the threads; open requests complete with kCancelled. Not on one of these threads.
  void stop() {
    http_.stop();
    timers_.stop();
    for (std::thread* thread : {&http_thread_, &timer_thread_}) {
      if (thread->joinable()) thread->join();
    }
  }

 private:
  HttpClient http_;
  TimerQueue timers_;
  std::thread http_thread_;
  std::thread timer_thread_;
};

}  // namespace thaw
