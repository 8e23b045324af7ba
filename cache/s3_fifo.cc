#include "cache/s3_fifo.h"

#include <algorithm>
#include <iterator>

#include "lib/base/units.h"

namespace thaw {
namespace {

constexpr uint64_t kSmallShare = 10;  // the small queue is 1/10 of the capacity
// But not less than a few chunks, or what was read ahead would leave before its reader comes.
constexpr uint64_t kSmallFloor = 2 * kMiB;
constexpr uint8_t kMaxFrequency = 3;  // two bits, as in the paper
constexpr uint8_t kMovesToMain = 2;   // asked for at least so often while in the small queue

uint64_t small_capacity(uint64_t capacity) {
  return std::max(capacity / kSmallShare, std::min(capacity / 4, kSmallFloor));
}

}  // namespace

void S3Fifo::Queue::push(Node& node) {
  node.older = newest;
  node.newer = nullptr;
  (newest != nullptr ? newest->newer : oldest) = &node;
  newest = &node;
  bytes += node.bytes;
  ++count;
}

void S3Fifo::Queue::unlink(Node& node) {
  (node.older != nullptr ? node.older->newer : oldest) = node.newer;
  (node.newer != nullptr ? node.newer->older : newest) = node.older;
  bytes -= node.bytes;
  --count;
}

void S3Fifo::insert(Node& node) {
  node.frequency = 0;
  node.in_main = forget(node.id);
  (node.in_main ? main_ : small_).push(node);
}

void S3Fifo::touch(Node& node) {
  if (node.frequency < kMaxFrequency) ++node.frequency;
}

void S3Fifo::erase(Node& node) { (node.in_main ? main_ : small_).unlink(node); }

S3Fifo::Node* S3Fifo::evict() {
  Node* victim = nullptr;
  if (small_.bytes >= small_capacity(capacity_) || main_.count == 0) victim = evict_from_small();
  // The small queue may have moved all that it held to the main queue.
  if (victim == nullptr) victim = evict_from_main();
  if (victim == nullptr) victim = evict_from_small();
  trim_ghosts();
  return victim;
}

S3Fifo::Node* S3Fifo::evict_from_small() {
  while (Node* node = small_.oldest) {
    small_.unlink(*node);
    if (node->frequency < kMovesToMain) {
      remember(node->id);
      return node;
    }
    node->frequency = 0;
    node->in_main = true;
    main_.push(*node);
  }
  return nullptr;
}

S3Fifo::Node* S3Fifo::evict_from_main() {
  while (Node* node = main_.oldest) {
    main_.unlink(*node);
    if (node->frequency == 0) return node;
    --node->frequency;
    main_.push(*node);
  }
  return nullptr;
}

void S3Fifo::remember(const ChunkId& id) {
  forget(id);
  ghosts_.push_back(id);
  ghost_at_.emplace(id, std::prev(ghosts_.end()));
}

bool S3Fifo::forget(const ChunkId& id) {
  const auto found = ghost_at_.find(id);
  if (found == ghost_at_.end()) return false;
  ghosts_.erase(found->second);
  ghost_at_.erase(found);
  return true;
}

void S3Fifo::trim_ghosts() {
  while (ghosts_.size() > small_.count + main_.count) {
    ghost_at_.erase(ghosts_.front());
    ghosts_.pop_front();
  }
}

}  // namespace thaw
