#include "cache/s3_fifo.h"

namespace thaw {
namespace {

constexpr uint8_t kMaxReferences = 3;  // two bits, as in the paper
constexpr uint8_t kMovesToMain = 2;    // asked for at least so often while in the small queue

}  // namespace

void S3Fifo::insert(EvictionNode& node) {
  clock_.arrive(node);
  node.references = 0;
  node.is_main = history_.take(node.id).has_value();
  (node.is_main ? main_ : small_).push(node);
}

void S3Fifo::touch(EvictionNode& node) {
  if (clock_.count(node, count()) && node.references < kMaxReferences) ++node.references;
}

void S3Fifo::erase(EvictionNode& node) { (node.is_main ? main_ : small_).unlink(node); }

EvictionNode* S3Fifo::evict() {
  EvictionNode* victim = evict_from_small();
  if (victim == nullptr) victim = evict_from_main();
  history_.trim(count());
  return victim;
}

// nullptr when the small queue is not too large (any more): what is left of it came a moment ago.
EvictionNode* S3Fifo::evict_from_small() {
  while (small_.count > 0 && (main_.count == 0 || small_.bytes >= trial_bytes(capacity_))) {
    EvictionNode* node = small_.oldest;
    small_.unlink(*node);
    if (node->references < kMovesToMain) {
      history_.remember(node->id, node->counted_at);
      return node;
    }
    node->references = 0;
    node->is_main = true;
    main_.push(*node);
  }
  return nullptr;
}

EvictionNode* S3Fifo::evict_from_main() {
  while (EvictionNode* node = main_.oldest) {
    main_.unlink(*node);
    if (node->references == 0) return node;
    --node->references;
    main_.push(*node);
  }
  return nullptr;
}

}  // namespace thaw
