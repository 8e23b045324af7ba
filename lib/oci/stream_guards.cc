#include "lib/oci/stream_guards.h"

#include "lib/oci/context.h"

namespace thaw {

Result<Buffer> VerifiedStream::next() {
  auto buffer = inner_->next();
  if (!buffer.ok()) return about(expected_.what, std::move(buffer).error());
  if (buffer->empty()) {
    THAW_TRY(check_end());
    return buffer;
  }
  size_ += buffer->size();
  if (expected_.size && size_ > *expected_.size) {
    return damaged(expected_.what + ": longer than the " + std::to_string(*expected_.size) +
                   " bytes that the image promises");
  }
  if (expected_.digest) hash_.update(buffer->view());
  return buffer;
}

Status VerifiedStream::check_end() {
  if (expected_.size && size_ != *expected_.size) {
    return damaged(expected_.what + ": " + std::to_string(size_) + " bytes, the image promises " +
                   std::to_string(*expected_.size));
  }
  if (!expected_.digest) return {};
  const Digest digest = hash_.finish();
  if (digest == *expected_.digest) return {};
  return damaged(expected_.what + ": its bytes have the digest sha256:" + digest.hex() +
                 "; the image is damaged, fetch it again");
}

Result<Buffer> ExpansionGuard::next() {
  THAW_ASSIGN(Buffer buffer, inner_->next());
  size_ += buffer.size();
  all_.total += buffer.size();
  if (all_.total > limits_.max_expanded_bytes) {
    return over_limit("the layers expand to more bytes", "max_expanded_bytes", limits_.max_expanded_bytes);
  }
  if (size_ > limits_.expansion_floor_bytes && size_ / limits_.max_expansion_ratio > compressed_size_) {
    return over_limit("the layer's " + std::to_string(compressed_size_) + " bytes expand too far",
                      "max_expansion_ratio", limits_.max_expansion_ratio);
  }
  return buffer;
}

}  // namespace thaw
