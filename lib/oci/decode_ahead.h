// DecodeAhead: runs a stream on an Executor, a few buffers ahead of its reader, so that decoding and parsing
// use two cores.
//
// next() and the destructor belong to one thread, which must not be a thread of the executor; both wait for
// the executor. It holds one of the executor's threads until the stream ends or the DecodeAhead is destroyed.
#pragma once

#include <deque>
#include <memory>

#include "lib/base/executor.h"
#include "lib/base/mutex.h"
#include "lib/oci/byte_stream.h"

namespace thaw {

class DecodeAhead final : public ByteStream {
 public:
  DecodeAhead(std::unique_ptr<ByteStream> inner, Executor& executor);
  ~DecodeAhead() override;
  DecodeAhead(const DecodeAhead&) = delete;
  DecodeAhead& operator=(const DecodeAhead&) = delete;

  Result<Buffer> next() override;

 private:
  class Producer;

  void produce();
  // False when nobody wants more.
  bool push(Result<Buffer> buffer);
  void stop();

  static constexpr size_t kQueueLength = 16;

  const std::unique_ptr<ByteStream> inner_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<Result<Buffer>> queue_ GUARDED_BY(mutex_);
  bool wanted_ GUARDED_BY(mutex_) = true;
  bool stopped_ GUARDED_BY(mutex_) = false;
};

}  // namespace thaw
