// SlotMap: which slots of a device are taken; finds a free run near the place that a hash asks for.
//
// Belongs to one thread. A slot is one chunk of the data area or of the inode table.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace thaw {

class SlotMap {
 public:
  explicit SlotMap(uint64_t slots) : taken_(slots, 0) {}

  // Takes `count` consecutive slots, the first such run at or after the slot that `hash` asks for, around the
  // end once; nothing when no run is free.
  std::optional<uint64_t> take(uint64_t hash, uint64_t count);

  // Takes the slots from `first`. REQUIRES: they exist and are free
  void take_at(uint64_t first, uint64_t count);

 private:
  std::optional<uint64_t> find(uint64_t from, uint64_t to, uint64_t count) const;

  std::vector<uint8_t> taken_;
};

}  // namespace thaw
