// When a fetch is tried again, and when no more (docs/design: transport trouble is no error before the
// deadline; damage is no outage).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>

#include "lib/base/clock.h"
#include "lib/base/digest.h"

namespace thaw {

struct RetryLimits {
  Duration first_backoff = std::chrono::milliseconds(20);
  Duration longest_backoff = std::chrono::seconds(2);
  uint32_t missing_rounds = 4;  // how often all roots may say that they lack a chunk before it is missing
  uint32_t wrong_answers = 5;   // of any bytes
  uint32_t equal_wrong_answers = 3;  // of the same bytes
};

// The wrong answers that one fetch got.
class WrongAnswers {
 public:
  // Counts one, by the digest of its bytes; true when it was one too many.
  bool add(const Digest& bytes, const RetryLimits& limits) {
    ++total_;
    return ++seen_[bytes] >= limits.equal_wrong_answers || total_ >= limits.wrong_answers;
  }
  uint32_t total() const { return total_; }

 private:
  uint32_t total_ = 0;
  std::map<Digest, uint32_t> seen_;  // at most RetryLimits::wrong_answers
};

}  // namespace thaw
