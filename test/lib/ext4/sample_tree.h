// SampleTree: builds trees for tests, with contents in a real spool.
#pragma once

#include <string>
#include <string_view>

#include "lib/tree/spool.h"
#include "lib/tree/tree.h"

namespace thaw {

class SampleTree {
 public:
  SampleTree();

  Tree& tree() { return tree_; }
  Spool& spool() { return spool_; }

  // Each puts one inode at `path`, whose folders exist, and returns its index.
  InodeIndex folder(std::string_view path);
  InodeIndex file(std::string_view path, std::string_view contents);
  // Bytes at the given offsets, holes elsewhere.
  InodeIndex sparse_file(std::string_view path, uint64_t size,
                         const std::vector<std::pair<uint64_t, std::string>>& parts);
  InodeIndex link(std::string_view path, std::string_view target);
  InodeIndex special(std::string_view path, FileType type, uint32_t major, uint32_t minor);
  void hard_link(std::string_view path, InodeIndex index);

  Inode& at(InodeIndex index) { return tree_.inode(index); }

 private:
  InodeIndex put(std::string_view path, Inode inode);
  void enter(std::string_view path, InodeIndex index);

  Spool spool_;
  Tree tree_;
};

// Bytes that look random and are the same for the same seed.
std::string noise(uint64_t seed, size_t size);

}  // namespace thaw
