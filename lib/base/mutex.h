// Mutex with Clang's thread-safety annotations (https://clang.llvm.org/docs/ThreadSafetyAnalysis.html);
// `test/run` analyses the tree with -Wthread-safety. With GCC the annotations vanish.
#pragma once

#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define THAW_TSA(x) __attribute__((x))
#else
#define THAW_TSA(x)
#endif

#define CAPABILITY(x) THAW_TSA(capability(x))
#define SCOPED_CAPABILITY THAW_TSA(scoped_lockable)
#define GUARDED_BY(x) THAW_TSA(guarded_by(x))
#define REQUIRES(...) THAW_TSA(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) THAW_TSA(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) THAW_TSA(acquire_capability(__VA_ARGS__))
#define RELEASE(...) THAW_TSA(release_capability(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS THAW_TSA(no_thread_safety_analysis)

namespace thaw {

class CAPABILITY("mutex") Mutex {
 public:
  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

class CondVar {
 public:
  // Waits once; callers loop over their condition. REQUIRES: `mutex` is held.
  void wait(Mutex& mutex) REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }

  template <class Duration>
  void wait_for(Mutex& mutex, Duration duration) REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait_for(lock, duration);
    lock.release();
  }

  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace thaw
