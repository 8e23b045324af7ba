#include "daemon/worker_pool.h"

#include <pthread.h>

#include <utility>

namespace thaw {

WorkerPool::WorkerPool(const std::string& name, size_t threads) {
  for (size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this, thread_name = name + "-" + std::to_string(i)] { run(thread_name); });
  }
}

WorkerPool::~WorkerPool() { stop(); }

void WorkerPool::post(Task task) {
  MutexLock lock(mutex_);
  // After the lock is gone the task is destroyed, which completes what it holds with an error.
  if (stopping_) return;
  tasks_.push_back(std::move(task));
  changed_.notify_one();
}

Task WorkerPool::next() {
  MutexLock lock(mutex_);
  while (tasks_.empty() && !stopping_) changed_.wait(mutex_);
  if (stopping_) return {};
  Task task = std::move(tasks_.front());
  tasks_.pop_front();
  return task;
}

void WorkerPool::run(const std::string& name) {
  ::pthread_setname_np(::pthread_self(), name.c_str());
  for (Task task = next(); task; task = next()) task();
}

void WorkerPool::stop() {
  std::deque<Task> dropped;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    dropped.swap(tasks_);
    changed_.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace thaw
