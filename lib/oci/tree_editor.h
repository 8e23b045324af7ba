// TreeEditor: changes a Tree by paths, the way a process confined to the image's root would.
//
// A path is cleaned like one that starts at the root ("..", "." and "//" go, nothing escapes), and symlinks
// in it, except the last component, are followed inside the root. It remembers which layer touched what, so
// that a whiteout hides only what lower layers left.
//
// Belongs to one thread. Errors: kDamaged for what the image may not ask, kFailed for a limit.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lib/oci/limits.h"
#include "lib/tree/tree.h"

namespace thaw {

using PathParts = std::vector<std::string>;

// "/a/./b//../c" is {a, c}; the root is {}. Longer or deeper than the limits, or with a name of more than 255
// bytes: an error.
Result<PathParts> clean_path(std::string_view path, const Limits& limits);

class TreeEditor {
 public:
  // REQUIRES: both outlive the editor; nobody else adds to the tree meanwhile.
  TreeEditor(Tree& tree, const Limits& limits);

  // What is touched from now on belongs to the next layer.
  void begin_layer();

  // The directory at `parts`, made where it is missing (0755, root:root, time 0).
  Result<InodeIndex> open_directory(const PathParts& parts);

  // The directory at `parts`, if there is one.
  Result<std::optional<InodeIndex>> find_directory(const PathParts& parts);

  std::optional<InodeIndex> find(InodeIndex directory, const std::string& name) const;

  // Puts a new inode, or one more name for an old one, into `directory`, in place of what has the name.
  Result<InodeIndex> put(InodeIndex directory, const std::string& name, Inode inode);
  Status link(InodeIndex directory, const std::string& name, InodeIndex target);
  void remove(InodeIndex directory, const std::string& name);

  // This layer has an entry for the directory itself.
  void touch(InodeIndex directory);

  // Removes what this layer did not touch: below the directory, or the entry with all that is below it.
  void hide_below(InodeIndex directory);
  void hide(InodeIndex directory, const std::string& name);

  // Counts against max_entries and max_metadata_bytes.
  Status count_entry();
  Status count_metadata(uint64_t bytes);

 private:
  struct Place {
    InodeIndex directory = Tree::kRoot;
    PathParts missing;  // below it
  };

  Result<Place> resolve(const PathParts& parts);
  Status step(Place& place, std::vector<std::string>& pending, unsigned& symlinks);
  bool touched(InodeIndex directory, const std::string& name, InodeIndex index) const;

  Tree& tree_;
  const Limits& limits_;
  uint32_t layer_ = 0;
  uint64_t entries_ = 0;
  uint64_t metadata_bytes_ = 0;

  // By inode. A parent is right for directories only, which have one name.
  std::vector<InodeIndex> parents_;
  std::vector<uint32_t> depths_;
  std::vector<uint32_t> touched_in_;  // the layer
  // Names that this layer gave to inodes of lower layers.
  std::set<std::pair<InodeIndex, std::string>> new_links_;
};

}  // namespace thaw
