#include "lib/manifest/trace.h"

#include <array>

#include "lib/crypto/aead.h"
#include "lib/crypto/hash.h"
#include "lib/crypto/random.h"
#include "lib/manifest/wire.h"

namespace thaw {
namespace {

constexpr std::string_view kMagic = "THAWTR01";
constexpr std::string_view kKeyLabel = "thaw trace v1";
constexpr size_t kSaltBytes = 32;
// Each trace has a key of its own, so that one nonce will do.
constexpr std::array<uint8_t, kGcmNonceBytes> kNonce{};

Secret message_key(const Secret& key, ByteView salt) { return Secret(hmac_sha256(key.view(), salt).bytes); }

Bytes associated(const Digest& manifest, ByteView salt) {
  WireWriter out;
  out.bytes(as_bytes(kMagic));
  out.bytes(manifest.view());
  out.bytes(salt);
  return out.take();
}

}  // namespace

Secret trace_key_of(const Secret& data_key) {
  return Secret(hmac_sha256(data_key.view(), as_bytes(kKeyLabel)).bytes);
}

Bytes seal_trace(const Trace& trace, const Digest& manifest, const Secret& key) {
  std::array<uint8_t, kSaltBytes> salt{};
  fill_random(salt);
  WireWriter plain;
  for (const uint32_t chunk : trace.chunks) plain.u32(chunk);
  WireWriter out;
  out.bytes(as_bytes(kMagic));
  out.bytes(salt);
  out.bytes(gcm_seal(message_key(key, salt), kNonce, associated(manifest, salt), plain.view()));
  return out.take();
}

Result<Trace> open_trace(ByteView bytes, const Digest& manifest, const Secret& key) {
  const Error damaged{Code::kDamaged, "the trace of manifest " + manifest.hex() + " is damaged"};
  if (bytes.size() > kMaxTraceBytes) return damaged;
  WireReader in(bytes);
  in.expect(as_bytes(kMagic));
  const ByteView salt = in.bytes(kSaltBytes);
  const ByteView sealed = in.bytes(in.remaining());
  if (!in.finished() || sealed.size() < kGcmTagBytes || (sealed.size() - kGcmTagBytes) % 4 != 0)
    return damaged;
  Bytes plain(sealed.size() - kGcmTagBytes);
  if (!gcm_open(message_key(key, salt), kNonce, associated(manifest, salt), sealed, plain).ok())
    return damaged;
  WireReader list(plain);
  Trace trace;
  trace.chunks.reserve(plain.size() / 4);
  while (list.remaining() > 0) trace.chunks.push_back(list.u32());
  return trace;
}

}  // namespace thaw
