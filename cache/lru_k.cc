#include "cache/lru_k.h"

#include <utility>

namespace thaw {
namespace {

constexpr uint8_t kReferences = 2;  // K

}  // namespace

void LruK::insert(EvictionNode& node) {
  clock_.arrive(node);
  node.references = 0;
  node.is_main = false;
  if (const auto last_used = history_.take(node.id)) return add_to_main(node, *last_used);
  trial_.push(node);
}

void LruK::touch(EvictionNode& node) {
  const uint64_t last = node.counted_at;
  if (!clock_.count(node, count())) return;
  if (node.is_main) {
    auto place = main_.extract(&node);
    node.before = last;
    main_.insert(std::move(place));
    return;
  }
  trial_.unlink(node);
  if (++node.references >= kReferences) return add_to_main(node, last);
  trial_.push(node);
}

void LruK::add_to_main(EvictionNode& node, uint64_t before) {
  node.is_main = true;
  node.before = before;
  main_.insert(&node);
  main_bytes_ += node.bytes;
}

void LruK::erase(EvictionNode& node) {
  if (!node.is_main) return trial_.unlink(node);
  main_.erase(&node);
  main_bytes_ -= node.bytes;
}

EvictionNode* LruK::evict() {
  const bool newcomer = trial_.count > 0 && (main_.empty() || trial_.bytes >= trial_bytes(capacity_));
  if (!newcomer && main_.empty()) {
    history_.trim(0);
    return nullptr;
  }
  EvictionNode* victim = newcomer ? trial_.oldest : *main_.begin();
  erase(*victim);
  history_.remember(victim->id, victim->counted_at);
  history_.trim(count());
  return victim;
}

}  // namespace thaw
