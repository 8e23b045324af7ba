#include "lib/oci/decoder.h"

#include <array>
#include <cstring>
#include <string_view>
#include <utility>

#include "lib/oci/context.h"

namespace thaw {
namespace {

using namespace std::string_view_literals;

constexpr size_t kMagicBytes = 6;  // the longest magic below

struct Foreign {
  std::string_view magic;
  const char* name;
};
constexpr std::array<Foreign, 4> kForeign = {{{"\xfd"
                                               "7zXZ\0"sv,
                                               "xz"},
                                              {"BZh"sv, "bzip2"},
                                              {"\x04\x22\x4d\x18"sv, "lz4"},
                                              {"PK\x03\x04"sv, "zip"}}};

bool is_zstd(std::string_view head) {
  if (head.starts_with("\x28\xb5\x2f\xfd"sv)) return true;
  // A skippable frame: 0x184D2A50 to 0x184D2A5F, little endian.
  return head.size() >= 4 && (static_cast<uint8_t>(head[0]) & 0xf0) == 0x50 &&
         head.substr(1, 3) == "\x2a\x4d\x18"sv;
}

class PlainStream final : public ByteStream {
 public:
  PlainStream(std::unique_ptr<ByteStream> inner, Buffer first)
      : inner_(std::move(inner)), first_(std::move(first)) {}

  Result<Buffer> next() override {
    if (!first_.empty()) return std::exchange(first_, Buffer());
    return inner_->next();
  }

  uint64_t skip(uint64_t bytes) override { return first_.empty() ? inner_->skip(bytes) : 0; }

 private:
  std::unique_ptr<ByteStream> inner_;
  Buffer first_;
};

// At least kMagicBytes, unless the stream is shorter.
Result<Buffer> read_head(ByteStream& stream) {
  THAW_ASSIGN(Buffer head, stream.next());
  while (head.size() < kMagicBytes && !head.empty()) {
    THAW_ASSIGN(const Buffer more, stream.next());
    if (more.empty()) break;
    Buffer joined(head.size() + more.size());
    std::memcpy(joined.data(), head.data(), head.size());
    std::memcpy(joined.data() + head.size(), more.data(), more.size());
    head = std::move(joined);
  }
  return head;
}

}  // namespace

Result<std::unique_ptr<ByteStream>> decode(std::unique_ptr<ByteStream> inner) {
  THAW_ASSIGN(Buffer first, read_head(*inner));
  const std::string_view head = as_text(first.view()).substr(0, kMagicBytes);
  if (head.starts_with("\x1f\x8b"sv)) return decode_gzip(std::move(inner), std::move(first));
  if (is_zstd(head)) return decode_zstd(std::move(inner), std::move(first));
  for (const Foreign& foreign : kForeign) {
    if (head.starts_with(foreign.magic)) {
      return damaged(std::string("compressed with ") + foreign.name +
                     "; archives and layers can be gzip, zstd or plain tar");
    }
  }
  return std::unique_ptr<ByteStream>(std::make_unique<PlainStream>(std::move(inner), std::move(first)));
}

}  // namespace thaw
