#include "cache/zone/zone_placement.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <numeric>
#include <string>

#include "lib/base/mix.h"
#include "lib/crypto/hash.h"

namespace thaw {
namespace {

// How a node's share may exceed the mean, in percent, and how often the weights are adjusted to get there.
constexpr uint64_t kImbalancePercent = 5;
constexpr int kMaxRounds = 24;
constexpr uint64_t kUnitWeight = 1 << 16;

// A step of SplitMix64, which keeps zero from staying zero.
uint64_t drawn_from(uint64_t value) { return mix(value + 0x9E3779B97F4A7C15ULL); }

// -log2(hash / 2^64) in units of 2^-24: exponentially distributed. Integers only, since every worker has to
// come to the same result, whatever its libm and processor.
uint32_t exponential(uint64_t hash) {
  hash |= 1;
  const int zeros = std::countl_zero(hash);
  uint64_t mantissa = (hash << zeros) >> 32;  // 1.0 is 2^31
  uint32_t fraction = 0;
  for (int bit = 23; bit >= 0; --bit) {
    mantissa = mantissa * mantissa >> 31;
    if (mantissa >= 1ULL << 32) {
      mantissa >>= 1;
      fraction |= 1U << bit;
    }
  }
  return (static_cast<uint32_t>(zeros) + 1) * (1U << 24) - fraction;
}

// The nodes in an order of their own, so that the one they are listed in does not matter.
struct Candidates {
  Candidates(const std::vector<ZoneNode>& nodes, unsigned shards);

  size_t count() const { return order.size(); }

  std::vector<uint16_t> order;    // indices into the list
  std::vector<uint64_t> seeds;    // hashes of their names
  std::vector<uint32_t> domains;  // small numbers
  uint32_t domain_count = 0;
  uint32_t per_domain = 1;  // how many shards of a slot one domain may hold
};

Candidates::Candidates(const std::vector<ZoneNode>& nodes, unsigned shards) : order(nodes.size()) {
  std::iota(order.begin(), order.end(), uint16_t{0});
  std::sort(order.begin(), order.end(),
            [&](uint16_t a, uint16_t b) { return nodes[a].name < nodes[b].name; });
  std::map<std::string, uint32_t> numbers;
  std::vector<uint32_t> sizes;
  for (const uint16_t index : order) {
    const ZoneNode& node = nodes[index];
    uint64_t seed = 0;
    std::memcpy(&seed, sha256(as_bytes(node.name)).bytes.data(), sizeof seed);
    seeds.push_back(seed);
    const std::string domain = node.domain.empty() ? "node " + node.name : "domain " + node.domain;
    const auto [found, added] = numbers.emplace(domain, domain_count);
    if (added) {
      ++domain_count;
      sizes.push_back(0);
    }
    domains.push_back(found->second);
    ++sizes[found->second];
  }
  const auto room = [&] {
    return std::accumulate(sizes.begin(), sizes.end(), 0U,
                           [&](uint32_t sum, uint32_t size) { return sum + std::min(size, per_domain); });
  };
  while (room() < shards) ++per_domain;
}

// One slot: of all pairs of a node and a shard the one with the lowest cost first, then the next whose node,
// shard and domain are free, and so on. A node that leaves gives its shard away, and the others keep theirs
// unless they like that one better; so it moves little more than its share.
class SlotChooser {
 public:
  SlotChooser(const Candidates& candidates, unsigned shards)
      : candidates_(candidates), shards_(shards), costs_(candidates.count() * shards) {}

  // `penalties`: above kUnitWeight makes a node dearer. Fills `chosen` with positions in the order.
  void choose(const uint32_t* draws, const std::vector<uint64_t>& penalties, std::vector<uint16_t>& chosen) {
    for (size_t i = 0; i < costs_.size(); ++i) costs_[i] = draws[i] * penalties[i / shards_];
    std::vector<bool> node_taken(candidates_.count());
    std::vector<uint32_t> domain_used(candidates_.domain_count);
    std::vector<bool> shard_done(shards_);
    for (unsigned n = 0; n < shards_; ++n) {
      size_t best = costs_.size();
      for (size_t i = 0; i < costs_.size(); ++i) {
        const size_t node = i / shards_;
        if (best < costs_.size() && costs_[i] >= costs_[best]) continue;
        if (node_taken[node] || shard_done[i % shards_]) continue;
        if (domain_used[candidates_.domains[node]] >= candidates_.per_domain) continue;
        best = i;
      }
      node_taken[best / shards_] = true;
      shard_done[best % shards_] = true;
      ++domain_used[candidates_.domains[best / shards_]];
      chosen[best % shards_] = static_cast<uint16_t>(best / shards_);
    }
  }

 private:
  const Candidates& candidates_;
  const unsigned shards_;
  std::vector<uint64_t> costs_;
};

std::vector<uint32_t> draw_all(const Candidates& candidates, unsigned shards) {
  std::vector<uint32_t> draws;
  draws.reserve(ZonePlacement::kSlots * candidates.count() * shards);
  for (size_t slot = 0; slot < ZonePlacement::kSlots; ++slot) {
    for (const uint64_t seed : candidates.seeds) {
      for (unsigned shard = 0; shard < shards; ++shard) {
        draws.push_back(exponential(drawn_from(seed ^ drawn_from(slot << 8 | shard))));
      }
    }
  }
  return draws;
}

}  // namespace

ZonePlacement::ZonePlacement(const std::vector<ZoneNode>& nodes, unsigned shards)
    : shards_(shards), table_(kSlots * shards) {
  const Candidates candidates(nodes, shards);
  const std::vector<uint32_t> draws = draw_all(candidates, shards);
  SlotChooser chooser(candidates, shards);
  std::vector<uint64_t> penalties(candidates.count(), kUnitWeight);
  const uint64_t mean = kSlots * shards / candidates.count();
  uint64_t least_peak = UINT64_MAX;
  std::vector<uint16_t> chosen(shards);
  std::vector<uint16_t> table(table_.size());
  for (int round = 0; round < kMaxRounds; ++round) {
    std::vector<uint64_t> loads(candidates.count());
    for (size_t slot = 0; slot < kSlots; ++slot) {
      chooser.choose(&draws[slot * candidates.count() * shards], penalties, chosen);
      for (unsigned shard = 0; shard < shards; ++shard) {
        ++loads[chosen[shard]];
        table[slot * shards + shard] = candidates.order[chosen[shard]];
      }
    }
    const uint64_t peak = *std::max_element(loads.begin(), loads.end());
    if (peak < least_peak) {
      least_peak = peak;
      table_ = table;
    }
    if (peak * 100 <= mean * (100 + kImbalancePercent)) return;
    for (size_t i = 0; i < penalties.size(); ++i) {
      // Halfway to what would be right if nothing else changed.
      penalties[i] =
          std::clamp(penalties[i] * (mean + loads[i]) / (2 * mean), kUnitWeight / 16, kUnitWeight * 16);
    }
  }
}

}  // namespace thaw
