// Executors for tests: one that runs tasks when the test says so, and one with real threads.
#pragma once

#include <deque>
#include <thread>
#include <utility>
#include <vector>

#include "lib/base/executor.h"
#include "lib/base/mutex.h"

namespace thaw {

// Runs nothing until told. One thread.
class ManualExecutor final : public Executor {
 public:
  void post(Task task) override { tasks_.push_back(std::move(task)); }

  bool run_one() {
    if (tasks_.empty()) return false;
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    task();
    return true;
  }
  // Also what the tasks post meanwhile.
  void run_all() {
    while (run_one()) {
    }
  }
  size_t pending() const { return tasks_.size(); }

 private:
  std::deque<Task> tasks_;
};

// Real threads. The destructor runs what is queued, then joins.
class ThreadPool final : public Executor {
 public:
  explicit ThreadPool(size_t threads) {
    for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  }
  ~ThreadPool() override {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  void post(Task task) override {
    {
      MutexLock lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    changed_.notify_one();
  }

 private:
  void work() {
    while (Task task = take()) task();
  }
  Task take() {
    MutexLock lock(mutex_);
    while (tasks_.empty() && !stopping_) changed_.wait(mutex_);
    if (tasks_.empty()) return {};
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    return task;
  }

  Mutex mutex_;
  CondVar changed_;
  std::deque<Task> tasks_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace thaw
