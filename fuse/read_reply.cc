#include "fuse/read_reply.h"

#include <sys/mman.h>

#include <cassert>
#include <cerrno>

namespace thaw {
namespace {

// The buffer that the thread's last answer left.
thread_local Buffer spare_buffer;

Buffer take_buffer() {
  if (!spare_buffer.empty()) return std::exchange(spare_buffer, {});
  Buffer buffer(kMaxReadBytes);
  ::madvise(buffer.data(), buffer.size(), MADV_DONTDUMP);
  return buffer;
}

}  // namespace

ReplyBuffer::ReplyBuffer(uint32_t length) : buffer_(take_buffer()), length_(length) {
  assert(length <= kMaxReadBytes);
}

ReplyBuffer::~ReplyBuffer() { spare_buffer = std::move(buffer_); }

ReadReply& ReadReply::operator=(ReadReply&& other) noexcept {
  if (this == &other) return *this;
  drop();
  sink_ = std::exchange(other.sink_, nullptr);
  counters_ = other.counters_;
  token_ = other.token_;
  length_ = other.length_;
  return *this;
}

void ReadReply::answer_bytes(ByteView bytes) {
  ReadSink* sink = std::exchange(sink_, nullptr);
  counters_->reads.fetch_add(1, std::memory_order_relaxed);
  counters_->bytes.fetch_add(bytes.size(), std::memory_order_relaxed);
  sink->send_bytes(token_, bytes);
}

void ReadReply::fail() {
  ReadSink* sink = std::exchange(sink_, nullptr);
  counters_->reads.fetch_add(1, std::memory_order_relaxed);
  counters_->errors.fetch_add(1, std::memory_order_relaxed);
  sink->send_error(token_, EIO);
}

void ReadReply::drop() {
  if (sink_ == nullptr) return;
  counters_->dropped.fetch_add(1, std::memory_order_relaxed);
  fail();
}

}  // namespace thaw
