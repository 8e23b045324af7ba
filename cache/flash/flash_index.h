// FlashIndex: where on the flash log each chunk lies. Keeps eight bytes of a chunk's id: two chunks that
// share them are told apart by the hash of what is read.
//
// Any thread may call. At most 64 bytes a chunk.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

// Abseil's old names for thread annotations are those of lib/base/mutex.h; it does without them.
#define ABSL_BASE_INTERNAL_THREAD_ANNOTATIONS_H_
#include <absl/container/flat_hash_map.h>

#include "cache/flash/flash_format.h"
#include "lib/base/huge_page_allocator.h"
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
  // Replaces older places.
  void add(uint32_t region, const std::vector<FlashRecord>& records);
  void clear();
  // Room for so many chunks in all.
  void reserve(size_t chunks);
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
  // Eight bytes, so that a slot of the table takes 17, and a chunk at most 39 right after the table has
  // grown.
  struct Entry {
    uint32_t region = 0;
    uint16_t page = 0;
    uint16_t data_pages : 15 = 0;
    uint16_t read_again : 1 = 0;

    Place place() const { return {region, page, data_pages}; }
  };
  static Entry entry_of(uint32_t region, const FlashRecord& record);
  static uint64_t prefix_of(const ChunkId& id);

  mutable Mutex mutex_;
  absl::flat_hash_map<uint64_t, Entry, absl::Hash<uint64_t>, std::equal_to<>,
                      HugePageAllocator<std::pair<const uint64_t, Entry>>>
      entries_ GUARDED_BY(mutex_);
};

}  // namespace thaw
