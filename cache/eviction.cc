#include "cache/eviction.h"

#include <algorithm>

#include "lib/base/units.h"

namespace thaw {
namespace {

constexpr uint64_t kTrialShare = 10;
constexpr uint64_t kTrialFloor = 2 * kMiB;

}  // namespace

uint64_t trial_bytes(uint64_t capacity) {
  return std::max(capacity / kTrialShare, std::min(capacity / 4, kTrialFloor));
}

Eviction::Eviction(EvictionRule rule, uint64_t capacity) : policy_(std::in_place_type<S3Fifo>, capacity) {
  if (rule == EvictionRule::kLruK) policy_.emplace<LruK>(capacity);
}

void Eviction::set_capacity(uint64_t capacity) {
  std::visit([capacity](auto& policy) { policy.set_capacity(capacity); }, policy_);
}

void Eviction::insert(EvictionNode& node) {
  std::visit([&node](auto& policy) { policy.insert(node); }, policy_);
}

void Eviction::touch(EvictionNode& node) {
  std::visit([&node](auto& policy) { policy.touch(node); }, policy_);
}

void Eviction::erase(EvictionNode& node) {
  std::visit([&node](auto& policy) { policy.erase(node); }, policy_);
}

EvictionNode* Eviction::evict() {
  return std::visit([](auto& policy) { return policy.evict(); }, policy_);
}

uint64_t Eviction::bytes() const {
  return std::visit([](const auto& policy) { return policy.bytes(); }, policy_);
}

}  // namespace thaw
