// RetryingStore: asks another store again when an operation met transport trouble (kUnreachable, kTimedOut),
// with full jitter ("Exponential Backoff And Jitter", AWS architecture blog, 2015), for commands and builds.
// A daemon's reads do not pass through it: cache/origin retries those, and knows their deadlines.
//
// How many operations are under way at a time follows what the store takes (RequestCap): a collector that
// lists and deletes slows down with the first 503, and so does a builder. What is beyond that waits its turn.
//
// Every operation may be repeated. One whose answer was lost has perhaps been done: a put may then say kKept
// of what it stored itself, and remove() false.
//
// Thread contract: any thread may call, nothing blocks. The store below and the timers must outlive it, and
// it its operations.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>

#include "lib/base/executor.h"
#include "lib/base/mutex.h"
#include "lib/base/request_cap.h"
#include "lib/base/timers.h"
#include "lib/store/object_store.h"

namespace thaw {

struct StoreRetryLimits {
  Duration first_backoff = std::chrono::milliseconds(50);
  Duration longest_backoff = std::chrono::seconds(2);
  // No attempt begins later than this after the first one did.
  Duration patience = std::chrono::seconds(10);
  uint32_t in_flight = 64;  // operations at a time, at most
};

class RetryingStore final : public ObjectStore {
 public:
  RetryingStore(ObjectStore& below, Timers& timers, StoreRetryLimits limits)
      : below_(below), timers_(timers), limits_(limits), cap_(limits.in_flight) {}

  void get(const std::string& key, const GetOptions& options, Completion<Object> done) override;
  void size_of(const std::string& key, Completion<uint64_t> done) override;
  void list(const ListOptions& options, Completion<std::vector<ListedObject>> done) override;
  void put(const std::string& key, ByteView bytes, const PutOptions& options,
           Completion<PutOutcome> done) override;
  void remove(const std::string& key, Completion<bool> done) override;
  void sync(const std::string& prefix, Completion<bool> done) override;
  void copy(const std::string& from, const std::string& version, const std::string& to,
            Completion<PutOutcome> done) override;
  void remove_all(std::vector<std::string> keys, Completion<bool> done) override;

  // How many operations may be under way by now.
  uint32_t cap() const EXCLUDES(mutex_);
  uint64_t retries() const { return retries_.load(std::memory_order_relaxed); }

 private:
  template <class T>
  struct Operation;
  template <class T>
  using Start = std::function<void(Completion<T>)>;

  template <class T>
  void begin(Start<T> start, TimePoint deadline, Completion<T> done);
  template <class T>
  void attempt(std::unique_ptr<Operation<T>> operation);
  template <class T>
  void answered(std::unique_ptr<Operation<T>> operation, Result<T> answer);

  enum class Load : uint8_t { kTaken, kTooMuch };
  void take_turn(Task begin) EXCLUDES(mutex_);
  void end_turn(Load load) EXCLUDES(mutex_);
  void pump() EXCLUDES(mutex_);
  Task next_turn() EXCLUDES(mutex_);

  ObjectStore& below_;
  Timers& timers_;
  const StoreRetryLimits limits_;
  std::atomic<uint64_t> retries_{0};

  mutable Mutex mutex_;
  RequestCap cap_ GUARDED_BY(mutex_);
  uint32_t under_way_ GUARDED_BY(mutex_) = 0;
  std::deque<Task> waiting_ GUARDED_BY(mutex_);
  bool pumping_ GUARDED_BY(mutex_) = false;
};

}  // namespace thaw
