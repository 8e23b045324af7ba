#include "lib/store/retrying_store.h"

#include <algorithm>
#include <utility>

#include "lib/base/retry_backoff.h"
#include "lib/crypto/random.h"

namespace thaw {
namespace {

bool is_worth_another_try(const Error& error) {
  return error.code == Code::kUnreachable || error.code == Code::kTimedOut;
}

}  // namespace

template <class T>
struct RetryingStore::Operation {
  Start<T> start;
  TimePoint last;  // no attempt after this
  RetryBackoff backoff;
  Completion<T> done;
};

template <class T>
void RetryingStore::begin(Start<T> start, TimePoint deadline, Completion<T> done) {
  const TimePoint last = std::min(deadline, timers_.now() + limits_.patience);
  const RetryBackoff backoff(limits_.first_backoff, limits_.longest_backoff, random_number());
  attempt(std::make_unique<Operation<T>>(Operation<T>{std::move(start), last, backoff, std::move(done)}));
}

template <class T>
void RetryingStore::attempt(std::unique_ptr<Operation<T>> operation) {
  take_turn([this, operation = std::move(operation)]() mutable {
    // A copy: an answer inside the call may end the operation.
    const Start<T> start = operation->start;
    start([this, operation = std::move(operation)](Result<T> answer) mutable {
      end_turn(answer.ok() || !is_worth_another_try(answer.error()) ? Load::kTaken : Load::kTooMuch);
      answered(std::move(operation), std::move(answer));
    });
  });
}

void RetryingStore::take_turn(Task begin) {
  {
    MutexLock lock(mutex_);
    waiting_.push_back(std::move(begin));
  }
  pump();
}

void RetryingStore::end_turn(Load load) {
  {
    MutexLock lock(mutex_);
    --under_way_;
    if (load == Load::kTaken) {
      cap_.answered();
    } else {
      cap_.overloaded(timers_.now());
    }
  }
  pump();
}

// One thread at a time, in a loop: a store that answers inside the call would recurse otherwise.
void RetryingStore::pump() {
  {
    MutexLock lock(mutex_);
    if (std::exchange(pumping_, true)) return;
  }
  while (Task begin = next_turn()) begin();
}

Task RetryingStore::next_turn() {
  MutexLock lock(mutex_);
  if (waiting_.empty() || under_way_ >= cap_.now()) {
    pumping_ = false;
    return {};
  }
  ++under_way_;
  Task next = std::move(waiting_.front());
  waiting_.pop_front();
  return next;
}

uint32_t RetryingStore::cap() const {
  MutexLock lock(mutex_);
  return cap_.now();
}

template <class T>
void RetryingStore::answered(std::unique_ptr<Operation<T>> operation, Result<T> answer) {
  if (answer.ok() || !is_worth_another_try(answer.error())) return operation->done(std::move(answer));
  const TimePoint now = timers_.now();
  const TimePoint when = now + operation->backoff.next(answer.error().retry_after, operation->last - now);
  if (when >= operation->last) return operation->done(std::move(answer));
  retries_.fetch_add(1, std::memory_order_relaxed);
  timers_.call_at(when,
                  [this, operation = std::move(operation)]() mutable { attempt(std::move(operation)); });
}

void RetryingStore::get(const std::string& key, const GetOptions& options, Completion<Object> done) {
  begin<Object>([this, key, options](Completion<Object> then) { below_.get(key, options, std::move(then)); },
                options.deadline, std::move(done));
}

void RetryingStore::size_of(const std::string& key, Completion<uint64_t> done) {
  begin<uint64_t>([this, key](Completion<uint64_t> then) { below_.size_of(key, std::move(then)); },
                  TimePoint::max(), std::move(done));
}

void RetryingStore::list(const ListOptions& options, Completion<std::vector<ListedObject>> done) {
  using Listed = std::vector<ListedObject>;
  begin<Listed>([this, options](Completion<Listed> then) { below_.list(options, std::move(then)); },
                TimePoint::max(), std::move(done));
}

void RetryingStore::put(const std::string& key, ByteView bytes, const PutOptions& options,
                        Completion<PutOutcome> done) {
  begin<PutOutcome>([this, key, bytes, options](
                        Completion<PutOutcome> then) { below_.put(key, bytes, options, std::move(then)); },
                    TimePoint::max(), std::move(done));
}

void RetryingStore::remove(const std::string& key, Completion<bool> done) {
  begin<bool>([this, key](Completion<bool> then) { below_.remove(key, std::move(then)); }, TimePoint::max(),
              std::move(done));
}

void RetryingStore::sync(const std::string& prefix, Completion<bool> done) {
  begin<bool>([this, prefix](Completion<bool> then) { below_.sync(prefix, std::move(then)); },
              TimePoint::max(), std::move(done));
}

void RetryingStore::copy(const std::string& from, const std::string& version, const std::string& to,
                         Completion<PutOutcome> done) {
  begin<PutOutcome>([this, from, version,
                     to](Completion<PutOutcome> then) { below_.copy(from, version, to, std::move(then)); },
                    TimePoint::max(), std::move(done));
}

void RetryingStore::remove_all(std::vector<std::string> keys, Completion<bool> done) {
  begin<bool>(
      [this, keys = std::move(keys)](Completion<bool> then) { below_.remove_all(keys, std::move(then)); },
      TimePoint::max(), std::move(done));
}

}  // namespace thaw
