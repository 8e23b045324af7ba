#include "lib/oci/layer_applier.h"

#include <array>

#include "lib/oci/context.h"

namespace thaw {
namespace {

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
constexpr size_t kMaxTarget = 4095;  // the kernel's PATH_MAX without its NUL

// They describe the machine that made the layer, not the image; umoci leaves them out too.
constexpr std::array<const char*, 2> kForeignXattrs = {"security.selinux", "system.nfs4_acl"};

FileType file_type(TarType type) {
  switch (type) {
    case TarType::kSymlink:
      return FileType::kSymlink;
    case TarType::kCharDevice:
      return FileType::kCharDevice;
    case TarType::kBlockDevice:
      return FileType::kBlockDevice;
    case TarType::kDirectory:
      return FileType::kDirectory;
    case TarType::kFifo:
      return FileType::kFifo;
    case TarType::kFile:
    case TarType::kHardLink:
      break;
  }
  return FileType::kRegular;
}

void set_metadata(Inode& inode, TarEntry& entry) {
  inode.permissions = entry.permissions;
  inode.uid = entry.uid;
  inode.gid = entry.gid;
  inode.mtime = entry.mtime;
  inode.xattrs = std::move(entry.xattrs);
}

}  // namespace

Status LayerApplier::apply(ByteStream& layer) {
  editor_.begin_layer();
  TarReader reader(layer, limits_);
  TarEntry entry;
  for (;;) {
    THAW_ASSIGN(const bool more, reader.next(entry));
    if (!more) break;
    // The entry's names are moved from as it is applied.
    const std::string path = printable(entry.path);
    Status applied = apply_entry(reader, entry);
    if (!applied.ok()) return about("entry " + path, std::move(applied).error());
  }
  // Digests cover the whole stream.
  return reader.drain();
}

Status LayerApplier::apply_entry(TarReader& reader, TarEntry& entry) {
  THAW_TRY(editor_.count_entry());
  THAW_TRY(check_xattrs(entry));
  THAW_ASSIGN(PathParts folder_path, clean_path(entry.path, limits_));
  if (folder_path.empty()) return apply_to_root(entry);
  const std::string name = std::move(folder_path.back());
  folder_path.pop_back();
  if (name.starts_with(kWhiteout)) return apply_whiteout(folder_path, name);

  THAW_ASSIGN(const InodeIndex folder, editor_.open_directory(folder_path));
  if (entry.type == TarType::kDirectory) return apply_directory(folder, name, entry);
  editor_.remove(folder, name);
  if (entry.type == TarType::kHardLink) return apply_hard_link(folder, name, entry);
  THAW_ASSIGN(Inode inode, make_inode(reader, entry));
  const auto put = editor_.put(folder, name, std::move(inode));
  return put.ok() ? Status() : Status(put.error());
}

Status LayerApplier::apply_to_root(TarEntry& entry) {
  if (entry.type != TarType::kDirectory) return damaged("the image's root can only be a directory");
  set_metadata(tree_.inode(Tree::kRoot), entry);
  return {};
}

Status LayerApplier::apply_whiteout(const PathParts& folder_path, const std::string& name) {
  const auto folder = editor_.find_directory(folder_path);
  if (!folder.ok() && folder.error().code != Code::kDamaged) return folder.error();
  if (name != kOpaque) {
    const std::string hidden = name.substr(kWhiteout.size());
    if (hidden.empty() || hidden == "." || hidden == "..") return damaged("a whiteout that names nothing");
    if (folder.ok() && folder.value()) editor_.hide(*folder.value(), hidden);
    return {};
  }
  if (folder.ok() && folder.value()) editor_.hide_below(*folder.value());
  return {};
}

// A directory that is there already keeps its entries and takes the new metadata.
Status LayerApplier::apply_directory(InodeIndex folder, const std::string& name, TarEntry& entry) {
  const auto existing = editor_.find(folder, name);
  if (existing && tree_.inode(*existing).type == FileType::kDirectory) {
    uint64_t bytes = 0;
    for (const auto& [key, value] : entry.xattrs) bytes += key.size() + value.size();
    THAW_TRY(editor_.count_metadata(bytes));
    set_metadata(tree_.inode(*existing), entry);
    editor_.touch(*existing);
    return {};
  }
  editor_.remove(folder, name);
  Inode inode;
  inode.type = FileType::kDirectory;
  set_metadata(inode, entry);
  const auto put = editor_.put(folder, name, std::move(inode));
  return put.ok() ? Status() : Status(put.error());
}

Status LayerApplier::apply_hard_link(InodeIndex folder, const std::string& name, const TarEntry& entry) {
  THAW_ASSIGN(PathParts target_path, clean_path(entry.link, limits_));
  const std::string what = "hard link to " + printable(entry.link);
  if (target_path.empty()) return damaged(what + ", which is the root");
  const std::string target_name = std::move(target_path.back());
  target_path.pop_back();
  THAW_ASSIGN(const auto target_folder, editor_.find_directory(target_path));
  const auto target = target_folder ? editor_.find(*target_folder, target_name) : std::nullopt;
  if (!target) return damaged(what + ", which no layer has so far");
  if (tree_.inode(*target).type == FileType::kDirectory) return damaged(what + ", which is a directory");
  return editor_.link(folder, name, *target);
}

Result<Inode> LayerApplier::make_inode(TarReader& reader, TarEntry& entry) {
  Inode inode;
  inode.type = file_type(entry.type);
  set_metadata(inode, entry);
  inode.device_major = entry.device_major;
  inode.device_minor = entry.device_minor;
  if (inode.type == FileType::kSymlink) {
    if (entry.link.empty() || entry.link.size() > kMaxTarget) {
      return damaged("a symlink's target of " + std::to_string(entry.link.size()) + " bytes");
    }
    inode.permissions = 0777;
    inode.target = std::move(entry.link);
  }
  if (inode.type == FileType::kRegular) THAW_TRY(read_content(reader, entry, inode));
  return inode;
}

Status LayerApplier::read_content(TarReader& reader, const TarEntry& entry, Inode& inode) {
  if (entry.size > limits_.max_file_bytes) {
    return over_limit("a file of " + std::to_string(entry.size) + " bytes", "max_file_bytes",
                      limits_.max_file_bytes);
  }
  contents_.begin(entry.size);
  for (;;) {
    THAW_ASSIGN(const TarData data, reader.data());
    if (data.bytes.empty()) break;
    THAW_TRY(contents_.skip(data.offset - contents_.offset()));
    THAW_TRY(contents_.write(data.bytes));
    if (contents_.segment_count() * sizeof(Segment) > limits_.max_metadata_bytes) {
      return over_limit("a file's list of segments takes more memory", "max_metadata_bytes",
                        limits_.max_metadata_bytes);
    }
  }
  THAW_ASSIGN(FileContent content, contents_.finish());
  inode.size = entry.size;
  inode.segments = std::move(content.segments);
  inode.content = content.digest;
  return {};
}

Status LayerApplier::check_xattrs(TarEntry& entry) {
  for (const char* name : kForeignXattrs) entry.xattrs.erase(name);
  uint64_t bytes = 0;
  for (const auto& [name, value] : entry.xattrs) bytes += name.size() + value.size();
  if (bytes > limits_.max_xattr_bytes) {
    return over_limit("extended attributes of " + std::to_string(bytes) + " bytes", "max_xattr_bytes",
                      limits_.max_xattr_bytes);
  }
  xattr_bytes_ += bytes;
  if (xattr_bytes_ <= limits_.max_xattr_bytes_total) return {};
  return over_limit("the layers' extended attributes", "max_xattr_bytes_total",
                    limits_.max_xattr_bytes_total);
}

}  // namespace thaw
