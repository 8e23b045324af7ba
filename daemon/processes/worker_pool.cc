#include "daemon/processes/worker_pool.h"

#include <pthread.h>

#include <utility>

namespace thaw {

std::thread start_thread(const std::string& name, Task body) {
  std::thread thread([task = std::move(body)]() mutable { task(); });
  ::pthread_setname_np(thread.native_handle(), name.substr(0, 15).c_str());
  return thread;
}

WorkerPool::WorkerPool(const std::string& name, size_t threads) {
  for (size_t i = 0; i < threads; ++i) {
    threads_.push_back(start_thread(name + "/" + std::to_string(i), [this] { run(); }));
  }
}

WorkerPool::~WorkerPool() { stop(); }

void WorkerPool::post(Task task) {
  MutexLock lock(mutex_);
  if (stopping_) return;  // destroyed by the caller's frame, outside of the lock
  tasks_.push_back(std::move(task));
  changed_.notify_one();
}

Task WorkerPool::take() {
  MutexLock lock(mutex_);
  while (tasks_.empty() && !stopping_) changed_.wait(mutex_);
  if (stopping_) return {};
  Task task = std::move(tasks_.front());
  tasks_.pop_front();
  return task;
}

void WorkerPool::run() {
  for (;;) {
    // Ends before the next one is waited for, with all that it holds.
    Task task = take();
    if (!task) return;
    task();
  }
}

void WorkerPool::stop() {
  std::deque<Task> dropped;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    dropped.swap(tasks_);
    changed_.notify_all();
  }
  // What the tasks hold completes with an error, and may post again: outside of the lock.
  dropped.clear();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace thaw
