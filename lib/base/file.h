// Fd: an owned file descriptor; and whole reads and writes that retry what the kernel cut short.
//
// Everything here blocks. Never call it on a FUSE reader.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/buffer.h"
#include "lib/base/result.h"

namespace thaw {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~Fd() { reset(-1); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release();
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

// Reads exactly out.size() bytes at `offset`; kDamaged when the file ends before that.
Status read_exact(int fd, uint64_t offset, MutableBytes out);

Status write_all(int fd, ByteView bytes);
Status write_all_at(int fd, uint64_t offset, ByteView bytes);

// The whole file, or kFailed when it is larger than `max_bytes`. kNotFound when there is none.
Result<Buffer> read_file(const std::string& path, uint64_t max_bytes);

// Replaces `path` atomically and durably: a temporary file beside it, fsync, rename, fsync of the folder.
Status replace_file(const std::string& path, ByteView bytes, unsigned mode);

// Opens /dev/null as what of stdin, stdout and stderr was closed by the caller: the next file that is opened
// would stand in its place. Before anything else is opened.
void open_standard_streams();

// Like mkdir -p, with `mode` for the folders that it makes.
Status make_folders(const std::string& path, unsigned mode);

Status sync_folder(const std::string& path);

}  // namespace thaw
