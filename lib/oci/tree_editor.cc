#include "lib/oci/tree_editor.h"

#include <utility>

#include "lib/oci/context.h"

namespace thaw {
namespace {

constexpr size_t kMaxName = 255;
constexpr unsigned kMaxSymlinks = 40;  // as in the kernel, path_resolution(7)
constexpr uint64_t kNodeBytes = 64;    // a map's node beside the name

// The parts of `path`, "." and empty ones left out, ".." kept; last first.
std::vector<std::string> reversed_parts(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const size_t slash = path.rfind('/');
    const size_t start = slash == std::string_view::npos ? 0 : slash + 1;
    const std::string_view part = path.substr(start);
    if (!part.empty() && part != ".") parts.emplace_back(part);
    path = path.substr(0, start == 0 ? 0 : start - 1);
  }
  return parts;
}

}  // namespace

Result<PathParts> clean_path(std::string_view path, const Limits& limits) {
  if (path.size() > limits.max_path_bytes) {
    return over_limit("a path of " + std::to_string(path.size()) + " bytes", "max_path_bytes",
                      limits.max_path_bytes);
  }
  PathParts parts;
  std::vector<std::string> reversed = reversed_parts(path);
  for (auto part = reversed.rbegin(); part != reversed.rend(); ++part) {
    if (part->size() > kMaxName) return damaged("a name is longer than 255 bytes");
    if (*part != "..") {
      parts.push_back(std::move(*part));
    } else if (!parts.empty()) {
      parts.pop_back();
    }
  }
  if (parts.size() > limits.max_path_depth) {
    return over_limit("a path's depth", "max_path_depth", limits.max_path_depth);
  }
  return parts;
}

TreeEditor::TreeEditor(Tree& tree, const Limits& limits)
    : tree_(tree), limits_(limits), parents_{Tree::kRoot}, depths_{0}, touched_in_{0} {}

void TreeEditor::begin_layer() {
  ++layer_;
  new_links_.clear();
}

Status TreeEditor::count_entry() {
  if (++entries_ <= limits_.max_entries) return {};
  return over_limit("the layers have more entries", "max_entries", limits_.max_entries);
}

Status TreeEditor::count_metadata(uint64_t bytes) {
  metadata_bytes_ += bytes;
  if (metadata_bytes_ <= limits_.max_metadata_bytes) return {};
  return over_limit("the layers' names and attributes take more memory", "max_metadata_bytes",
                    limits_.max_metadata_bytes);
}

Status TreeEditor::step(Place& place, std::vector<std::string>& pending, unsigned& symlinks) {
  std::string part = std::move(pending.back());
  pending.pop_back();
  if (part == "..") {
    if (!place.missing.empty()) {
      place.missing.pop_back();
    } else {
      place.directory = parents_[place.directory];
    }
    return {};
  }
  const auto found = place.missing.empty() ? find(place.directory, part) : std::nullopt;
  if (!found) {
    place.missing.push_back(std::move(part));
    return {};
  }
  const Inode& inode = tree_.inode(*found);
  if (inode.type == FileType::kDirectory) {
    place.directory = *found;
    return {};
  }
  if (inode.type != FileType::kSymlink) return damaged("\"" + printable(part) + "\" is not a directory");
  if (++symlinks > kMaxSymlinks) return damaged("too many symlinks in the path");
  if (inode.target.starts_with('/')) place.directory = Tree::kRoot;
  std::vector<std::string> target = reversed_parts(inode.target);
  std::move(target.begin(), target.end(), std::back_inserter(pending));
  return {};
}

Result<TreeEditor::Place> TreeEditor::resolve(const PathParts& parts) {
  Place place;
  std::vector<std::string> pending(parts.rbegin(), parts.rend());
  unsigned symlinks = 0;
  while (!pending.empty()) THAW_TRY(step(place, pending, symlinks));
  // Symlinks can lead deeper than the path's own length; one name follows.
  if (depths_[place.directory] + place.missing.size() >= limits_.max_path_depth) {
    return over_limit("a path's depth", "max_path_depth", limits_.max_path_depth);
  }
  return place;
}

