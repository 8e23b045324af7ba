// S3Fifo: decides which chunk leaves a cache, after "FIFO queues are all you need for cache eviction" (Yang
// et al., SOSP 2023). A newcomer waits in a small queue and leaves it again unless it was asked for twice;
// what was asked for moves to the main queue, a FIFO with second chances; the ghosts of those that left the
// small queue go straight to the main queue when they come back.
//
// Only orders: the storage owns the entries, embeds a Node in each, and removes what evict() names. Another
// policy would offer the same six functions. Not thread-safe: guarded by its owner's lock.
#pragma once

#include <cstdint>
#include <list>
#include <unordered_map>

#include "lib/chunk/sealed_chunk.h"

namespace thaw {

class S3Fifo {
 public:
  struct Node {
    ChunkId id;
    uint64_t bytes = 0;  // what the entry costs, all included; fixed while it is queued

    // For the policy alone.
    Node* older = nullptr;
    Node* newer = nullptr;
    uint8_t frequency = 0;
    bool in_main = false;
  };

  // What one remembered ghost costs: an element of both containers, with the allocator's share.
  static constexpr uint64_t kGhostBytes = 160;

  // Of `capacity` bytes about a tenth is the small queue.
  explicit S3Fifo(uint64_t capacity) : capacity_(capacity) {}
  S3Fifo(const S3Fifo&) = delete;
  S3Fifo& operator=(const S3Fifo&) = delete;

  void set_capacity(uint64_t capacity) { capacity_ = capacity; }

  // REQUIRES: node is in no queue, and stays where it is in memory until it was evicted or erased
  void insert(Node& node);
  // It was asked for. REQUIRES: node is queued
  void touch(Node& node);
  // REQUIRES: node is queued
  void erase(Node& node);
  // Takes the next to go out of its queue; nullptr when nothing is queued.
  Node* evict();

  // Of all queued nodes and of the ghosts.
  uint64_t bytes() const { return small_.bytes + main_.bytes + ghosts_.size() * kGhostBytes; }

 private:
  struct Queue {
    Node* oldest = nullptr;
    Node* newest = nullptr;
    uint64_t bytes = 0;
    uint64_t count = 0;

    void push(Node& node);
    void unlink(Node& node);
  };

  Node* evict_from_small();
  Node* evict_from_main();
  void remember(const ChunkId& id);
  bool forget(const ChunkId& id);
  void trim_ghosts();

  uint64_t capacity_;
  Queue small_;
  Queue main_;
  std::list<ChunkId> ghosts_;  // oldest first; at most as many as there are nodes
  std::unordered_map<ChunkId, std::list<ChunkId>::iterator, ChunkIdHash> ghost_at_;
};

}  // namespace thaw
