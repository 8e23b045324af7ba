#include "lib/build/export_image.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <utility>

#include "lib/base/file.h"
#include "lib/base/mutex.h"
#include "lib/build/chunk_fetch.h"
#include "lib/crypto/hash.h"
#include "lib/crypto/seal.h"
#include "lib/manifest/identifier.h"

namespace thaw {
namespace {

// Where links lead. What is there and no regular file is left alone: a file would take a device's place.
Result<std::string> regular_file(const std::string& path) {
  std::error_code failure;
  const auto status = std::filesystem::status(path, failure);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
    return Error{Code::kUsage, path + ": not a regular file; export to a file, and copy it from there"};
  if (!std::filesystem::exists(status) && std::filesystem::is_symlink(path, failure))
    return Error{Code::kUsage, path + ": a link that leads nowhere; export to a file"};
  const auto real = std::filesystem::weakly_canonical(path, failure);
  return failure ? path : real.string();
}

Error about_folder(Error error) {
  if (error.code == Code::kNotFound) error.message += "; make the folder first";
  return error;
}

// A file in the folder of `path` that becomes it, or vanishes: without a name until then where the file
// system can, so that also a process that is killed leaves nothing.
class OutputFile {
 public:
  static Result<OutputFile> create(const std::string& path, uint64_t size) {
    OutputFile out;
    THAW_ASSIGN(out.path_, regular_file(path));
    const std::string folder = std::filesystem::path(out.path_).parent_path().string();
    out.fd_.reset(::open(folder.empty() ? "." : folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!out.fd_.valid()) {
      out.temporary_ = out.path_ + ".XXXXXX";
      out.fd_.reset(::mkostemp(out.temporary_.data(), O_CLOEXEC));
    }
    if (!out.fd_.valid()) return about_folder(system_error(path, errno));
    if (::ftruncate(out.fd_.get(), static_cast<off_t>(size)) != 0) return system_error(path, errno);
    return out;
  }
  OutputFile(OutputFile&&) = default;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile() {
    if (fd_.valid() && !temporary_.empty()) ::unlink(temporary_.c_str());
  }

  Status write_at(uint64_t offset, ByteView bytes) {
    const Status written = write_all_at(fd_.get(), offset, bytes);
    if (!written.ok()) return Error{written.error().code, path_ + ": " + written.error().message};
    return {};
  }

  Status keep() {
    if (temporary_.empty()) THAW_TRY(give_name());
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) return system_error(path_, errno);
    fd_.reset();
    return {};
  }

 private:
  OutputFile() = default;

  // Not `path_` at once: a link replaces nothing.
  Status give_name() {
    const std::string self = "/proc/self/fd/" + std::to_string(fd_.get());
    const std::string name = path_ + "." + Identifier::random().hex().substr(0, 6);
    if (::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) != 0)
      return system_error(path_, errno);
    temporary_ = name;
    return {};
  }

  std::string path_;
  std::string temporary_;  // empty while it has no name
  Fd fd_;
};

// Chunks that were asked for ahead of the hash, by their position in the manifest.
class Window {
 public:
  Window(const OpenedImage& image, ObjectReader& store) : image_(image), store_(store) {}
  ~Window() { wait_for_all(); }

  // The plaintext at `position`. Keeps kExportWindow fetches ahead of it under way. REQUIRES: positions
  // ascend
  Result<Buffer> next(size_t position) EXCLUDES(mutex_) {
    const size_t end = std::min(position + kExportWindow, image_.manifest.clear.chunks.size());
    for (; asked_ < end; ++asked_) ask(asked_);
    const MutexLock lock(mutex_);
    while (!arrived_.contains(position)) changed_.wait(mutex_);
    auto node = arrived_.extract(position);
    return std::move(node.mapped());
  }

 private:
  void ask(size_t position) EXCLUDES(mutex_) {
    {
      const MutexLock lock(mutex_);
      ++under_way_;
    }
    fetch_chunk(store_, image_.roots, image_.manifest.clear.chunks[position].ref(),
                [this, position](Result<SealedChunk> fetched) {
                  arrive(position, open(position, std::move(fetched)));
                });
  }

  Result<Buffer> open(size_t position, Result<SealedChunk> fetched) const {
    if (!fetched.ok() && fetched.error().code == Code::kNotFound)
      return Error{Code::kDamaged, fetched.error().message + "; 'thaw verify' names what the image lacks"};
    if (!fetched.ok()) return std::move(fetched).error();
    Buffer plaintext(fetched->stored_length());
    open_range(image_.manifest.keys.key(position), 0, fetched->bytes(), plaintext.mutable_view());
    return plaintext;
  }

  void arrive(size_t position, Result<Buffer> plaintext) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    arrived_.emplace(position, std::move(plaintext));
    --under_way_;
    changed_.notify_all();
  }

  void wait_for_all() EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    while (under_way_ > 0) changed_.wait(mutex_);
  }

  const OpenedImage& image_;
  ObjectReader& store_;
  size_t asked_ = 0;  // used by the calling thread only
  Mutex mutex_;
  CondVar changed_;
  size_t under_way_ GUARDED_BY(mutex_) = 0;
  std::map<size_t, Result<Buffer>> arrived_ GUARDED_BY(mutex_);
};

class DeviceHash {
 public:
  // Zeros up to `offset`, then `bytes`. REQUIRES: offset is not before what was added
  void add(uint64_t offset, ByteView bytes) {
    for (; at_ < offset; at_ += std::min<uint64_t>(offset - at_, zeros_.size())) {
      hash_.update(ByteView(zeros_).first(std::min<uint64_t>(offset - at_, zeros_.size())));
    }
    hash_.update(bytes);
    at_ += bytes.size();
  }
  Digest finish() { return hash_.finish(); }

 private:
  const Bytes zeros_ = Bytes(1 << 20, 0);
  Sha256 hash_;
  uint64_t at_ = 0;
};

}  // namespace

Result<ExportReport> export_image(const OpenedImage& image, ObjectReader& store, const std::string& path,
                                  const ProgressFn& progress) {
  const Manifest& clear = image.manifest.clear;
  THAW_ASSIGN(OutputFile out, OutputFile::create(path, clear.device_bytes));
  Window window(image, store);
  DeviceHash hash;
  for (size_t i = 0; i < clear.chunks.size(); ++i) {
    THAW_ASSIGN(const Buffer plaintext, window.next(i));
    const uint64_t offset = uint64_t{clear.chunks[i].index} * clear.chunk_size;
    THAW_TRY(out.write_at(offset, plaintext.view()));
    hash.add(offset, plaintext.view());
    if (progress) progress({i + 1, clear.chunks.size()});
  }
  hash.add(clear.device_bytes, {});
  THAW_TRY(out.keep());
  return ExportReport{clear.device_bytes, hash.finish()};
}

}  // namespace thaw