Result<InodeIndex> TreeEditor::open_directory(const PathParts& parts) {
  THAW_ASSIGN(Place place, resolve(parts));
  for (const std::string& name : place.missing) {
    if (name.size() > kMaxName) return damaged("a name is longer than 255 bytes");
    THAW_TRY(count_entry());
    Inode implied;
    implied.type = FileType::kDirectory;
    implied.permissions = 0755;
    THAW_ASSIGN(place.directory, put(place.directory, name, std::move(implied)));
  }
  return place.directory;
}

Result<std::optional<InodeIndex>> TreeEditor::find_directory(const PathParts& parts) {
  THAW_ASSIGN(const Place place, resolve(parts));
  if (!place.missing.empty()) return std::optional<InodeIndex>();
  return std::optional<InodeIndex>(place.directory);
}

std::optional<InodeIndex> TreeEditor::find(InodeIndex directory, const std::string& name) const {
  const auto& entries = tree_.inode(directory).entries;
  const auto entry = entries.find(name);
  if (entry == entries.end()) return std::nullopt;
  return entry->second;
}

Result<InodeIndex> TreeEditor::put(InodeIndex directory, const std::string& name, Inode inode) {
  uint64_t bytes = name.size() + kNodeBytes + inode.target.size() + inode.segments.size() * sizeof(Segment);
  for (const auto& [key, value] : inode.xattrs) bytes += key.size() + value.size() + kNodeBytes;
  THAW_TRY(count_metadata(bytes));
  const InodeIndex index = tree_.add(std::move(inode));
  parents_.push_back(directory);
  depths_.push_back(depths_[directory] + 1);
  touched_in_.push_back(layer_);
  tree_.inode(directory).entries.insert_or_assign(name, index);
  touch(directory);
  return index;
}

Status TreeEditor::link(InodeIndex directory, const std::string& name, InodeIndex target) {
  THAW_TRY(count_metadata(name.size() + kNodeBytes));
  tree_.inode(directory).entries.insert_or_assign(name, target);
  if (touched_in_[target] != layer_) {
    THAW_TRY(count_metadata(name.size() + kNodeBytes));
    new_links_.emplace(directory, name);
  }
  touch(directory);
  return {};
}

void TreeEditor::remove(InodeIndex directory, const std::string& name) {
  tree_.inode(directory).entries.erase(name);
  new_links_.erase({directory, name});
}

// A touched directory's ancestors are touched too, so the walk up ends at the first that is.
void TreeEditor::touch(InodeIndex directory) {
  while (touched_in_[directory] != layer_) {
    touched_in_[directory] = layer_;
    directory = parents_[directory];
  }
}

bool TreeEditor::touched(InodeIndex directory, const std::string& name, InodeIndex index) const {
  return touched_in_[index] == layer_ || new_links_.contains({directory, name});
}

void TreeEditor::hide_below(InodeIndex directory) {
  std::vector<InodeIndex> pending{directory};
  while (!pending.empty()) {
    const InodeIndex at = pending.back();
    pending.pop_back();
    auto& entries = tree_.inode(at).entries;
    for (auto entry = entries.begin(); entry != entries.end();) {
      const auto& [name, index] = *entry;
      if (!touched(at, name, index)) {
        entry = entries.erase(entry);
        continue;
      }
      if (tree_.inode(index).type == FileType::kDirectory) pending.push_back(index);
      ++entry;
    }
  }
}

void TreeEditor::hide(InodeIndex directory, const std::string& name) {
  const auto index = find(directory, name);
  if (!index) return;
  if (!touched(directory, name, *index)) {
    remove(directory, name);
  } else if (tree_.inode(*index).type == FileType::kDirectory) {
    hide_below(*index);
  }
}

}  // namespace thaw
