// SyntheticFiles: block files whose every byte follows from its place, so that anybody can check them.
#pragma once

#include <cstring>
#include <string>
#include <utility>

#include "fuse/block_files.h"
#include "lib/base/mix.h"
#include "lib/base/mutex.h"

namespace thaw {

// The eight bytes at `offset` (a multiple of 8).
inline uint64_t synthetic_word(uint64_t offset) { return mix(offset + 0x9e3779b97f4a7c15); }

inline void synthetic_bytes(uint64_t offset, MutableBytes out) {
  for (size_t i = 0; i < out.size();) {
    const uint64_t word = synthetic_word((offset + i) & ~uint64_t{7});
    const size_t skip = (offset + i) % 8;
    const size_t n = std::min(8 - skip, out.size() - i);
    std::memcpy(out.data() + i, reinterpret_cast<const uint8_t*>(&word) + skip, n);
    i += n;
  }
}

inline Bytes synthetic(uint64_t offset, size_t size) {
  Bytes bytes(size);
  synthetic_bytes(offset, bytes);
  return bytes;
}

class SyntheticFiles final : public BlockFiles {
 public:
  void add(BlockFile file) {
    MutexLock lock(mutex_);
    files_.push_back(std::move(file));
  }
  void remove(const std::string& name) {
    MutexLock lock(mutex_);
    std::erase_if(files_, [&name](const BlockFile& file) { return file.name == name; });
  }

  std::shared_ptr<const BlockFile> find(uint64_t inode) const override {
    MutexLock lock(mutex_);
    for (const BlockFile& file : files_) {
      if (inode_of(file.name) == inode) return std::make_shared<BlockFile>(file);
    }
    return nullptr;
  }
  std::vector<BlockFile> list() const override {
    MutexLock lock(mutex_);
    return files_;
  }
  void read(uint64_t, uint64_t offset, ReadReply reply) override {
    const Status filled = reply.answer([offset](MutableBytes out) {
      synthetic_bytes(offset, out);
      return Status{};
    });
    static_cast<void>(filled);
  }

 private:
  mutable Mutex mutex_;
  std::vector<BlockFile> files_ GUARDED_BY(mutex_);
};

}  // namespace thaw
