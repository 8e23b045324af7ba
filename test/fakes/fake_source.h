// FakeSource: a ChunkSource whose gets stay pending until the test answers them, in the order in which they
// came. Also hears what is expedited. One thread.
#pragma once

#include <deque>
#include <utility>
#include <vector>

#include "cache/expedite.h"
#include "lib/chunk/chunk_source.h"

namespace thaw {

class FakeSource final : public ChunkSource, public Expedite {
 public:
  struct Pending {
    ChunkRef ref;
    Fetch fetch;
    Completion<Fetched> done;
  };

  void get(const ChunkRef& ref, const Fetch& fetch, Completion<Fetched> done) override {
    ++gets;
    pending.push_back({ref, fetch, std::move(done)});
  }
  void expedite(const ChunkRef& ref, const Fetch& fetch) override { expedited.emplace_back(ref, fetch); }

  // The oldest one. REQUIRES: one is pending
  void answer(Result<Fetched> result) {
    Pending next = std::move(pending.front());
    pending.pop_front();
    next.done(std::move(result));
  }
  void answer(const SealedChunk& chunk) { answer(Fetched{chunk, Tier::kOrigin}); }

  std::deque<Pending> pending;
  std::vector<std::pair<ChunkRef, Fetch>> expedited;
  size_t gets = 0;
};

// Keeps what a Completion was told.
template <class T>
class Answer {
 public:
  Completion<T> completion() {
    return [this](Result<T> result) {
      ++times;
      last.emplace(std::move(result));
    };
  }
  bool has(Code code) const { return times == 1 && !last->ok() && last->error().code == code; }
  bool good() const { return times == 1 && last->ok(); }
  T& value() { return last->value(); }

  size_t times = 0;
  std::optional<Result<T>> last;
};

}  // namespace thaw
