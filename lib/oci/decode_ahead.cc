#include "lib/oci/decode_ahead.h"

#include <utility>

namespace thaw {

// The task. An executor that shuts down destroys it without running it: the reader must hear of that too.
class DecodeAhead::Producer {
 public:
  explicit Producer(DecodeAhead& owner) : owner_(&owner) {}
  Producer(Producer&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
  Producer& operator=(Producer&&) = delete;
  ~Producer() {
    if (owner_ != nullptr) owner_->stop();
  }
  void operator()() { owner_->produce(); }

 private:
  DecodeAhead* owner_;
};

DecodeAhead::DecodeAhead(std::unique_ptr<ByteStream> inner, Executor& executor) : inner_(std::move(inner)) {
  executor.post(Task(Producer(*this)));
}

DecodeAhead::~DecodeAhead() {
  const MutexLock lock(mutex_);
  wanted_ = false;
  changed_.notify_all();
  while (!stopped_) changed_.wait(mutex_);
}

void DecodeAhead::produce() {
  for (;;) {
    auto buffer = inner_->next();
    const bool last = !buffer.ok() || buffer->empty();
    if (!push(std::move(buffer)) || last) return;
  }
}

bool DecodeAhead::push(Result<Buffer> buffer) {
  const MutexLock lock(mutex_);
  while (wanted_ && queue_.size() >= kQueueLength) changed_.wait(mutex_);
  if (!wanted_) return false;
  queue_.push_back(std::move(buffer));
  changed_.notify_all();
  return true;
}

void DecodeAhead::stop() {
  const MutexLock lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

Result<Buffer> DecodeAhead::next() {
  const MutexLock lock(mutex_);
  while (queue_.empty() && !stopped_) changed_.wait(mutex_);
  if (queue_.empty()) return Error{Code::kCancelled, "the program is shutting down"};
  auto buffer = std::move(queue_.front());
  queue_.pop_front();
  changed_.notify_all();
  return buffer;
}

}  // namespace thaw
