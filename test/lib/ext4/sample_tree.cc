#include "test/lib/ext4/sample_tree.h"

#include <random>
#include <stdexcept>

#include "lib/crypto/hash.h"

namespace thaw {
namespace {

Spool open_spool() {
  auto spool = Spool::create("/var/tmp");
  if (!spool.ok()) throw std::runtime_error(spool.error().message);
  return std::move(spool).value();
}

}  // namespace

SampleTree::SampleTree() : spool_(open_spool()) { tree_.inode(Tree::kRoot).mtime = {1700000000, 5}; }

InodeIndex SampleTree::put(std::string_view path, Inode inode) {
  const InodeIndex index = tree_.add(std::move(inode));
  enter(path, index);
  return index;
}

void SampleTree::enter(std::string_view path, InodeIndex index) {
  InodeIndex at = Tree::kRoot;
  for (size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/')) {
    at = tree_.inode(at).entries.at(std::string(path.substr(0, slash)));
    path.remove_prefix(slash + 1);
  }
  tree_.inode(at).entries[std::string(path)] = index;
}

InodeIndex SampleTree::folder(std::string_view path) {
  Inode inode;
  inode.type = FileType::kDirectory;
  inode.permissions = 0755;
  inode.mtime = {1600000000, 123456789};
  return put(path, std::move(inode));
}

InodeIndex SampleTree::file(std::string_view path, std::string_view contents) {
  if (contents.empty()) return sparse_file(path, 0, {});
  return sparse_file(path, contents.size(), {{0, std::string(contents)}});
}

InodeIndex SampleTree::sparse_file(std::string_view path, uint64_t size,
                                   const std::vector<std::pair<uint64_t, std::string>>& parts) {
  Inode inode;
  inode.permissions = 0644;
  inode.mtime = {1650000000, 1};
  inode.size = size;
  Sha256 hash;
  hash.update(as_bytes(std::to_string(size)));
  for (const auto& [offset, bytes] : parts) {
    const auto at = spool_.append(as_bytes(bytes));
    if (!at.ok()) throw std::runtime_error(at.error().message);
    inode.segments.push_back({.offset = offset, .length = bytes.size(), .spool_offset = at.value()});
    hash.update(as_bytes(bytes));
  }
  inode.content = hash.finish();
  return put(path, std::move(inode));
}

InodeIndex SampleTree::link(std::string_view path, std::string_view target) {
  Inode inode;
  inode.type = FileType::kSymlink;
  inode.permissions = 0777;
  inode.mtime = {1650000001, 2};
  inode.target = target;
  return put(path, std::move(inode));
}

InodeIndex SampleTree::special(std::string_view path, FileType type, uint32_t major, uint32_t minor) {
  Inode inode;
  inode.type = type;
  inode.permissions = 0660;
  inode.mtime = {1650000002, 3};
  inode.device_major = major;
  inode.device_minor = minor;
  return put(path, std::move(inode));
}

void SampleTree::hard_link(std::string_view path, InodeIndex index) { enter(path, index); }

std::string noise(uint64_t seed, size_t size) {
  std::mt19937_64 random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

}  // namespace thaw
