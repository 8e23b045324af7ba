// WorkerPool: an Executor with a fixed number of named threads and one queue.
//
// Owned by whoever wires the parts. Its queue is bounded by its callers: each posts only what a limit of its
// own admitted (requests in flight, chunks being built). Any thread may post.
#pragma once

#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/executor.h"
#include "lib/base/mutex.h"

namespace thaw {

class WorkerPool final : public Executor {
 public:
  // `name`: at most 12 bytes; the threads are called NAME-0, NAME-1, …
  WorkerPool(const std::string& name, size_t threads);
  // stop().
  ~WorkerPool() override;

  void post(Task task) override;

  // Lets running tasks end, destroys waiting ones, joins the threads. Called once, not on a thread of the
  // pool.
  void stop();

 private:
  void run(const std::string& name);
  Task next();

  Mutex mutex_;
  CondVar changed_;
  std::deque<Task> tasks_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;  // constant after construction, until stop()
};

}  // namespace thaw
