// Streams that pass bytes on and turn an image's lies into errors: VerifiedStream checks a digest and a size,
// ExpansionGuard the limits on how much a layer may grow.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "lib/base/digest.h"
#include "lib/crypto/hash.h"
#include "lib/oci/byte_stream.h"
#include "lib/oci/limits.h"

namespace thaw {

struct Expected {
  std::string what;              // for messages: "layer sha256:…"
  std::optional<Digest> digest;  // nothing: not known, not checked
  std::optional<uint64_t> size;  // bytes
};

// At the end of the stream, kDamaged instead of the end when the bytes are not the expected ones.
class VerifiedStream final : public ByteStream {
 public:
  VerifiedStream(std::unique_ptr<ByteStream> inner, Expected expected)
      : inner_(std::move(inner)), expected_(std::move(expected)) {}

  Result<Buffer> next() override;

 private:
  Status check_end();

  std::unique_ptr<ByteStream> inner_;
  Expected expected_;
  Sha256 hash_;
  uint64_t size_ = 0;
};

// Counts the uncompressed bytes of all layers of one image.
struct ExpandedBytes {
  uint64_t total = 0;
};

class ExpansionGuard final : public ByteStream {
 public:
  // REQUIRES: `all` and `limits` outlive the stream; no two streams that share `all` run at the same time.
  ExpansionGuard(std::unique_ptr<ByteStream> inner, uint64_t compressed_size, const Limits& limits,
                 ExpandedBytes& all)
      : inner_(std::move(inner)), compressed_size_(compressed_size), limits_(limits), all_(all) {}

  Result<Buffer> next() override;

 private:
  std::unique_ptr<ByteStream> inner_;
  const uint64_t compressed_size_;
  const Limits& limits_;
  ExpandedBytes& all_;
  uint64_t size_ = 0;
};

}  // namespace thaw
