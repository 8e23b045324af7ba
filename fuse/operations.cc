#include "fuse/operations.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <fcntl.h>
#include <algorithm>
#include <cerrno>

namespace thaw {
namespace {

constexpr uint64_t kSelfOffset = 1;    // readdir's offset behind "."
constexpr uint64_t kParentOffset = 2;  // and behind ".."
constexpr size_t kMaxListingBytes = 64 * 1024;

// A file never changes while it has its name, so that its attributes stay true; names come and go, so that
// they are asked for each time.
constexpr double kAttributeSeconds = 86400;
constexpr double kEntrySeconds = 0;

// What loop devices ask for is in the background, and all images share the connection: mounts that wait for
// the store must not fill it. Room for 256 of them; a loop device has 128 requests at most.
constexpr unsigned kMaxBackground = 256 * 128;
constexpr unsigned kCongestionThreshold = kMaxBackground / 4 * 3;

FolderContext& context_of(fuse_req_t request) {
  return *static_cast<FolderContext*>(fuse_req_userdata(request));
}

struct stat folder_attributes() {
  struct stat attributes {};
  attributes.st_ino = FUSE_ROOT_ID;
  attributes.st_mode = S_IFDIR | 0500;
  attributes.st_nlink = 2;
  return attributes;
}

struct stat attributes_of(const BlockFile& file) {
  struct stat attributes {};
  attributes.st_ino = inode_of(file.name);
  attributes.st_mode = S_IFREG | 0400;
  attributes.st_nlink = 1;
  attributes.st_size = static_cast<off_t>(file.size);
  attributes.st_blocks = static_cast<blkcnt_t>((file.size + 511) / 512);
  attributes.st_blksize = kMaxReadBytes;
  return attributes;
}

void init(void*, fuse_conn_info* connection) {
  connection->max_read = kMaxReadBytes;
  connection->max_background = kMaxBackground;
  connection->congestion_threshold = kCongestionThreshold;
  // The contents never change: there is nothing to look for again, and nothing to throw away.
  connection->want &=
      ~static_cast<unsigned>(FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_SPLICE_READ |
                             FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
  connection->want |= connection->capable & FUSE_CAP_EXPLICIT_INVAL_DATA;
}

void lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
  if (parent != FUSE_ROOT_ID) {
    fuse_reply_err(request, ENOTDIR);
    return;
  }
  const auto file = context_of(request).files.find(inode_of(name));
  if (!file || file->name != name) {
    fuse_reply_err(request, ENOENT);
    return;
  }
  fuse_entry_param entry{};
  entry.attr = attributes_of(*file);
  entry.ino = entry.attr.st_ino;
  entry.attr_timeout = kAttributeSeconds;
  entry.entry_timeout = kEntrySeconds;
  fuse_reply_entry(request, &entry);
}

void getattr(fuse_req_t request, fuse_ino_t inode, fuse_file_info*) {
  struct stat attributes = folder_attributes();
  if (inode != FUSE_ROOT_ID) {
    const auto file = context_of(request).files.find(inode);
    if (!file) {
      fuse_reply_err(request, ENOENT);
      return;
    }
    attributes = attributes_of(*file);
  }
  fuse_reply_attr(request, &attributes, kAttributeSeconds);
}

void open(fuse_req_t request, fuse_ino_t inode, fuse_file_info* info) {
  if (!context_of(request).files.find(inode)) {
    fuse_reply_err(request, ENOENT);
    return;
  }
  if ((info->flags & O_ACCMODE) != O_RDONLY) {
    fuse_reply_err(request, EROFS);
    return;
  }
  info->fh = 0;  // a handle of this process would mean nothing to the next one
  info->keep_cache = 1;
  info->noflush = 1;  // a FLUSH cannot be interrupted: a reader's exit would hang on a process that is gone
  fuse_reply_open(request, info);
}

void read(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset, fuse_file_info*) {
  FolderContext& context = context_of(request);
  const auto file = context.files.find(inode);
  if (!file) {
    fuse_reply_err(request, EIO);
    return;
  }
  const auto start = static_cast<uint64_t>(offset);
  if (start >= file->size || size == 0) {
    fuse_reply_buf(request, nullptr, 0);
    return;
  }
  const uint64_t length =
      std::min({static_cast<uint64_t>(size), file->size - start, uint64_t{kMaxReadBytes}});
  context.open_reads.fetch_add(1, std::memory_order_relaxed);
  context.files.read(inode, start,
                     ReadReply(context.sink, context.counters, request, static_cast<uint32_t>(length)));
}

// Fills one answer to readdir, entry by entry.
class Listing {
 public:
  Listing(fuse_req_t request, size_t size) : request_(request), bytes_(std::min(size, kMaxListingBytes)) {}

  // False when the entry has no room any more. A reader that comes back with `offset` goes on behind it.
  bool add(const char* name, const struct stat& attributes, uint64_t offset) {
    char* end = bytes_.data() + used_;
    const size_t room = bytes_.size() - used_;
    const size_t needed =
        fuse_add_direntry(request_, end, room, name, &attributes, static_cast<off_t>(offset));
    if (needed > room) return false;
    used_ += needed;
    return true;
  }

  void reply() { fuse_reply_buf(request_, bytes_.data(), used_); }

 private:
  fuse_req_t request_;
  std::vector<char> bytes_;
  size_t used_ = 0;
};

// Offsets are inode numbers in ascending order, so that a reader misses and repeats nothing while files come
// and go, or while one process takes over from another.
void add_files(Listing& listing, const BlockFiles& files, uint64_t after) {
  std::vector<BlockFile> all = files.list();
  std::sort(all.begin(), all.end(),
            [](const BlockFile& a, const BlockFile& b) { return inode_of(a.name) < inode_of(b.name); });
  for (const BlockFile& file : all) {
    const uint64_t inode = inode_of(file.name);
    if (inode > after && !listing.add(file.name.c_str(), attributes_of(file), inode)) return;
  }
}

void readdir(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset, fuse_file_info*) {
  if (inode != FUSE_ROOT_ID) {
    fuse_reply_err(request, ENOTDIR);
    return;
  }
  Listing listing(request, size);
  const auto after = static_cast<uint64_t>(offset);
  const struct stat folder = folder_attributes();
  const bool room = (after >= kSelfOffset || listing.add(".", folder, kSelfOffset)) &&
                    (after >= kParentOffset || listing.add("..", folder, kParentOffset));
  if (room) add_files(listing, context_of(request).files, after);
  listing.reply();
}

void statfs(fuse_req_t request, fuse_ino_t) {
  struct statvfs info {};
  info.f_bsize = 4096;
  info.f_frsize = 4096;
  info.f_namemax = 255;
  for (const BlockFile& file : context_of(request).files.list()) {
    info.f_blocks += (file.size + 4095) / 4096;
    ++info.f_files;
  }
  fuse_reply_statfs(request, &info);
}

}  // namespace

fuse_lowlevel_ops folder_operations() {
  fuse_lowlevel_ops operations{};
  operations.init = init;
  operations.lookup = lookup;
  operations.getattr = getattr;
  operations.open = open;
  operations.read = read;
  operations.readdir = readdir;
  operations.statfs = statfs;
  return operations;
}

}  // namespace thaw
