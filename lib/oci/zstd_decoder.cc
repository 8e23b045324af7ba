#include <zstd.h>

#include <new>

#include "lib/oci/context.h"
#include "lib/oci/decoder.h"

namespace thaw {
namespace {

// Windows of more than 128 MiB are refused by the library's default, which bounds its memory.
class ZstdStream final : public ByteStream {
 public:
  ZstdStream(std::unique_ptr<ByteStream> inner, Buffer first)
      : inner_(std::move(inner)), input_(std::move(first)), context_(ZSTD_createDCtx()) {
    if (!context_) throw std::bad_alloc();
    view_ = {input_.data(), input_.size(), 0};
  }

  Result<Buffer> next() override {
    Buffer buffer(kStreamBytes);
    ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
    while (out.pos < out.size && !finished_) THAW_TRY(step(out));
    buffer.truncate(out.pos);
    return buffer;
  }

 private:
  Status step(ZSTD_outBuffer& out) {
    if (view_.pos == view_.size && !flushing_) {
      THAW_ASSIGN(input_, inner_->next());
      view_ = {input_.data(), input_.size(), 0};
      if (input_.empty()) return end();
    }
    const size_t code = ZSTD_decompressStream(context_.get(), &out, &view_);
    if (ZSTD_isError(code)) return damaged(std::string("zstd data is damaged: ") + ZSTD_getErrorName(code));
    between_frames_ = code == 0;
    // A full output may leave more inside the decoder, which comes without new input.
    flushing_ = !between_frames_ && out.pos == out.size;
    return {};
  }

  Status end() {
    if (!between_frames_) return damaged("zstd data ends early");
    finished_ = true;
    return {};
  }

  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };

  std::unique_ptr<ByteStream> inner_;
  Buffer input_;
  ZSTD_inBuffer view_{};
  std::unique_ptr<ZSTD_DCtx, Free> context_;
  bool between_frames_ = false;
  bool flushing_ = false;
  bool finished_ = false;
};

}  // namespace

std::unique_ptr<ByteStream> decode_zstd(std::unique_ptr<ByteStream> inner, Buffer first) {
  return std::make_unique<ZstdStream>(std::move(inner), std::move(first));
}

}  // namespace thaw
