// Tree: one image's filesystem, flattened: inodes in memory, file contents in a Spool.
//
// lib/oci fills it layer by layer; lib/ext4 reads it. An inode is named by its index; hard links are entries
// that share one. Not thread-safe while it is filled; immutable and readable from any thread afterwards.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/digest.h"
#include "lib/base/result.h"

namespace thaw {

enum class FileType : uint8_t { kDirectory, kRegular, kSymlink, kCharDevice, kBlockDevice, kFifo, kSocket };

struct Timestamp {
  int64_t seconds = 0;
  uint32_t nanoseconds = 0;
  auto operator<=>(const Timestamp&) const = default;
};

// A run of file bytes that is not a hole; what no segment covers reads as zeros.
struct Segment {
  uint64_t offset = 0;        // in the file, bytes
  uint64_t length = 0;        // bytes, > 0
  uint64_t spool_offset = 0;  // where the bytes lie in the image's Spool
};

using InodeIndex = uint32_t;

struct Inode {
  FileType type = FileType::kRegular;
  uint16_t permissions = 0;  // 07777: rwx and setuid, setgid, sticky
  uint32_t uid = 0;
  uint32_t gid = 0;
  Timestamp mtime;
  std::map<std::string, std::string> xattrs;  // full names ("user.x", "security.capability"), raw values
  std::string target;                         // symlinks
  uint32_t device_major = 0;                  // devices
  uint32_t device_minor = 0;                  // devices
  uint64_t size = 0;                          // regular files: logical bytes
  std::vector<Segment> segments;              // regular files: ascending, disjoint, inside size
  Digest content;                             // regular files: SHA-256 of size and segments' bytes
  std::map<std::string, InodeIndex> entries;  // directories: without "." and ".."
  uint32_t links = 0;                         // entries that name it, set by Tree::count_links
};

class Tree {
 public:
  static constexpr InodeIndex kRoot = 0;

  // A tree with an empty root directory (0755, root:root, time 0).
  Tree();

  Inode& inode(InodeIndex index) { return inodes_[index]; }
  const Inode& inode(InodeIndex index) const { return inodes_[index]; }
  size_t inode_count() const { return inodes_.size(); }

  InodeIndex add(Inode inode);

  // Sets every inode's `links` from the entries below the root (a directory counts 1 for its name); an inode
  // with none is unreachable: a file that a later layer replaced or removed.
  void count_links();

  // Sum of the sizes of reachable regular files, hard links once.
  uint64_t content_bytes() const;

  // Calls visit(path, index) for every entry below the root in path order, parents first; the root is "".
  // A path looks like "usr/bin/env". A hard link is visited once a name.
  template <class Visit>
  void walk(Visit&& visit) const {
    std::string path;
    walk_below(path, kRoot, visit);
  }

 private:
  template <class Visit>
  void walk_below(std::string& path, InodeIndex index, Visit& visit) const {
    visit(std::string_view(path), index);
    const size_t length = path.size();
    for (const auto& [name, child] : inodes_[index].entries) {
      if (length > 0) path += '/';
      path += name;
      walk_below(path, child, visit);
      path.resize(length);
    }
  }

  std::vector<Inode> inodes_;
};

}  // namespace thaw
