#include "lib/ext4/identity.h"

#include <algorithm>
#include <limits>

#include "lib/crypto/hash.h"

namespace thaw {
namespace {

constexpr std::string_view kPurpose = "thaw flattened tree v1";

// Feeds integers as 8 little-endian bytes and texts with their length, so that no two trees read alike.
class TreeHash {
 public:
  void number(uint64_t value) {
    std::array<uint8_t, 8> bytes{};
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(value >> (8 * i));
    hash_.update(bytes);
  }

  void text(std::string_view value) {
    number(value.size());
    hash_.update(as_bytes(value));
  }

  void inode(const Inode& inode) {
    number(static_cast<uint64_t>(inode.type));
    number(inode.permissions);
    number(inode.uid);
    number(inode.gid);
    number(static_cast<uint64_t>(inode.mtime.seconds));
    number(inode.mtime.nanoseconds);
    number(inode.xattrs.size());
    for (const auto& [name, value] : inode.xattrs) {
      text(name);
      text(value);
    }
    text(inode.target);
    number(inode.device_major);
    number(inode.device_minor);
    number(inode.size);
    hash_.update(inode.content.view());
    const auto runs = data_blocks(inode);
    number(runs.size());
    for (const BlockRun& run : runs) {
      number(run.first);
      number(run.count);
    }
  }

  Digest finish() { return hash_.finish(); }

 private:
  Sha256 hash_;
};

}  // namespace

std::array<uint8_t, 16> uuid_of(const FlatTree& flat) {
  TreeHash hash;
  hash.text(kPurpose);
  hash.number(flat.nodes.size());
  for (Node node = 0; node < flat.nodes.size(); ++node) {
    const Inode& inode = flat.inode(node);
    hash.inode(inode);
    // Names are hashed with their directory, and hard links by the node that they share.
    hash.number(inode.entries.size());
    for (const auto& [name, index] : inode.entries) {
      hash.text(name);
      hash.number(flat.node_of(index));
    }
  }
  const Digest digest = hash.finish();
  std::array<uint8_t, 16> uuid{};
  std::copy_n(digest.bytes.begin(), uuid.size(), uuid.begin());
  uuid[6] = static_cast<uint8_t>((uuid[6] & 0x0f) | 0x80);
  uuid[8] = static_cast<uint8_t>((uuid[8] & 0x3f) | 0x80);
  return uuid;
}

uint32_t newest_second(const FlatTree& flat) {
  int64_t newest = 1;
  for (const FlatNode& node : flat.nodes)
    newest = std::max(newest, flat.tree->inode(node.index).mtime.seconds);
  return static_cast<uint32_t>(std::min<int64_t>(newest, std::numeric_limits<uint32_t>::max()));
}

}  // namespace thaw
