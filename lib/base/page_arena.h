// PageArena: memory for buffers of chunk size, in huge pages. A cold read fills hundreds of megabytes that
// were never touched before; with 4 KiB pages the kernel's page faults cost it as much as the copy itself.
//
// Runs of 4 KiB pages, best fit, lowest address first, free neighbours joined. Physical memory comes and goes
// in blocks of 2 MiB: a block without a used page is given back to the kernel, except for a few that are
// kept.
//
// Any thread may call; a call never waits for anything but the arena's mutex.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "lib/base/mutex.h"

namespace thaw {

class PageArena {
 public:
  static constexpr size_t kPageBytes = 4096;
  static constexpr size_t kBlockBytes = 2 << 20;        // a huge page
  static constexpr size_t kSegmentBytes = 64 << 20;     // address space is asked for in these, and kept
  static constexpr uint64_t kSpareBytes = 16ULL << 20;  // unused blocks that are kept

  PageArena() = default;
  ~PageArena();
  PageArena(const PageArena&) = delete;
  PageArena& operator=(const PageArena&) = delete;

  // Page-aligned, contents undefined. Throws std::bad_alloc. REQUIRES: bytes > 0
  uint8_t* allocate(size_t bytes);
  // REQUIRES: allocate(bytes) returned `start`, which was not freed since
  void free(uint8_t* start, size_t bytes);

  // What the kernel may have given memory for: blocks that are used or kept.
  uint64_t held_bytes() const { return held_.load(std::memory_order_relaxed); }

 private:
  struct Block {
    uint32_t used_pages = 0;
    bool held = false;
  };
  using Address = uintptr_t;

  void add_segment(size_t bytes) REQUIRES(mutex_);
  Address take_run(size_t bytes) REQUIRES(mutex_);
  void add_run(Address start, size_t bytes) REQUIRES(mutex_);
  void remove_run(std::map<Address, size_t>::iterator run) REQUIRES(mutex_);
  void use_blocks(Address start, size_t bytes) REQUIRES(mutex_);
  void leave_blocks(Address start, size_t bytes) REQUIRES(mutex_);
  void release_spare() REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::map<Address, size_t> segments_ GUARDED_BY(mutex_);                 // start → bytes
  std::map<Address, size_t> free_runs_ GUARDED_BY(mutex_);                // start → bytes
  std::set<std::pair<size_t, Address>> free_by_size_ GUARDED_BY(mutex_);  // the same
  std::map<Address, Block> blocks_ GUARDED_BY(mutex_);                    // by start
  std::set<Address> spare_ GUARDED_BY(mutex_);                            // held and without a used page
  std::atomic<uint64_t> held_{0};                                         // bytes; written under mutex_
};

// Where every Buffer of chunk size lies.
PageArena& buffer_arena();

}  // namespace thaw
