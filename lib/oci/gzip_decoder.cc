#include <isa-l/igzip_lib.h>

#include "lib/oci/context.h"
#include "lib/oci/decoder.h"

namespace thaw {
namespace {

enum HeaderFlag : uint8_t { kHeaderCrc = 2, kExtra = 4, kName = 8, kComment = 16, kReserved = 0xe0 };

class GzipStream final : public ByteStream {
 public:
  GzipStream(std::unique_ptr<ByteStream> inner, Buffer first)
      : inner_(std::move(inner)), input_(std::move(first)), state_(std::make_unique<inflate_state>()) {
    isal_inflate_init(state_.get());
    take_input();
  }

  Result<Buffer> next() override {
    Buffer out(kStreamBytes);
    state_->next_out = out.data();
    state_->avail_out = static_cast<uint32_t>(out.size());
    while (state_->avail_out > 0 && !finished_) {
      if (!in_member_) THAW_TRY(read_header());
      THAW_TRY(step());
    }
    out.truncate(out.size() - state_->avail_out);
    return out;
  }

 private:
  // ISA-L 2.30 misreads optional header fields that are split over its calls, so headers are read here.
  Status read_header() {
    THAW_ASSIGN(const uint8_t first, next_byte());
    if (first != 0x1f) return damaged("garbage follows the gzip data");
    THAW_ASSIGN(const uint8_t second, next_byte());
    if (second != 0x8b) return damaged("garbage follows the gzip data");
    THAW_ASSIGN(const uint8_t method, next_byte());
    THAW_ASSIGN(const uint8_t flags, next_byte());
    if (method != 8 || (flags & kReserved) != 0) return damaged("gzip data of an unknown kind");
    THAW_TRY(skip_bytes(6));  // time, extra flags, system
    if ((flags & kExtra) != 0) {
      THAW_ASSIGN(const uint8_t low, next_byte());
      THAW_ASSIGN(const uint8_t high, next_byte());
      THAW_TRY(skip_bytes(static_cast<unsigned>(low | high << 8)));
    }
    if ((flags & kName) != 0) THAW_TRY(skip_text());
    if ((flags & kComment) != 0) THAW_TRY(skip_text());
    if ((flags & kHeaderCrc) != 0) THAW_TRY(skip_bytes(2));
    isal_inflate_reset(state_.get());
    state_->crc_flag = ISAL_GZIP_NO_HDR_VER;
    in_member_ = true;
    return {};
  }

  Result<uint8_t> next_byte() {
    if (state_->avail_in == 0) THAW_TRY(fetch());
    --state_->avail_in;
    return *state_->next_in++;
  }

  Status skip_bytes(unsigned count) {
    for (; count > 0; --count) {
      const auto byte = next_byte();
      if (!byte.ok()) return byte.error();
    }
    return {};
  }

  Status skip_text() {
    for (;;) {
      THAW_ASSIGN(const uint8_t byte, next_byte());
      if (byte == 0) return {};
    }
  }

  // Inflates until the output is full, the member has ended or more input is needed, which it fetches.
  Status step() {
    const uint32_t in_before = state_->avail_in;
    const uint32_t out_before = state_->avail_out;
    const int code = isal_inflate(state_.get());
    if (code != ISAL_DECOMP_OK) {
      return damaged(code == ISAL_INCORRECT_CHECKSUM ? "gzip data does not match its checksum"
                                                     : "gzip data is damaged");
    }
    if (state_->block_state == ISAL_BLOCK_FINISH) return end_member();
    if (state_->avail_out == 0) return {};
    if (state_->avail_in == 0) return fetch();
    const bool stuck = state_->avail_in == in_before && state_->avail_out == out_before;
    return stuck ? Status(damaged("gzip data is damaged")) : Status();
  }

  // Members follow one another; anything else behind the last one is refused, as Go's readers do.
  Status end_member() {
    in_member_ = false;
    if (state_->avail_in > 0) return {};
    THAW_ASSIGN(input_, inner_->next());
    take_input();
    finished_ = input_.empty();
    return {};
  }

  Status fetch() {
    THAW_ASSIGN(input_, inner_->next());
    if (input_.empty()) return damaged("gzip data ends early");
    take_input();
    return {};
  }

  void take_input() {
    state_->next_in = input_.data();
    state_->avail_in = static_cast<uint32_t>(input_.size());
  }

  std::unique_ptr<ByteStream> inner_;
  Buffer input_;
  std::unique_ptr<inflate_state> state_;
  bool in_member_ = false;
  bool finished_ = false;
};

}  // namespace

std::unique_ptr<ByteStream> decode_gzip(std::unique_ptr<ByteStream> inner, Buffer first) {
  return std::make_unique<GzipStream>(std::move(inner), std::move(first));
}

}  // namespace thaw
