// FairQueue<T>: what waits for a slot. Demand before read-ahead before prefetch; inside one priority the
// mounts take turns, so that one with a thousand waiting fetches delays another's single one by a turn and no
// more.
//
// Not thread-safe: guarded by its owner's lock. Unbounded itself: its owner counts what it lets in.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <iterator>
#include <list>
#include <optional>
#include <utility>
#include <vector>

#include "lib/chunk/chunk_source.h"

namespace thaw {

inline constexpr size_t kPriorityCount = 3;

template <class T>
class FairQueue {
 public:
  void push(Priority priority, uint64_t mount, T item) {
    lane_of(priority, mount).items.push_back(std::move(item));
  }

  // False when it does not wait there.
  bool remove(Priority priority, uint64_t mount, const T& item) {
    Lanes& lanes = lanes_of(priority);
    for (auto lane = lanes.begin(); lane != lanes.end(); ++lane) {
      if (lane->mount != mount) continue;
      const auto found = std::find(lane->items.begin(), lane->items.end(), item);
      if (found == lane->items.end()) return false;
      lane->items.erase(found);
      if (lane->items.empty()) lanes.erase(lane);
      return true;
    }
    return false;
  }

  // Moves what `matches` and waits with less priority to the end of that mount's lane.
  template <class Matches>
  void raise(Matches matches, Priority priority, uint64_t mount) {
    std::vector<T> raised;
    for (size_t i = static_cast<size_t>(priority) + 1; i < kPriorityCount; ++i) {
      Lanes& lanes = queues_.at(i);
      for (auto lane = lanes.begin(); lane != lanes.end();) {
        const auto taken = std::stable_partition(lane->items.begin(), lane->items.end(),
                                                 [&](const T& item) { return !matches(item); });
        std::move(taken, lane->items.end(), std::back_inserter(raised));
        lane->items.erase(taken, lane->items.end());
        lane = lane->items.empty() ? lanes.erase(lane) : std::next(lane);
      }
    }
    for (T& item : raised) push(priority, mount, std::move(item));
  }

  // What pop() gives next when all may start; nullptr when nothing waits.
  const T* front() const {
    for (const Lanes& lanes : queues_) {
      if (!lanes.empty()) return &lanes.front().items.front();
    }
    return nullptr;
  }

  // The next whose (priority, mount) `may_start` allows.
  template <class MayStart>
  std::optional<T> pop(MayStart may_start) {
    for (size_t i = 0; i < kPriorityCount; ++i) {
      const auto priority = static_cast<Priority>(i);
      Lanes& lanes = lanes_of(priority);
      for (auto lane = lanes.begin(); lane != lanes.end(); ++lane) {
        if (may_start(priority, lane->mount)) return take(lanes, lane);
      }
    }
    return std::nullopt;
  }

  bool empty() const {
    return std::all_of(queues_.begin(), queues_.end(), [](const Lanes& lanes) { return lanes.empty(); });
  }

 private:
  struct Lane {
    uint64_t mount;
    std::deque<T> items;  // never empty between calls
  };
  using Lanes = std::list<Lane>;  // in the order of their turns

  Lanes& lanes_of(Priority priority) { return queues_.at(static_cast<size_t>(priority)); }

  Lane& lane_of(Priority priority, uint64_t mount) {
    Lanes& lanes = lanes_of(priority);
    for (Lane& lane : lanes) {
      if (lane.mount == mount) return lane;
    }
    return lanes.emplace_back(Lane{mount, {}});
  }

  static T take(Lanes& lanes, typename Lanes::iterator lane) {
    T item = std::move(lane->items.front());
    lane->items.pop_front();
    if (lane->items.empty()) {
      lanes.erase(lane);
    } else {
      lanes.splice(lanes.end(), lanes, lane);
    }
    return item;
  }

  std::array<Lanes, kPriorityCount> queues_;
};

}  // namespace thaw
