// WorkerPool: an Executor of a fixed number of named threads, first come, first served.
//
// Any thread may post. The queue holds at most as many tasks as its callers have operations open, each of
// which they bound (fetches in flight, say); it grows with nothing else.
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
  // `name`: at most 11 bytes; the threads are called "name/0" and so on. Throws std::system_error.
  WorkerPool(const std::string& name, size_t threads);
  // As stop().
  ~WorkerPool() override;

  void post(Task task) override;

  // Finishes the tasks that run, destroys those that wait and those that come later. Not on a thread of the
  // pool.
  void stop();

 private:
  void run();
  Task take();

  Mutex mutex_;
  CondVar changed_;
  std::deque<Task> tasks_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

// A thread with a name (at most 15 bytes are shown).
std::thread start_thread(const std::string& name, Task body);

}  // namespace thaw
