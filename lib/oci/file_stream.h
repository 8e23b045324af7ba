// FileStream: a range of an open file as a ByteStream.
#pragma once

#include <memory>

#include "lib/base/file.h"
#include "lib/oci/byte_stream.h"

namespace thaw {

struct FileRange {
  uint64_t offset = 0;  // bytes
  uint64_t length = 0;  // bytes
};

class FileStream final : public ByteStream {
 public:
  // REQUIRES: `fd` stays open while the stream lives.
  FileStream(int fd, FileRange range) : fd_(fd), range_(range) {}
  // Owns the file.
  FileStream(Fd file, FileRange range) : owned_(std::move(file)), fd_(owned_.get()), range_(range) {}

  Result<Buffer> next() override;
  uint64_t skip(uint64_t bytes) override;

 private:
  Fd owned_;
  int fd_;
  FileRange range_;  // what is left
};

// Opens a regular file for reading and tells its size; anything else is an error that names `path`.
struct OpenFile {
  Fd fd;
  uint64_t size = 0;  // bytes
};
Result<OpenFile> open_regular_file(const std::string& path);

}  // namespace thaw
