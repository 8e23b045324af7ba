#include "lib/manifest/trace.h"

#include <algorithm>
#include <array>
#include <span>

#include "lib/crypto/aead.h"
#include "lib/crypto/hash.h"
#include "lib/crypto/random.h"
#include "lib/manifest/wire.h"

namespace thaw {
namespace {

constexpr std::string_view kKeyLabel = "thaw trace v1";
constexpr std::string_view kOrderLabel = "thaw path order v1";
constexpr size_t kSaltBytes = 32;
// Each list has a key of its own, so that one nonce will do.
constexpr std::array<uint8_t, kGcmNonceBytes> kTraceNonce{};

struct ListKind {
  std::string_view magic;
  std::string_view what;
  uint64_t max_bytes;
};
constexpr ListKind kTraceList{"THAWTR01", "trace", kMaxTraceBytes};
constexpr ListKind kOrderList{"THAWPO01", "path order", kMaxPathOrderBytes};

Secret message_key(const Secret& key, ByteView salt) { return Secret(hmac_sha256(key.view(), salt).bytes); }

Secret order_key(const Secret& trace_key) {
  return Secret(hmac_sha256(trace_key.view(), as_bytes(kOrderLabel)).bytes);
}

Bytes associated(const ListKind& kind, const Digest& manifest, ByteView salt) {
  WireWriter out;
  out.bytes(as_bytes(kind.magic));
  out.bytes(manifest.view());
  out.bytes(salt);
  return out.take();
}

Bytes seal_list(const ListKind& kind, std::span<const uint32_t> places, const Digest& manifest,
                const Secret& key) {
  std::array<uint8_t, kSaltBytes> salt{};
  fill_random(salt);
  WireWriter plain;
  for (const uint32_t place : places) plain.u32(place);
  WireWriter out;
  out.bytes(as_bytes(kind.magic));
  out.bytes(salt);
  out.bytes(gcm_seal(message_key(key, salt), kTraceNonce, associated(kind, manifest, salt), plain.view()));
  return out.take();
}

Result<std::vector<uint32_t>> open_list(const ListKind& kind, ByteView bytes, const Digest& manifest,
                                        const Secret& key) {
  const Error damaged{Code::kDamaged,
                      "the " + std::string(kind.what) + " of manifest " + manifest.hex() + " is damaged"};
  if (bytes.size() > kind.max_bytes) return damaged;
  WireReader in(bytes);
  in.expect(as_bytes(kind.magic));
  const ByteView salt = in.bytes(kSaltBytes);
  const ByteView sealed = in.bytes(in.remaining());
  if (!in.finished() || sealed.size() < kGcmTagBytes || (sealed.size() - kGcmTagBytes) % 4 != 0)
    return damaged;
  Bytes plain(sealed.size() - kGcmTagBytes);
  if (!gcm_open(message_key(key, salt), kTraceNonce, associated(kind, manifest, salt), sealed, plain).ok())
    return damaged;
  WireReader list(plain);
  std::vector<uint32_t> places;
  places.reserve(plain.size() / 4);
  while (list.remaining() > 0) places.push_back(list.u32());
  return places;
}

}  // namespace

Secret trace_key_of(const Secret& data_key) {
  return Secret(hmac_sha256(data_key.view(), as_bytes(kKeyLabel)).bytes);
}

Bytes seal_trace(const Trace& trace, const Digest& manifest, const Secret& key) {
  return seal_list(kTraceList, trace.chunks, manifest, key);
}

Result<Trace> open_trace(ByteView bytes, const Digest& manifest, const Secret& key) {
  THAW_ASSIGN(std::vector<uint32_t> places, open_list(kTraceList, bytes, manifest, key));
  return Trace{std::move(places)};
}

Bytes seal_path_order(const PathOrder& order, const Digest& manifest, const Secret& key) {
  const std::span<const uint32_t> places = order.chunks;
  return seal_list(kOrderList, places.first(std::min<size_t>(places.size(), kMaxPathOrderChunks)), manifest,
                   order_key(key));
}

Result<PathOrder> open_path_order(ByteView bytes, const Digest& manifest, const Secret& key) {
  THAW_ASSIGN(std::vector<uint32_t> places, open_list(kOrderList, bytes, manifest, order_key(key)));
  return PathOrder{std::move(places)};
}

}  // namespace thaw
