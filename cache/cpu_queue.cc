#include "cache/cpu_queue.h"

namespace thaw {
namespace {

bool any(Priority, uint64_t) { return true; }

}  // namespace

class CpuQueue::Turn {
 public:
  explicit Turn(CpuQueue& queue) : queue_(&queue) {}
  Turn(Turn&& other) noexcept : queue_(std::exchange(other.queue_, nullptr)) {}
  Turn& operator=(Turn&&) = delete;
  ~Turn() {
    if (queue_ != nullptr) queue_->next();
  }
  void operator()() { std::exchange(queue_, nullptr)->take_turn(); }

 private:
  CpuQueue* queue_;
};

void CpuQueue::post(const ChunkRef& ref, const Fetch& fetch, Task task) {
  push(fetch, Work{{ref, {}}, std::move(task), {}});
}

void CpuQueue::verify(Unverified chunk, const Fetch& fetch, Verified done) {
  push(fetch, Work{std::move(chunk), {}, std::move(done)});
}

void CpuQueue::push(const Fetch& fetch, Work work) {
  {
    MutexLock lock(mutex_);
    queue_.push(fetch.priority, fetch.mount, std::move(work));
  }
  threads_.post(Turn(*this));
}

void CpuQueue::expedite(const ChunkRef& ref, const Fetch& fetch) {
  MutexLock lock(mutex_);
  queue_.raise([&ref](const Work& work) { return work.chunk.ref == ref; }, fetch.priority, fetch.mount);
}

std::optional<CpuQueue::Work> CpuQueue::next() {
  MutexLock lock(mutex_);
  return queue_.pop(any);
}

std::optional<CpuQueue::Work> CpuQueue::next_to_verify() {
  MutexLock lock(mutex_);
  const Work* const front = queue_.front();
  if (front == nullptr || !front->verified) return std::nullopt;
  return queue_.pop(any);
}

void CpuQueue::take_turn() {
  std::optional<Work> work = next();
  if (!work) return;  // another turn took it along
  if (work->task) return work->task();
  std::optional<Work> second = next_to_verify();
  if (second) return verify_both(*std::move(work), *std::move(second));
  Result<SealedChunk> chunk = SealedChunk::verify(work->chunk.ref, std::move(work->chunk.ciphertext));
  work->verified(std::move(chunk), std::move(work->chunk.ciphertext));
}

void CpuQueue::verify_both(Work first, Work second) {
  auto chunks = SealedChunk::verify_both(first.chunk, second.chunk);
  first.verified(std::move(chunks[0]), std::move(first.chunk.ciphertext));
  second.verified(std::move(chunks[1]), std::move(second.chunk.ciphertext));
}

}  // namespace thaw
