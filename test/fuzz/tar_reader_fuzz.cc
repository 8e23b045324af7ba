#include <algorithm>
#include <cstdio>

#include "lib/oci/tar_reader.h"

namespace {

constexpr size_t kBlock = 512;
constexpr size_t kChecksumAt = 148;
constexpr size_t kChecksumBytes = 8;

// Makes the checksum of each block that looks like a header right.
void mend(thaw::Bytes& archive) {
  for (size_t at = 0; at + kBlock <= archive.size(); at += kBlock) {
    uint8_t* block = archive.data() + at;
    if (!std::equal(block + 257, block + 262, "ustar")) continue;
    std::fill_n(block + kChecksumAt, kChecksumBytes, ' ');
    unsigned sum = 0;
    for (size_t i = 0; i < kBlock; ++i) sum += block[i];
    char text[kChecksumBytes];
    std::snprintf(text, sizeof text, "%06o", sum);
    std::copy_n(text, kChecksumBytes - 1, block + kChecksumAt);
  }
}

class OneBuffer final : public thaw::ByteStream {
 public:
  explicit OneBuffer(const thaw::Bytes& bytes) : left_(thaw::Buffer::copy_of(bytes)) {}
  thaw::Result<thaw::Buffer> next() override { return std::exchange(left_, thaw::Buffer()); }

 private:
  thaw::Buffer left_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  thaw::Bytes archive(data, data + size);
  mend(archive);
  OneBuffer stream(archive);
  thaw::Limits limits;
  limits.max_header_bytes = 64 * 1024;
  limits.max_sparse_ranges = 1000;
  thaw::TarReader reader(stream, limits);
  thaw::TarEntry entry;
  for (auto more = reader.next(entry); more.ok() && more.value(); more = reader.next(entry)) {
    if (entry.path.find('\0') != std::string::npos) __builtin_trap();
    uint64_t end = 0;
    for (auto part = reader.data(); part.ok() && !part->bytes.empty(); part = reader.data()) {
      // In order, and inside the file.
      if (part->offset < end || part->offset + part->bytes.size() > entry.size) __builtin_trap();
      end = part->offset + part->bytes.size();
    }
  }
  return 0;
}
