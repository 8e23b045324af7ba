// ReadReply: the duty to answer one read request, exactly once. One that is dropped answers EIO and is
// counted, so that no reader is ever left hanging.
//
// Move-only; whoever holds it may answer on any thread. The bytes are made straight into the reply's buffer,
// right before they go to the kernel: plaintext is nowhere else. A thread that answers keeps one buffer of up
// to kMaxReadBytes for its next answer.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "lib/base/buffer.h"
#include "lib/base/result.h"

namespace thaw {

inline constexpr uint32_t kMaxReadBytes = 1 << 20;

// Counts since the daemon started; may lie in memory shared between processes, zero at first. Any thread.
struct alignas(64) ReadCounters {
  std::atomic<uint64_t> reads{0};    // requests answered, whatever the answer
  std::atomic<uint64_t> bytes{0};    // answered to the kernel
  std::atomic<uint64_t> errors{0};   // answered with an errno
  std::atomic<uint64_t> dropped{0};  // of these, those that nobody answered
};

// Where answers go: the session, or a test.
class ReadSink {
 public:
  virtual ~ReadSink() = default;
  // Exactly one of these for each token, on any thread.
  virtual void send_bytes(void* token, ByteView bytes) = 0;
  virtual void send_error(void* token, int errno_value) = 0;
};

// A buffer of the calling thread's pool. Not moved between threads, not shown in core files.
class ReplyBuffer {
 public:
  explicit ReplyBuffer(uint32_t length);
  ~ReplyBuffer();
  ReplyBuffer(const ReplyBuffer&) = delete;
  ReplyBuffer& operator=(const ReplyBuffer&) = delete;
  MutableBytes bytes() { return buffer_.mutable_view().first(length_); }

 private:
  Buffer buffer_;
  uint32_t length_;
};

class ReadReply {
 public:
  // `sink` and `counters` outlive the reply. REQUIRES: 0 < length <= kMaxReadBytes
  ReadReply(ReadSink& sink, ReadCounters& counters, void* token, uint32_t length)
      : sink_(&sink), counters_(&counters), token_(token), length_(length) {}
  ReadReply(ReadReply&& other) noexcept
      : sink_(std::exchange(other.sink_, nullptr)),
        counters_(other.counters_),
        token_(other.token_),
        length_(other.length_) {}
  ReadReply& operator=(ReadReply&& other) noexcept;
  ~ReadReply() { drop(); }

  // How many bytes the answer has: all of them, or an error (the kernel shows a short answer as zeros).
  uint32_t length() const { return length_; }

  // Calls fill(MutableBytes) -> Status, which writes all length() bytes, and sends them. An error of fill's
  // is returned, and nothing is answered yet. REQUIRES: not answered before
  template <class Fill>
  Status answer(Fill&& fill) {
    ReplyBuffer buffer(length_);
    Status filled = std::forward<Fill>(fill)(buffer.bytes());
    if (filled.ok()) answer_bytes(buffer.bytes());
    return filled;
  }

  // Sends bytes that lie in memory already. REQUIRES: bytes.size() == length(); not answered before
  void answer_bytes(ByteView bytes);

  // With EIO, whatever the reason: the file is a disk, of which nobody expects another errno.
  // REQUIRES: not answered before
  void fail();

 private:
  void drop();

  ReadSink* sink_;  // nullptr once answered or moved away
  ReadCounters* counters_;
  void* token_;
  uint32_t length_;
};

}  // namespace thaw
