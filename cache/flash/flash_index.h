// FlashIndex: where on the flash log each chunk lies. Keeps eight bytes of a chunk's id: two chunks that
// share them are told apart by the hash of what is read.
//
// Any thread may call. At most 64 bytes a chunk.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "cache/flash/flash_format.h"
#include "lib/base/mutex.h"

namespace thaw {

class FlashIndex {
 public:
  struct Place {
    uint32_t region = 0;
    uint16_t page = 0;        // of the record's header
    uint16_t data_pages = 0;  // after it
    bool operator==(const Place&) const = default;
  };

  // Marks it as read again: it will survive its region. nullopt also for another length.
  std::optional<Place> find(const ChunkRef& ref);
  bool contains(const ChunkId& id) const;
  // Replaces an older place.
  void add(uint32_t region, const FlashRecord& record);
  // False when it is not there any more.
  bool remove(const ChunkId& id, const Place& place);
  struct Taken {
    size_t chunks = 0;
    std::vector<FlashRecord> read_again;  // of these, since they were added
  };
  // Forgets what lies in `region`, of the records that it has.
  Taken take_region(uint32_t region, const std::vector<FlashRecord>& records);
  size_t size() const;

 private:
  struct Entry {
    Place place;
    bool read_again = false;
  };

  static uint64_t prefix_of(const ChunkId& id);
  static Place place_of(uint32_t region, const FlashRecord& record);

  mutable Mutex mutex_;
  std::unordered_map<uint64_t, Entry> entries_ GUARDED_BY(mutex_);
};

}  // namespace thaw
