#include "lib/ext4/inode_image.h"

#include <algorithm>
#include <cstring>

#include "lib/ext4/directory_blocks.h"
#include "lib/ext4/geometry.h"
#include "lib/ext4/placement.h"

namespace thaw {
namespace {

constexpr uint32_t kMaxLinks = 65000;
constexpr uint64_t kMaxFileBytes = ((uint64_t{1} << 32) - 1) * kBlockSize;
constexpr uint32_t kMaxMajor = 0xfff;
constexpr uint32_t kMaxMinor = 0xfffff;
constexpr size_t kMaxTarget = kBlockSize - 1;

// What the 34 bits of an ext4 timestamp span: 1901 to 2446.
constexpr int64_t kOldestSecond = -(int64_t{1} << 31);
constexpr int64_t kNewestSecond = (int64_t{3} << 32) + (int64_t{1} << 31) - 1;

Error refuse(const FlatTree& flat, Node node, const std::string& why) {
  return Error{Code::kFailed, path_of(*flat.tree, flat.nodes[node].index) + ": " + why};
}

uint16_t mode_bits(FileType type) {
  switch (type) {
    case FileType::kRegular:
      return LINUX_S_IFREG;
    case FileType::kDirectory:
      return LINUX_S_IFDIR;
    case FileType::kSymlink:
      return LINUX_S_IFLNK;
    case FileType::kCharDevice:
      return LINUX_S_IFCHR;
    case FileType::kBlockDevice:
      return LINUX_S_IFBLK;
    case FileType::kFifo:
      return LINUX_S_IFIFO;
    case FileType::kSocket:
      return LINUX_S_IFSOCK;
  }
  return 0;
}

// The kernel has the low 32 bits signed and adds the epoch, two bits beside the nanoseconds.
void set_times(ext2_inode_large& inode, const Timestamp& mtime) {
  const int64_t seconds = std::clamp(mtime.seconds, kOldestSecond, kNewestSecond);
  const auto low = static_cast<uint32_t>(static_cast<uint64_t>(seconds));
  const auto epoch = static_cast<uint32_t>((seconds - static_cast<int32_t>(low)) >> 32) & 3U;
  const uint32_t extra = epoch | (mtime.nanoseconds << 2);
  inode.i_atime = inode.i_ctime = inode.i_mtime = inode.i_crtime = low;
  inode.i_atime_extra = inode.i_ctime_extra = inode.i_mtime_extra = inode.i_crtime_extra = extra;
}

Result<uint16_t> link_count(const FlatTree& flat, Node node) {
  const FlatNode& flat_node = flat.nodes[node];
  if (flat.inode(node).type == FileType::kDirectory) {
    // With dir_nlink, 1 says "more than can be counted".
    const uint32_t links = flat_node.subfolders + 2;
    return static_cast<uint16_t>(links > kMaxLinks ? 1 : links);
  }
  if (flat_node.names > kMaxLinks) {
    return refuse(flat, node, std::to_string(flat_node.names) + " hard links, ext4 holds 65000; remove some");
  }
  return static_cast<uint16_t>(flat_node.names);
}

Status set_device(const FlatTree& flat, Node node, ext2_inode_large& inode) {
  const uint32_t major = flat.inode(node).device_major;
  const uint32_t minor = flat.inode(node).device_minor;
  if (major > kMaxMajor || minor > kMaxMinor) {
    return refuse(flat, node,
                  "device number " + std::to_string(major) + ":" + std::to_string(minor) +
                      " is larger than ext4 holds (4095:1048575); remove it from the image");
  }
  if (major < 256 && minor < 256) {
    inode.i_block[0] = (major << 8) | minor;
  } else {
    inode.i_block[1] = (minor & 0xffU) | (major << 8) | ((minor & ~0xffU) << 12);
  }
  return {};
}

Status set_target(const FlatTree& flat, Node node, ext2_inode_large& inode) {
  const std::string& target = flat.inode(node).target;
  if (target.empty() || target.size() > kMaxTarget) {
    return refuse(flat, node,
                  "link target of " + std::to_string(target.size()) +
                      " bytes, ext4 holds 1 to 4095; remove it from the image");
  }
  if (!target_takes_block(flat.inode(node))) std::memcpy(inode.i_block, target.data(), target.size());
  return {};
}

uint64_t size_of(const Inode& inode) {
  switch (inode.type) {
    case FileType::kRegular:
      return inode.size;
    case FileType::kDirectory:
      return directory_block_count(inode) * kBlockSize;
    case FileType::kSymlink:
      return inode.target.size();
    default:
      return 0;
  }
}

}  // namespace

Result<ext2_inode_large> make_inode(const FlatTree& flat, Node node) {
  const Inode& source = flat.inode(node);
  ext2_inode_large inode{};
  inode.i_mode = static_cast<uint16_t>(mode_bits(source.type) | (source.permissions & 07777));
  inode.i_uid = static_cast<uint16_t>(source.uid);
  inode.osd2.linux2.l_i_uid_high = static_cast<uint16_t>(source.uid >> 16);
  inode.i_gid = static_cast<uint16_t>(source.gid);
  inode.osd2.linux2.l_i_gid_high = static_cast<uint16_t>(source.gid >> 16);
  inode.i_extra_isize = sizeof(ext2_inode_large) - EXT2_GOOD_OLD_INODE_SIZE;
  set_times(inode, source.mtime);
  THAW_ASSIGN(inode.i_links_count, link_count(flat, node));

  const uint64_t size = size_of(source);
  if (size > kMaxFileBytes) {
    return refuse(flat, node,
                  format_size(size) + " is larger than an ext4 file can be (16 TiB); make it smaller");
  }
  inode.i_size = static_cast<uint32_t>(size);
  inode.i_size_high = static_cast<uint32_t>(size >> 32);

  const bool is_device = source.type == FileType::kCharDevice || source.type == FileType::kBlockDevice;
  if (is_device) THAW_TRY(set_device(flat, node, inode));
  if (source.type == FileType::kSymlink) THAW_TRY(set_target(flat, node, inode));
  return inode;
}

}  // namespace thaw
