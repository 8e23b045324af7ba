#include "lib/ext4/inode_writer.h"

#include <array>
#include <memory>

#include "lib/ext4/inode_image.h"
#include "lib/ext4/superblock.h"

namespace thaw {
namespace {

constexpr uint64_t kSideSalt = 0x7369646520626c6bU;

struct FreeExtents {
  void operator()(ext2_extent_handle_t handle) const { ext2fs_extent_free(handle); }
};
using Extents = std::unique_ptr<ext2_extent_handle, FreeExtents>;

struct FreeXattrs {
  void operator()(ext2_xattr_handle* handle) const { ext2fs_xattrs_close(&handle); }
};
using Xattrs = std::unique_ptr<ext2_xattr_handle, FreeXattrs>;

// What can be set on no Linux filesystem comes from other systems' archives. Stored it would do harm: Linux
// lists it and refuses to read it, so that no file that has it could be copied.
bool can_be_set(FileType type, std::string_view name) {
  constexpr std::array<std::string_view, 4> kSpaces = {"user.", "trusted.", "security.", "system."};
  const bool directory = type == FileType::kDirectory;
  if (name.starts_with("user.") && !directory && type != FileType::kRegular) return false;
  if (name == "system.posix_acl_access") return type != FileType::kSymlink;
  if (name == "system.posix_acl_default") return directory;
  for (const std::string_view space : kSpaces) {
    if (name.starts_with(space)) return name.size() > space.size();
  }
  return false;
}

}  // namespace

InodeWriter::InodeWriter(const FlatTree& flat, Placement& placement, ext2_filsys fs)
    : flat_(flat), placement_(placement), fs_(fs) {
  fs_->priv_data = this;
  ext2fs_set_alloc_block_callback(fs_, allocate_block, nullptr);
}

InodeWriter::~InodeWriter() { ext2fs_set_alloc_block_callback(fs_, nullptr, nullptr); }

Status InodeWriter::write(Node node) {
  node_ = node;
  THAW_ASSIGN(ext2_inode_large inode, make_inode(flat_, node));
  const uint32_t number = placement_.numbers[node];
  const bool is_directory = flat_.inode(node).type == FileType::kDirectory;
  ext2fs_inode_alloc_stats2(fs_, number, +1, is_directory ? 1 : 0);
  THAW_TRY(write_extents(node, inode));
  if (!flat_.inode(node).xattrs.empty()) THAW_TRY(write_xattrs(node));
  return {};
}

Status InodeWriter::write_extents(Node node, ext2_inode_large& inode) {
  const uint32_t number = placement_.numbers[node];
  auto* basic = reinterpret_cast<ext2_inode*>(&inode);
  const FileType type = flat_.inode(node).type;
  const bool has_extents = type == FileType::kRegular || !placement_.extents[node].empty();
  if (has_extents) {
    uint64_t blocks = 0;
    for (const Extent& extent : placement_.extents[node]) {
      ext2fs_block_alloc_stats_range(fs_, extent.device_block, static_cast<blk_t>(extent.count), +1);
      blocks += extent.count;
    }
    inode.i_flags |= EXT4_EXTENTS_FL;
    ext2fs_iblk_set(fs_, basic, blocks);
    // The tree's nodes are written with the inode; it must be in its place first.
    errcode_t error = ext2fs_write_inode_full(fs_, number, basic, sizeof inode);
    ext2_extent_handle_t opened = nullptr;
    if (!error) error = ext2fs_extent_open2(fs_, number, basic, &opened);
    const Extents handle(opened);
    for (const Extent& extent : placement_.extents[node]) {
      if (error) break;
      ext2fs_extent entry{};
      entry.e_lblk = extent.file_block;
      entry.e_pblk = extent.device_block;
      entry.e_len = static_cast<uint32_t>(extent.count);
      error = ext2fs_extent_insert(handle.get(), EXT2_EXTENT_INSERT_AFTER, &entry);
    }
    if (error) return ext2fs_failure(where(node) + ": writing its extents", error);
  }
  const errcode_t error = ext2fs_write_inode_full(fs_, number, basic, sizeof inode);
  if (error) return ext2fs_failure(where(node) + ": writing its inode", error);
  return {};
}

Status InodeWriter::write_xattrs(Node node) {
  ext2_xattr_handle* opened = nullptr;
  errcode_t error = ext2fs_xattrs_open(fs_, placement_.numbers[node], &opened);
  const Xattrs handle(opened);
  if (!error) error = ext2fs_xattrs_read(handle.get());
  for (const auto& [name, value] : flat_.inode(node).xattrs) {
    if (error) break;
    if (!can_be_set(flat_.inode(node).type, name)) continue;
    error = ext2fs_xattr_set(handle.get(), name.c_str(), value.data(), value.size());
    if (error && error != EXT2_ET_EA_NO_SPACE)
      return ext2fs_failure(where(node) + ": extended attribute " + name, error);
  }
  if (!error) error = ext2fs_xattrs_write(handle.get());
  if (error == EXT2_ET_EA_NO_SPACE) {
    return Error{Code::kFailed, where(node) +
                                    ": its extended attributes take more than the one block that ext4 "
                                    "gives them; make them smaller"};
  }
  if (error) return ext2fs_failure(where(node) + ": writing its extended attributes", error);
  return {};
}

std::string InodeWriter::where(Node node) const { return path_of(*flat_.tree, flat_.nodes[node].index); }

errcode_t InodeWriter::allocate_block(ext2_filsys fs, blk64_t, blk64_t* block) {
  return static_cast<InodeWriter*>(fs->priv_data)->next_side_block(block);
}

// One side slot for each inode slot that needs any, so that what is special in one place moves nothing
// elsewhere.
errcode_t InodeWriter::next_side_block(blk64_t* block) {
  const uint64_t inode_slot = (placement_.numbers[node_] - 1) / placement_.geometry.inodes_per_chunk();
  if (side_block_ == side_end_ || inode_slot != side_inode_slot_) {
    const auto slot = placement_.data_slots.take(mix(flat_.nodes[node_].path_hash ^ kSideSalt), 1);
    if (!slot) return EXT2_ET_BLOCK_ALLOC_FAIL;
    side_inode_slot_ = inode_slot;
    side_block_ = placement_.geometry.data_slot_block(*slot);
    side_end_ = side_block_ + placement_.geometry.chunk_blocks();
  }
  *block = side_block_++;
  return 0;
}

}  // namespace thaw
