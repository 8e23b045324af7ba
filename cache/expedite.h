// Expedite: told when a fetch that is already under way became more urgent. Implemented by what keeps a queue
// of its own, called by SingleFlight.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "lib/chunk/chunk_source.h"

namespace thaw {

// What serves both: the later deadline, the more urgent priority and the mount that it belongs to. Nobody
// stops it alone.
inline Fetch joined(const Fetch& a, const Fetch& b) {
  Fetch both = b.priority < a.priority ? b : a;
  both.deadline = std::max(a.deadline, b.deadline);
  both.stop = {};
  return both;
}

class Expedite {
 public:
  virtual ~Expedite() = default;

  // Serves the waiting fetches of `ref` no later than `fetch.priority` says, and keeps trying until
  // `fetch.deadline` where that is later than their own. Unknown chunks are no error. Any thread; never
  // blocks.
  virtual void expedite(const ChunkRef& ref, const Fetch& fetch) = 0;
};

// Tells all of them, in their order: from where a fetch may be to where it goes next.
class ExpediteAll final : public Expedite {
 public:
  explicit ExpediteAll(std::vector<Expedite*> queues) : queues_(std::move(queues)) {}
  void expedite(const ChunkRef& ref, const Fetch& fetch) override {
    for (Expedite* queue : queues_) queue->expedite(ref, fetch);
  }

 private:
  const std::vector<Expedite*> queues_;
};

}  // namespace thaw
