#include "lib/oci/blob_files.h"

#include <sys/stat.h>

#include <cerrno>

#include "lib/oci/context.h"
#include "lib/oci/decoder.h"
#include "lib/oci/stream_guards.h"
#include "lib/oci/tar_reader.h"
#include "lib/oci/tree_editor.h"
#include "lib/tree/spool.h"

namespace thaw {
namespace {

class DirectoryFiles final : public BlobFiles {
 public:
  explicit DirectoryFiles(std::string folder) : folder_(std::move(folder)) {}

  Result<BlobFile> open(const std::string& path) override {
    THAW_ASSIGN(OpenFile file, open_regular_file(folder_ + "/" + path));
    const uint64_t size = file.size;
    return BlobFile{std::make_unique<FileStream>(std::move(file.fd), FileRange{0, size}), size};
  }

 private:
  const std::string folder_;
};

// What an archive has under a name: bytes, or another name.
struct ArchiveMember {
  FileRange range;
  std::string link;  // cleaned; empty: none
};

// A range of a spool as a stream.
class SpoolStream final : public ByteStream {
 public:
  SpoolStream(const Spool& spool, FileRange range) : spool_(spool), range_(range) {}

  Result<Buffer> next() override {
    Buffer buffer(static_cast<size_t>(std::min<uint64_t>(kStreamBytes, range_.length)));
    if (buffer.empty()) return buffer;
    THAW_TRY(spool_.read(range_.offset, buffer.mutable_view()));
    range_.offset += buffer.size();
    range_.length -= buffer.size();
    return buffer;
  }

  uint64_t skip(uint64_t bytes) override {
    const uint64_t passed = std::min(bytes, range_.length);
    range_.offset += passed;
    range_.length -= passed;
    return passed;
  }

 private:
  const Spool& spool_;
  FileRange range_;
};

std::string join(const PathParts& parts) {
  std::string path;
  for (const std::string& part : parts) path += (path.empty() ? "" : "/") + part;
  return path;
}

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/') + 1); }

class ArchiveFiles final : public BlobFiles {
 public:
  ArchiveFiles(OpenFile file, const Limits& limits) : file_(std::move(file)), limits_(limits) {}

  // Replaces the file by its uncompressed bytes, where it is compressed.
  Status decompress(const std::string& spool_folder);
  Status index();
  Result<BlobFile> open(const std::string& path) override;

 private:
  std::unique_ptr<ByteStream> stream(FileRange range) const {
    if (spool_) return std::make_unique<SpoolStream>(*spool_, range);
    return std::make_unique<FileStream>(file_.fd.get(), range);
  }
  Status add(const TarEntry& entry, uint64_t position);

