#include "cache/zone/shard_join.h"

#include <utility>

namespace thaw {
namespace {

Buffer without_padding(Buffer&& data, uint32_t stored_length) {
  data.truncate(stored_length);
  return std::move(data);
}

}  // namespace

ShardJoin::ShardJoin(CpuQueue& cpu, const ErasureCode& code, const ChunkRef& ref, const Fetch& fetch,
                     Activity::Token token)
    : ShardJoin(cpu, code, ref, fetch, std::move(token), ShardBuffers(code, ref)) {}

ShardJoin::ShardJoin(CpuQueue& cpu, const ErasureCode& code, const ChunkRef& ref, const Fetch& fetch,
                     Activity::Token token, ShardBuffers buffers)
    : cpu_(cpu),
      code_(code),
      ref_(ref),
      fetch_(fetch),
      shard_bytes_(buffers.payloads.front().size()),
      payloads_(std::move(buffers.payloads)),
      token_(std::move(token)),
      memory_(
          new Memory{std::move(buffers.parity),
                     ChunkVerification(ref, without_padding(std::move(buffers.data), ref.stored_length))}) {}

void ShardJoin::arrived(unsigned data_shards) {
  {
    MutexLock lock(mutex_);
    if (data_shards == arrived_) return;
    arrived_ = data_shards;
    if (turn_ != Turn::kNone) return;
    turn_ = Turn::kPosted;
  }
  post_turn();
}

void ShardJoin::finish(std::vector<bool> present, Joined joined) {
  {
    MutexLock lock(mutex_);
    present_ = std::move(present);
    joined_ = std::move(joined);
    if (turn_ != Turn::kNone) return;
    turn_ = Turn::kPosted;
  }
  post_turn();
}

void ShardJoin::abandon() {
  std::unique_ptr<Memory> unused;
  MutexLock lock(mutex_);
  abandoned_ = true;
  if (turn_ != Turn::kRuns) unused.swap(memory_);
}

void ShardJoin::post_turn() {
  cpu_.post(ref_, fetch_, [self = shared_from_this()] { self->take_turn(); });
}

void ShardJoin::take_turn() {
  while (auto work = next_work()) {
    if (work->joined) return complete(std::move(*work));
    memory_->check.advance(work->data_shards * shard_bytes_);
  }
}

std::optional<ShardJoin::Work> ShardJoin::next_work() {
  std::unique_ptr<Memory> unused;
  MutexLock lock(mutex_);
  if (abandoned_) unused.swap(memory_);
  if (abandoned_ || (!joined_ && hashed_ == arrived_)) {
    turn_ = Turn::kNone;
    return std::nullopt;
  }
  turn_ = Turn::kRuns;
  hashed_ = arrived_;
  return Work{arrived_, present_, std::exchange(joined_, {})};
}

void ShardJoin::complete(Work work) {
  code_.restore_data(payloads_, work.present);
  Result<SealedChunk> chunk = memory_->check.finish();
  memory_.reset();
  work.joined(std::move(chunk));
}

}  // namespace thaw
