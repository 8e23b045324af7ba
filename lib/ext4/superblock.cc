#include "lib/ext4/superblock.h"

#include <algorithm>
#include <bit>

#include "lib/ext4/block_map_io.h"
#include "lib/ext4/identity.h"

namespace thaw {
namespace {

// Only hashed directories would use it, and there are none.
constexpr std::array<uint8_t, 16> kHashSeed = {'t', 'h', 'a', 'w', ' ', 'e', 'x', 't',
                                               '4', ' ', 's', 'e', 'e', 'd', ' ', '1'};

ext2_super_block parameters(const Geometry& geometry) {
  ext2_super_block super{};
  super.s_rev_level = EXT2_DYNAMIC_REV;
  super.s_log_block_size = 2;
  super.s_log_cluster_size = 2;
  super.s_blocks_count = static_cast<uint32_t>(geometry.blocks());
  super.s_inodes_count = static_cast<uint32_t>(geometry.inodes());
  super.s_blocks_per_group = kBlocksPerGroup;
  super.s_inode_size = kInodeSize;
  super.s_first_ino = kFirstFreeInode;
  super.s_log_groups_per_flex = static_cast<uint8_t>(std::bit_width(geometry.groups() - 1));
  super.s_feature_compat = EXT2_FEATURE_COMPAT_EXT_ATTR | EXT4_FEATURE_COMPAT_SPARSE_SUPER2;
  super.s_feature_incompat =
      EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_EXTENTS | EXT4_FEATURE_INCOMPAT_FLEX_BG;
  super.s_feature_ro_compat = EXT2_FEATURE_RO_COMPAT_LARGE_FILE | EXT4_FEATURE_RO_COMPAT_HUGE_FILE |
                              EXT4_FEATURE_RO_COMPAT_DIR_NLINK | EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE;
  return super;
}

// What ext2fs_initialize takes from the clock or leaves open.
void complete(ext2_super_block& super, const Identity& identity) {
  std::copy(identity.uuid.begin(), identity.uuid.end(), super.s_uuid);
  std::copy(kHashSeed.begin(), kHashSeed.end(), reinterpret_cast<uint8_t*>(super.s_hash_seed));
  super.s_def_hash_version = EXT2_HASH_HALF_MD4;
  super.s_flags = EXT2_FLAGS_SIGNED_HASH;
  super.s_mkfs_time = super.s_lastcheck = super.s_wtime = identity.seconds;
  super.s_checkinterval = 0;
  super.s_max_mnt_count = -1;
  super.s_errors = EXT2_ERRORS_RO;
  super.s_min_extra_isize = super.s_want_extra_isize = sizeof(ext2_inode_large) - EXT2_GOOD_OLD_INODE_SIZE;
  super.s_default_mount_opts = EXT2_DEFM_XATTR_USER | EXT2_DEFM_ACL;
}

void place_tables(ext2_filsys fs, const Geometry& geometry) {
  for (dgrp_t group = 0; group < fs->group_desc_count; ++group) {
    ext2fs_block_bitmap_loc_set(fs, group, geometry.block_bitmap(group));
    ext2fs_inode_bitmap_loc_set(fs, group, geometry.inode_bitmap(group));
    ext2fs_inode_table_loc_set(fs, group, geometry.inode_table(group));
  }
  const uint64_t groups = geometry.groups();
  ext2fs_block_alloc_stats_range(fs, geometry.block_bitmap(0), static_cast<blk_t>(2 * groups), +1);
  ext2fs_block_alloc_stats_range(fs, geometry.inode_table(0),
                                 static_cast<blk_t>(groups * kTableBlocksPerGroup), +1);
}

}  // namespace

Identity identify(const FlatTree& flat) { return {.uuid = uuid_of(flat), .seconds = newest_second(flat)}; }

Result<Filesystem> open_filesystem(BlockMap& map, const Geometry& geometry, const Identity& identity) {
  ext2_super_block super = parameters(geometry);
  ext2_filsys opened = nullptr;
  {
    const BlockMapChannel channel(map);
    const errcode_t error =
        ext2fs_initialize("image", EXT2_FLAG_64BITS, &super, block_map_io_manager(), &opened);
    if (error) return ext2fs_failure("laying out the filesystem", error);
  }
  Filesystem fs(opened);
  fs->now = static_cast<time_t>(identity.seconds);
  fs->umask = 022;
  complete(*fs->super, identity);
  place_tables(fs.get(), geometry);
  for (ext2_ino_t inode = 1; inode < kFirstFreeInode; ++inode) {
    if (inode != EXT2_ROOT_INO) ext2fs_inode_alloc_stats2(fs.get(), inode, +1, 0);
  }
  return fs;
}

Status flush(const Filesystem& filesystem) {
  ext2fs_mark_super_dirty(filesystem.get());
  ext2fs_mark_ib_dirty(filesystem.get());
  ext2fs_mark_bb_dirty(filesystem.get());
  const errcode_t error = ext2fs_flush2(filesystem.get(), EXT2_FLAG_FLUSH_NO_SYNC);
  if (error) return ext2fs_failure("writing the superblock", error);
  return {};
}

Error ext2fs_failure(const std::string& what, errcode_t error) {
  // Without its table, an error of the library is a number.
  static const bool has_texts = [] {
    initialize_ext2_error_table();
    return true;
  }();
  (void)has_texts;
  return Error{Code::kFailed, what + ": " + error_message(error)};
}

}  // namespace thaw
