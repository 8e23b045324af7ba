#include "test/bench/tar_tree.h"

#include <archive.h>
#include <archive_entry.h>

#include <memory>

#include "lib/base/units.h"
#include "lib/crypto/hash.h"

namespace thaw {
namespace {

struct FreeArchive {
  void operator()(archive* reader) const { archive_read_free(reader); }
};
using Reader = std::unique_ptr<archive, FreeArchive>;

class TarReader {
 public:
  TarReader(Reader reader, Spool& spool) : reader_(std::move(reader)), spool_(spool) {}

  Result<Tree> read() {
    archive_entry* entry = nullptr;
    int status = ARCHIVE_OK;
    while ((status = archive_read_next_header(reader_.get(), &entry)) == ARCHIVE_OK) THAW_TRY(add(entry));
    if (status != ARCHIVE_EOF) return failure();
    tree_.count_links();
    return std::move(tree_);
  }

 private:
  Error failure() const { return Error{Code::kDamaged, archive_error_string(reader_.get())}; }

  // The inode at `path`, without "./" and slashes at its end; made as a directory where it is missing.
  InodeIndex folder_of(std::string_view path, std::string& name) {
    InodeIndex at = Tree::kRoot;
    name.clear();
    while (!path.empty()) {
      const size_t slash = std::min(path.find('/'), path.size());
      const std::string part(path.substr(0, slash));
      path.remove_prefix(std::min(path.size(), slash + 1));
      if (part.empty() || part == ".") continue;
      if (!name.empty()) at = tree_.inode(at).entries.at(name);
      name = part;
    }
    return at;
  }

  Status add(archive_entry* entry) {
    std::string name;
    const InodeIndex folder = folder_of(archive_entry_pathname(entry), name);
    if (const char* link = archive_entry_hardlink(entry)) {
      std::string other;
      const InodeIndex holder = folder_of(link, other);
      tree_.inode(folder).entries[name] = tree_.inode(holder).entries.at(other);
      return {};
    }
    Inode inode;
    describe(entry, inode);
    if (inode.type == FileType::kRegular) THAW_TRY(spool_contents(inode));
    if (name.empty()) {
      inode.entries = std::move(tree_.inode(Tree::kRoot).entries);
      tree_.inode(Tree::kRoot) = std::move(inode);
    } else {
      tree_.inode(folder).entries[name] = tree_.add(std::move(inode));
    }
    return {};
  }

  static void describe(archive_entry* entry, Inode& inode) {
    switch (archive_entry_filetype(entry)) {
      case AE_IFDIR:
        inode.type = FileType::kDirectory;
        break;
      case AE_IFLNK:
        inode.type = FileType::kSymlink;
        break;
      case AE_IFCHR:
        inode.type = FileType::kCharDevice;
        break;
      case AE_IFBLK:
        inode.type = FileType::kBlockDevice;
        break;
      case AE_IFIFO:
        inode.type = FileType::kFifo;
        break;
      default:
        inode.type = FileType::kRegular;
    }
    inode.permissions = static_cast<uint16_t>(archive_entry_perm(entry));
    inode.uid = static_cast<uint32_t>(archive_entry_uid(entry));
    inode.gid = static_cast<uint32_t>(archive_entry_gid(entry));
    inode.mtime = {archive_entry_mtime(entry), static_cast<uint32_t>(archive_entry_mtime_nsec(entry))};
    inode.device_major = static_cast<uint32_t>(archive_entry_rdevmajor(entry));
    inode.device_minor = static_cast<uint32_t>(archive_entry_rdevminor(entry));
    if (const char* target = archive_entry_symlink(entry)) inode.target = target;
    inode.size = static_cast<uint64_t>(archive_entry_size(entry));
    archive_entry_xattr_reset(entry);
    const char* name = nullptr;
    const void* value = nullptr;
    size_t size = 0;
    while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
      inode.xattrs[name] = std::string(static_cast<const char*>(value), size);
    }
  }

  Status spool_contents(Inode& inode) {
    Sha256 hash;
    const void* data = nullptr;
    size_t length = 0;
    la_int64_t offset = 0;
    int status = ARCHIVE_OK;
    while ((status = archive_read_data_block(reader_.get(), &data, &length, &offset)) == ARCHIVE_OK) {
      if (length == 0) continue;
      const ByteView bytes(static_cast<const uint8_t*>(data), length);
      hash.update(bytes);
      THAW_ASSIGN(const uint64_t at, spool_.append(bytes));
      inode.segments.push_back({static_cast<uint64_t>(offset), length, at});
    }
    if (status != ARCHIVE_EOF) return failure();
    inode.content = hash.finish();
    return {};
  }

  Reader reader_;
  Spool& spool_;
  Tree tree_;
};

}  // namespace

Result<Tree> read_tar(const std::string& path, Spool& spool) {
  Reader reader(archive_read_new());
  archive_read_support_format_tar(reader.get());
  archive_read_support_filter_all(reader.get());
  if (archive_read_open_filename(reader.get(), path.c_str(), kMiB) != ARCHIVE_OK) {
    return Error{Code::kNotFound, path + ": " + archive_error_string(reader.get())};
  }
  return TarReader(std::move(reader), spool).read();
}

}  // namespace thaw
