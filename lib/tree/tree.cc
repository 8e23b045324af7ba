#include "lib/tree/tree.h"

#include <utility>

namespace thaw {

Tree::Tree() {
  Inode root;
  root.type = FileType::kDirectory;
  root.permissions = 0755;
  inodes_.push_back(std::move(root));
}

InodeIndex Tree::add(Inode inode) {
  inodes_.push_back(std::move(inode));
  return static_cast<InodeIndex>(inodes_.size() - 1);
}

void Tree::count_links() {
  for (Inode& inode : inodes_) inode.links = 0;
  std::vector<InodeIndex> order;
  walk([&order](std::string_view, InodeIndex index) { order.push_back(index); });
  for (const InodeIndex index : order) ++inodes_[index].links;
}

uint64_t Tree::content_bytes() const {
  uint64_t sum = 0;
  for (const Inode& inode : inodes_) {
    if (inode.type == FileType::kRegular && inode.links > 0) sum += inode.size;
  }
  return sum;
}

}  // namespace thaw
