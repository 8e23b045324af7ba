// InodeWriter: writes inodes with their extents and extended attributes through libext2fs.
//
// Belongs to one thread; refers to its arguments, which must outlive it.
#pragma once

#include <ext2fs/ext2fs.h>

#include "lib/base/result.h"
#include "lib/ext4/flat_tree.h"
#include "lib/ext4/placement.h"

namespace thaw {

class InodeWriter {
 public:
  InodeWriter(const FlatTree& flat, Placement& placement, ext2_filsys fs);
  ~InodeWriter();
  InodeWriter(const InodeWriter&) = delete;
  InodeWriter& operator=(const InodeWriter&) = delete;

  // REQUIRES: nodes come in the order of their inode numbers
  Status write(Node node);

 private:
  Status write_extents(Node node, ext2_inode_large& inode);
  Status write_xattrs(Node node);
  std::string where(Node node) const;

  // libext2fs asks for the blocks of extent trees and attributes.
  static errcode_t allocate_block(ext2_filsys fs, blk64_t goal, blk64_t* block);
  errcode_t next_side_block(blk64_t* block);

  const FlatTree& flat_;
  Placement& placement_;
  ext2_filsys fs_;
  Node node_ = 0;                 // the one being written
  uint64_t side_inode_slot_ = 0;  // the inode slot that the open side slot serves
  uint64_t side_block_ = 0;       // the next free block of the open side slot
  uint64_t side_end_ = 0;
};

}  // namespace thaw
