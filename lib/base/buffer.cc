#include "lib/base/buffer.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "lib/base/page_arena.h"
#include "lib/base/units.h"

namespace thaw {
namespace {

constexpr size_t kAlignment = 4096;

// Smaller ones are many, short-lived, and not worth the arena's bookkeeping.
constexpr size_t kLeastInArena = 64 * 1024;

// The sanitizers watch what comes from the heap.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kUseArena = false;
#else
constexpr bool kUseArena = true;
#endif

uint8_t* allocate(size_t bytes) {
  if (Buffer::lies_in_arena(bytes)) return buffer_arena().allocate(bytes);
  auto* pointer = static_cast<uint8_t*>(std::aligned_alloc(kAlignment, round_up(bytes, kAlignment)));
  if (pointer == nullptr) throw std::bad_alloc();
  return pointer;
}

}  // namespace

Buffer::Buffer(size_t size) : size_(size) {
  if (size > 0) data_ = std::unique_ptr<uint8_t[], Free>(allocate(size), Free{size});
}

bool Buffer::lies_in_arena(size_t size) { return kUseArena && size >= kLeastInArena; }

Buffer Buffer::copy_of(ByteView bytes) {
  Buffer buffer(bytes.size());
  if (!bytes.empty()) std::memcpy(buffer.data(), bytes.data(), bytes.size());
  return buffer;
}

void Buffer::Free::operator()(uint8_t* pointer) const {
  if (lies_in_arena(bytes)) return buffer_arena().free(pointer, bytes);
  std::free(pointer);
}

}  // namespace thaw