  const OpenFile file_;
  const Limits& limits_;
  std::optional<Spool> spool_;
  std::map<std::string, ArchiveMember> members_;
  uint64_t name_bytes_ = 0;
};

Status ArchiveFiles::decompress(const std::string& spool_folder) {
  std::array<uint8_t, 4> magic{};
  if (file_.size < magic.size()) return damaged("not a tar archive");
  THAW_TRY(read_exact(file_.fd.get(), 0, magic));
  const bool gzip = magic[0] == 0x1f && magic[1] == 0x8b;
  const bool zstd = magic == std::array<uint8_t, 4>{0x28, 0xb5, 0x2f, 0xfd};
  // Refuses by name what we cannot read.
  THAW_ASSIGN(auto decoded, decode(stream({0, file_.size})));
  if (!gzip && !zstd) return {};
  ExpandedBytes expanded;
  ExpansionGuard guarded(std::move(decoded), file_.size, limits_, expanded);
  THAW_ASSIGN(Spool spool, Spool::create(spool_folder));
  for (;;) {
    THAW_ASSIGN(const Buffer buffer, guarded.next());
    if (buffer.empty()) break;
    const auto written = spool.append(buffer.view());
    if (!written.ok()) return written.error();
  }
  spool_ = std::move(spool);
  return {};
}

Status ArchiveFiles::index() {
  const auto bytes = stream({0, spool_ ? spool_->size() : file_.size});
  TarReader reader(*bytes, limits_);
  TarEntry entry;
  for (;;) {
    THAW_ASSIGN(const bool more, reader.next(entry));
    if (!more) return {};
    THAW_TRY(add(entry, reader.position()));
  }
}

Status ArchiveFiles::add(const TarEntry& entry, uint64_t position) {
  THAW_ASSIGN(const PathParts parts, clean_path(entry.path, limits_));
  ArchiveMember found;
  if (entry.type == TarType::kFile) {
    if (entry.sparse) return damaged("entry " + printable(entry.path) + " is stored as a sparse file");
    found.range = {position, entry.size};
  } else if (entry.type == TarType::kSymlink || entry.type == TarType::kHardLink) {
    const bool beside = entry.type == TarType::kSymlink && !entry.link.starts_with('/');
    const std::string target = (beside ? parent_of(join(parts)) : "") + entry.link;
    THAW_ASSIGN(const PathParts target_parts, clean_path(target, limits_));
    found.link = join(target_parts);
  } else {
    return {};
  }
  std::string path = join(parts);
  name_bytes_ += path.size() + found.link.size() + sizeof(ArchiveMember);
  if (members_.size() >= limits_.max_entries) {
    return over_limit("the archive's entries", "max_entries", limits_.max_entries);
  }
  if (name_bytes_ > limits_.max_metadata_bytes) {
    return over_limit("the archive's names", "max_metadata_bytes", limits_.max_metadata_bytes);
  }
  members_.insert_or_assign(std::move(path), std::move(found));
  return {};
}

Result<BlobFile> ArchiveFiles::open(const std::string& path) {
  constexpr int kMaxLinks = 8;
  auto found = members_.find(path);
  for (int links = 0; found != members_.end(); ++links) {
    const ArchiveMember& entry = found->second;
    if (entry.link.empty()) return BlobFile{stream(entry.range), entry.range.length};
    if (links == kMaxLinks) return damaged(printable(path) + ": too many symlinks in the archive");
    found = members_.find(entry.link);
  }
  return Error{Code::kNotFound, printable(path) + ": the archive has no such file"};
}

}  // namespace

Result<std::unique_ptr<BlobFiles>> open_directory_files(const std::string& folder) {
  struct stat info {};
  if (::stat(folder.c_str(), &info) != 0) return system_error(folder, errno);
  if (!S_ISDIR(info.st_mode))
    return Error{Code::kUsage, folder + ": not a directory; of an archive use oci-archive:FILE"};
  return std::unique_ptr<BlobFiles>(std::make_unique<DirectoryFiles>(folder));
}

Result<std::unique_ptr<BlobFiles>> open_archive_files(const std::string& file,
                                                      const std::string& spool_folder, const Limits& limits) {
  struct stat info {};
  if (::stat(file.c_str(), &info) == 0 && S_ISDIR(info.st_mode))
    return Error{Code::kUsage, file + ": a directory and no archive; of an OCI layout use oci:DIR"};
  THAW_ASSIGN(OpenFile opened, open_regular_file(file));
  auto files = std::make_unique<ArchiveFiles>(std::move(opened), limits);
  Status ready = files->decompress(spool_folder);
  if (ready.ok()) ready = files->index();
  if (!ready.ok()) return about(file, std::move(ready).error());
  return std::unique_ptr<BlobFiles>(std::move(files));
}

Result<std::string> read_small(ByteStream& stream, const Limits& limits) {
  std::string text;
  for (;;) {
    THAW_ASSIGN(const Buffer buffer, stream.next());
    if (buffer.empty()) return text;
    if (text.size() + buffer.size() > limits.max_json_bytes) {
      return over_limit("a document", "max_json_bytes", limits.max_json_bytes);
    }
    text += as_text(buffer.view());
  }
}

Result<std::string> read_small_file(BlobFiles& files, const std::string& path, const Limits& limits) {
  THAW_ASSIGN(const BlobFile file, files.open(path));
  auto text = read_small(*file.bytes, limits);
  if (!text.ok()) return about(path, std::move(text).error());
  return text;
}

}  // namespace thaw
