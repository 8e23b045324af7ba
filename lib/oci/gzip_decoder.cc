#include <isa-l/igzip_lib.h>

#include <algorithm>

#include "lib/oci/context.h"
#include "lib/oci/decoder.h"

namespace thaw {
namespace {

class GzipStream final : public ByteStream {
 public:
  GzipStream(std::unique_ptr<ByteStream> inner, Buffer first)
      : inner_(std::move(inner)), input_(std::move(first)), state_(std::make_unique<inflate_state>()) {
    isal_inflate_init(state_.get());
    state_->crc_flag = ISAL_GZIP;
    take_input();
  }

  Result<Buffer> next() override {
    Buffer out(kStreamBytes);
    state_->next_out = out.data();
    state_->avail_out = static_cast<uint32_t>(out.size());
    while (state_->avail_out > 0 && !finished_) THAW_TRY(step());
    out.truncate(out.size() - state_->avail_out);
    return out;
  }

 private:
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
    if (state_->avail_in > 0) {
      const bool stuck = state_->avail_in == in_before && state_->avail_out == out_before;
      return stuck ? Status(damaged("gzip data is damaged")) : Status();
    }
    return fetch("gzip data ends early");
  }

  // Members follow one another; anything else behind the last one is refused, as Go's readers do.
  Status end_member() {
    if (state_->avail_in == 0) {
      THAW_ASSIGN(input_, inner_->next());
      take_input();
    }
    finished_ = input_.empty();
    if (finished_) return {};
    if (state_->next_in[0] != 0x1f) return damaged("garbage follows the gzip data");
    isal_inflate_reset(state_.get());
    state_->crc_flag = ISAL_GZIP;
    return {};
  }

  Status fetch(const char* error_at_end) {
    THAW_ASSIGN(input_, inner_->next());
    if (input_.empty()) return damaged(error_at_end);
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
  bool finished_ = false;
};

}  // namespace

std::unique_ptr<ByteStream> decode_gzip(std::unique_ptr<ByteStream> inner, Buffer first) {
  return std::make_unique<GzipStream>(std::move(inner), std::move(first));
}

}  // namespace thaw
