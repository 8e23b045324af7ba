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
  // And so long it is not before the roots were read anew: it may lie in one that is not known yet.
  Duration missing_patience = std::chrono::seconds(5);
  uint32_t wrong_answers = 5;        // of a chunk's length or more
  uint32_t equal_wrong_answers = 3;  // of the same bytes, short ones too
};

// The wrong answers that one fetch got.
class WrongAnswers {
 public:
  // Count one, by the digest of its bytes; true when it was one too many. A short one is transport trouble,
  // unless the same comes again and again: then what is stored is short.
  bool add(const Digest& bytes, const RetryLimits& limits) {
    ++total_;
    return add_short(bytes, limits) || total_ >= limits.wrong_answers;
  }
  bool add_short(const Digest& bytes, const RetryLimits& limits) {
    if (seen_.size() >= kMostSeen) seen_.clear();
    return ++seen_[bytes] >= limits.equal_wrong_answers;
  }

 private:
  static constexpr size_t kMostSeen = 16;  // a fetch without a deadline may get any number of short ones

  uint32_t total_ = 0;
  std::map<Digest, uint32_t> seen_;
};

}  // namespace thaw
