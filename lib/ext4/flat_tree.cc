#include "lib/ext4/flat_tree.h"

#include <limits>

#include "lib/ext4/geometry.h"

namespace thaw {
namespace {

constexpr Node kNone = std::numeric_limits<Node>::max();

// Collects nodes from a walk; the walk gives parents before children, so a stack of open folders is enough.
class Collector {
 public:
  explicit Collector(FlatTree& flat) : flat_(flat) {}

  void operator()(std::string_view path, InodeIndex index) {
    const size_t depth = path.empty() ? 0 : 1 + count_slashes(path);
    folders_.resize(depth);
    const Node parent = depth == 0 ? 0 : folders_.back();
    Node& node = flat_.node_of_index[index];
    if (node == kNone) {
      node = static_cast<Node>(flat_.nodes.size());
      flat_.nodes.push_back({.index = index, .parent = parent, .path_hash = stable_hash(path)});
    }
    ++flat_.nodes[node].names;
    folders_.push_back(node);
    if (depth > 0 && flat_.tree->inode(index).type == FileType::kDirectory) {
      ++flat_.nodes[parent].subfolders;
    }
  }

 private:
  static size_t count_slashes(std::string_view path) {
    size_t count = 0;
    for (const char c : path) count += c == '/' ? 1 : 0;
    return count;
  }

  FlatTree& flat_;
  std::vector<Node> folders_;
};

Status check_segments(const FlatTree& flat, InodeIndex index) {
  const Inode& inode = flat.tree->inode(index);
  uint64_t end = 0;
  for (const Segment& segment : inode.segments) {
    if (segment.length == 0 || segment.offset < end || segment.offset > inode.size ||
        segment.length > inode.size - segment.offset) {
      return Error{Code::kFailed,
                   path_of(*flat.tree, index) +
                       ": its data segments overlap or reach past its end; read the image again"};
    }
    end = segment.offset + segment.length;
  }
  return {};
}

}  // namespace

uint64_t stable_hash(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3U;
  return mix(hash);
}

std::vector<BlockRun> data_blocks(const Inode& file) {
  std::vector<BlockRun> runs;
  for (const Segment& segment : file.segments) {
    uint64_t first = segment.offset / kBlockSize;
    const uint64_t end = (segment.offset + segment.length + kBlockSize - 1) / kBlockSize;
    if (!runs.empty() && first <= runs.back().first + runs.back().count) {
      const uint64_t covered = runs.back().first + runs.back().count;
      if (end > covered) runs.back().count += end - covered;
      continue;
    }
    runs.push_back({.first = first, .count = end - first});
  }
  return runs;
}

std::string path_of(const Tree& tree, InodeIndex index) {
  std::string found = "?";
  bool done = false;
  tree.walk([&](std::string_view path, InodeIndex here) {
    if (done || here != index) return;
    found = "/" + std::string(path);
    done = true;
  });
  return found;
}

Result<FlatTree> FlatTree::flatten(const Tree& tree) {
  FlatTree flat;
  flat.tree = &tree;
  flat.node_of_index.assign(tree.inode_count(), kNone);
  tree.walk(Collector(flat));
  for (const FlatNode& node : flat.nodes) {
    if (tree.inode(node.index).type == FileType::kRegular) THAW_TRY(check_segments(flat, node.index));
  }
  return flat;
}

}  // namespace thaw
