#include "fuse/block_files.h"

namespace thaw {
namespace {

// 1 is FUSE's root; the numbers below serve readdir as the offsets of "." and "..".
constexpr uint64_t kFirstFileInode = 16;

}  // namespace

uint64_t inode_of(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : name) {
    hash ^= static_cast<uint8_t>(c);
    hash *= 0x100000001b3;
  }
  // readdir uses inode numbers as offsets, which are signed.
  const uint64_t folded = (hash >> 62) ^ (hash & ((uint64_t{1} << 62) - 1));
  return folded < kFirstFileInode ? folded + kFirstFileInode : folded;
}

}  // namespace thaw
