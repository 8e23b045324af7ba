// BlockFiles: the block files that a Session shows, as the session sees them. Implemented outside of fuse/
// (one file an image) and by tests.
//
// Thread contract: FUSE readers call everything, at the same time; no call may wait for disk or network.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fuse/read_reply.h"

namespace thaw {

struct BlockFile {
  std::string name;   // no "/", at most 255 bytes
  uint64_t size = 0;  // bytes; never changes while the name exists
};

// The inode number that belongs to a name. It depends on nothing else, because the kernel goes on using it
// after the process that answered the lookup is gone. FNV-1a, folded to 62 bits.
uint64_t inode_of(std::string_view name);

class BlockFiles {
 public:
  virtual ~BlockFiles() = default;

  // Nothing when there is no such file.
  virtual std::shared_ptr<const BlockFile> find(uint64_t inode) const = 0;
  virtual std::vector<BlockFile> list() const = 0;

  // Answers `reply` once, in this call or later on any thread. offset + reply.length() lies inside the file.
  virtual void read(uint64_t inode, uint64_t offset, ReadReply reply) = 0;
};

}  // namespace thaw
