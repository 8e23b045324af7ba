#include "lib/manifest/manifest.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "lib/crypto/aead.h"
#include "lib/crypto/hash.h"
#include "lib/crypto/seal.h"
#include "lib/manifest/image_name.h"
#include "lib/manifest/manifest_parts.h"
#include "lib/manifest/trace.h"
#include "lib/manifest/wire.h"

namespace thaw {
namespace {

constexpr std::string_view kManifestMagic = "THAWMANI";
constexpr uint32_t kManifestFormat = 1;
constexpr size_t kChunkBytes = 4 + 4 + 32;

// Sound because a data key seals one message only (docs/formats/manifest.md).
constexpr std::array<uint8_t, kGcmNonceBytes> kNonce{};

Error damaged(const Digest& digest, std::string_view why) {
  return Error{Code::kDamaged, "manifest " + digest.hex() + " " + std::string(why)};
}

bool chunk_fits(const Manifest& clear, const ManifestChunk& chunk) {
  return chunk.stored_length > 0 && chunk.stored_length % kSealUnit == 0 &&
         chunk.stored_length <= clear.chunk_size &&
         uint64_t{chunk.index} * clear.chunk_size + chunk.stored_length <= clear.device_bytes;
}

bool geometry_fits(const Manifest& clear) {
  return std::has_single_bit(clear.chunk_size) && clear.chunk_size >= kMinChunkSize &&
         clear.chunk_size <= kMaxChunkSize && clear.device_bytes > 0 &&
         clear.device_bytes <= kMaxDeviceBytes && clear.device_bytes % kSealUnit == 0 &&
         check_tenant(clear.tenant).ok();
}

bool chunks_fit(const Manifest& clear) {
  for (size_t i = 0; i < clear.chunks.size(); ++i) {
    if (!chunk_fits(clear, clear.chunks[i])) return false;
    if (i > 0 && clear.chunks[i].index <= clear.chunks[i - 1].index) return false;
  }
  return clear.chunks.size() <= kMaxChunks;
}

struct Parsed {
  Manifest clear;
  size_t associated_bytes = 0;  // the clear part, which the tag covers too
  ByteView sealed;
};

Result<Parsed> parse(ByteView bytes, const Digest& digest) {
  if (bytes.size() > kMaxManifestBytes) return damaged(digest, "is larger than a manifest may be");
  if (sha256(bytes) != digest) return damaged(digest, "holds other bytes than its digest names");
  Parsed parsed;
  WireReader in(bytes);
  THAW_ASSIGN(parsed.clear, read_clear_part(in));
  const uint32_t sealed_bytes = in.u32();
  parsed.associated_bytes = in.position();
  parsed.sealed = in.bytes(sealed_bytes);
  if (!in.finished()) return damaged(digest, "is not well formed");
  return parsed;
}

}  // namespace

const ManifestChunk* chunk_at(const std::vector<ManifestChunk>& chunks, uint32_t place) {
  const auto found = std::ranges::lower_bound(chunks, place, {}, &ManifestChunk::index);
  return found != chunks.end() && found->index == place ? &*found : nullptr;
}

void write_clear_part(const Manifest& clear, WireWriter& out) {
  out.bytes(as_bytes(kManifestMagic));
  out.u32(kManifestFormat);
  out.bytes(clear.id.view());
  out.bytes(clear.store_id.view());
  out.text16(clear.tenant);
  out.u32(clear.chunk_size);
  out.u64(clear.device_bytes);
  out.u32(clear.layout_version);
  out.u32(static_cast<uint32_t>(clear.chunks.size()));
  for (const ManifestChunk& chunk : clear.chunks) {
    out.u32(chunk.index);
    out.u32(chunk.stored_length);
    out.bytes(chunk.id.view());
  }
}

Result<Manifest> read_clear_part(WireReader& in) {
  Manifest clear;
  in.expect(as_bytes(kManifestMagic));
  in.expect_u32(kManifestFormat);
  clear.id = in.identifier();
  clear.store_id = in.identifier();
  clear.tenant = in.text16(kMaxTenantBytes);
  clear.chunk_size = in.u32();
  clear.device_bytes = in.u64();
  clear.layout_version = in.u32();
  const uint32_t count = in.u32();
  const Error broken{Code::kDamaged, "a manifest is not well formed"};
  if (in.failed() || !geometry_fits(clear)) return broken;
  if (count > kMaxChunks || count > in.remaining() / kChunkBytes) return broken;
  clear.chunks.resize(count);
  for (ManifestChunk& chunk : clear.chunks) {
    chunk.index = in.u32();
    chunk.stored_length = in.u32();
    chunk.id = in.digest();
  }
  if (!chunks_fit(clear)) return broken;
  return clear;
}

size_t details_size(const ImageDetails& details) {
  return 32 + 8 + 8 + 4 + details.reference.size() + 4 + details.config.size();
}

void write_details(const ImageDetails& details, WireWriter& out) {
  out.bytes(details.source.view());
  out.u64(details.content_bytes);
  out.u64(details.files);
  out.text32(details.reference);
  out.text32(details.config);
}

ImageDetails read_details(WireReader& in) {
  ImageDetails details;
  details.source = in.digest();
  details.content_bytes = in.u64();
  details.files = in.u64();
  details.reference = in.text32(kMaxReferenceBytes);
  details.config = in.text32(kMaxConfigBytes);
  return details;
}

Status check_limits(const Manifest& clear, const ImageDetails& details, const KeyTable& keys) {
  if (!geometry_fits(clear) || !chunks_fit(clear) || keys.size() != clear.chunks.size()) {
    return Error{Code::kFailed, "the image does not fit into a manifest: device of " +
                                    std::to_string(clear.device_bytes) + " bytes in chunks of " +
                                    std::to_string(clear.chunk_size)};
  }
  if (details.reference.size() > kMaxReferenceBytes || details.config.size() > kMaxConfigBytes) {
    return Error{Code::kFailed, "the image's configuration does not fit into a manifest: it has " +
                                    std::to_string(details.config.size()) + " bytes, the limit is 1 MiB"};
  }
  return {};
}

Result<Bytes> seal_manifest(const Manifest& clear, const ImageDetails& details, const KeyTable& keys,
                            const Secret& data_key) {
  THAW_TRY(check_limits(clear, details, keys));
  // Sized at once: a vector that grows would leave copies of the keys behind.
  WireWriter secret;
  secret.reserve(keys.bytes().size() + details_size(details));
  secret.bytes(keys.bytes());
  write_details(details, secret);

  WireWriter out;
  write_clear_part(clear, out);
  out.u32(static_cast<uint32_t>(secret.view().size() + kGcmTagBytes));
  const Bytes sealed = gcm_seal(data_key, kNonce, out.view(), secret.view());
  wipe(secret.mutable_view());
  out.bytes(sealed);
  return out.take();
}

Result<Manifest> parse_manifest(ByteView bytes, const Digest& digest) {
  THAW_ASSIGN(Parsed parsed, parse(bytes, digest));
  return std::move(parsed.clear);
}

Result<OpenManifest> open_manifest(ByteView bytes, const Digest& digest, const Secret& data_key) {
  THAW_ASSIGN(Parsed parsed, parse(bytes, digest));
  const size_t key_bytes = parsed.clear.chunks.size() * kKeyBytes;
  if (parsed.sealed.size() < key_bytes + kGcmTagBytes) return damaged(digest, "is not well formed");
  // A key table holds all of the plaintext, so that no copy of a key ever lies in ordinary memory.
  const size_t plain_bytes = parsed.sealed.size() - kGcmTagBytes;
  THAW_ASSIGN(KeyTable plain, KeyTable::create(plain_bytes / kKeyBytes + 1));
  const MutableBytes text = plain.bytes().first(plain_bytes);
  const Status opened = gcm_open(data_key, kNonce, bytes.first(parsed.associated_bytes), parsed.sealed, text);
  if (!opened.ok()) return damaged(digest, "cannot be opened with its data key");

  OpenManifest open;
  open.digest = digest;
  open.trace_key = trace_key_of(data_key);
  open.clear = std::move(parsed.clear);
  WireReader in(text.subspan(key_bytes));
  open.details = read_details(in);
  if (!in.finished()) return damaged(digest, "is not well formed");
  THAW_ASSIGN(open.keys, KeyTable::create(open.clear.chunks.size()));
  if (key_bytes > 0) std::memcpy(open.keys.bytes().data(), text.data(), key_bytes);
  return open;
}

}  // namespace thaw
