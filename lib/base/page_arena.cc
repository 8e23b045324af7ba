#include "lib/base/page_arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <iterator>
#include <new>

#include "lib/base/units.h"

namespace thaw {

PageArena::~PageArena() {
  MutexLock lock(mutex_);
  for (const auto& [start, bytes] : segments_) ::munmap(reinterpret_cast<void*>(start), bytes);
}

uint8_t* PageArena::allocate(size_t bytes) {
  const size_t rounded = round_up(bytes, kPageBytes);
  MutexLock lock(mutex_);
  if (free_by_size_.lower_bound({rounded, 0}) == free_by_size_.end()) add_segment(rounded);
  const Address start = take_run(rounded);
  use_blocks(start, rounded);
  return reinterpret_cast<uint8_t*>(start);
}

void PageArena::free(uint8_t* start, size_t bytes) {
  const auto address = reinterpret_cast<Address>(start);
  const size_t rounded = round_up(bytes, kPageBytes);
  MutexLock lock(mutex_);
  add_run(address, rounded);
  leave_blocks(address, rounded);
  while (spare_.size() * kBlockBytes > kSpareBytes) release_spare();
}

void PageArena::add_segment(size_t bytes) {
  const size_t size = std::max(kSegmentBytes, round_up(bytes, kBlockBytes));
  // One block more, to begin on a block's boundary whatever the kernel chooses.
  void* mapped = ::mmap(nullptr, size + kBlockBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  const auto begin = reinterpret_cast<Address>(mapped);
  segments_.emplace(begin, size + kBlockBytes);
  const Address first = round_up(begin, kBlockBytes);
  // Both are advice: without huge pages it is slower and nothing else.
  ::madvise(reinterpret_cast<void*>(first), size, MADV_HUGEPAGE);
  ::madvise(mapped, size + kBlockBytes, MADV_DONTDUMP);
  for (Address block = first; block < first + size; block += kBlockBytes) blocks_.emplace(block, Block{});
  add_run(first, size);
}

PageArena::Address PageArena::take_run(size_t bytes) {
  const auto best = free_by_size_.lower_bound({bytes, 0});
  const auto [size, start] = *best;
  remove_run(free_runs_.find(start));
  if (size > bytes) add_run(start + bytes, size - bytes);
  return start;
}

void PageArena::add_run(Address start, size_t bytes) {
  auto next = free_runs_.lower_bound(start);
  if (next != free_runs_.end() && next->first == start + bytes) {
    bytes += next->second;
    const auto joined = next++;
    remove_run(joined);
  }
  if (next != free_runs_.begin()) {
    const auto before = std::prev(next);
    if (before->first + before->second == start) {
      start = before->first;
      bytes += before->second;
      remove_run(before);
    }
  }
  free_runs_.emplace(start, bytes);
  free_by_size_.emplace(bytes, start);
}

void PageArena::remove_run(std::map<Address, size_t>::iterator run) {
  free_by_size_.erase({run->second, run->first});
  free_runs_.erase(run);
}

void PageArena::use_blocks(Address start, size_t bytes) {
  for (Address block = start / kBlockBytes * kBlockBytes; block < start + bytes; block += kBlockBytes) {
    Block& entry = blocks_.at(block);
    const Address end = std::min(start + bytes, block + kBlockBytes);
    entry.used_pages += static_cast<uint32_t>((end - std::max(start, block)) / kPageBytes);
    spare_.erase(block);
    if (!entry.held) held_ += kBlockBytes;
    entry.held = true;
  }
}

void PageArena::leave_blocks(Address start, size_t bytes) {
  for (Address block = start / kBlockBytes * kBlockBytes; block < start + bytes; block += kBlockBytes) {
    Block& entry = blocks_.at(block);
    const Address end = std::min(start + bytes, block + kBlockBytes);
    entry.used_pages -= static_cast<uint32_t>((end - std::max(start, block)) / kPageBytes);
    if (entry.used_pages == 0) spare_.insert(block);
  }
}

// The highest one: the lowest are used first, so that the others stay empty.
void PageArena::release_spare() {
  const auto last = std::prev(spare_.end());
  ::madvise(reinterpret_cast<void*>(*last), kBlockBytes, MADV_DONTNEED);
  blocks_.at(*last).held = false;
  held_ -= kBlockBytes;
  spare_.erase(last);
}

PageArena& buffer_arena() {
  // Never destroyed: buffers of other static and thread-local objects go after it otherwise.
  static auto* const arena = new PageArena();
  return *arena;
}

}  // namespace thaw
