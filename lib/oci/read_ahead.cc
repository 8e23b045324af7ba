#include "lib/oci/read_ahead.h"

#include <utility>

namespace thaw {

// The task. An executor that shuts down destroys it without running it: the reader must hear of that too.
class ReadAhead::Producer {
 public:
  explicit Producer(ReadAhead& owner) : owner_(&owner) {}
  Producer(Producer&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
  Producer& operator=(Producer&&) = delete;
  ~Producer() {
    if (owner_ != nullptr) owner_->stop();
  }
  void operator()() { owner_->produce(); }

 private:
  ReadAhead* owner_;
};

ReadAhead::ReadAhead(std::unique_ptr<ByteStream> inner, Executor& executor) : inner_(std::move(inner)) {
  executor.post(Task(Producer(*this)));
}

ReadAhead::~ReadAhead() {
  const MutexLock lock(mutex_);
  wanted_ = false;
  changed_.notify_all();
  while (!stopped_) changed_.wait(mutex_);
}

void ReadAhead::produce() {
  for (;;) {
    auto buffer = inner_->next();
    const bool last = !buffer.ok() || buffer->empty();
    if (!push(std::move(buffer)) || last) return;
  }
}

bool ReadAhead::push(Result<Buffer> buffer) {
  const MutexLock lock(mutex_);
  while (wanted_ && queue_.size() >= kQueueLength) changed_.wait(mutex_);
  if (!wanted_) return false;
  queue_.push_back(std::move(buffer));
  changed_.notify_all();
  return true;
}

void ReadAhead::stop() {
  const MutexLock lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

Result<Buffer> ReadAhead::next() {
  const MutexLock lock(mutex_);
  while (queue_.empty() && !stopped_) changed_.wait(mutex_);
  if (queue_.empty()) return Error{Code::kCancelled, "the program is shutting down"};
  auto buffer = std::move(queue_.front());
  queue_.pop_front();
  changed_.notify_all();
  return buffer;
}

}  // namespace thaw
