#include "lib/manifest/manifest.h"

#include <algorithm>

#include "lib/base/codec.h"
#include "lib/base/units.h"
#include "lib/crypto/aead.h"
#include "lib/crypto/seal.h"

namespace thaw {
namespace {

constexpr std::string_view kMagic = "THAWMAN1";
constexpr size_t kEntryBytes = 4 + 4 + 32;
constexpr uint64_t kMaxDeviceBytes = 1024 * kGiB;
constexpr uint32_t kMinChunkSize = 4096;
constexpr uint32_t kMaxChunkSize = 16 * kMiB;
constexpr size_t kMaxConfigBytes = kMiB;

Error damaged(const char* what) {
  return Error{Code::kDamaged, std::string("the manifest is damaged: ") + what};
}

void encode_header(Encoder& out, const ManifestHeader& header) {
  out.raw(as_bytes(kMagic));
  out.u32(header.layout_version);
  out.raw(header.manifest_id);
  out.raw(header.store_id);
  out.text(header.tenant);
  out.u32(header.chunk_size);
  out.u64(header.device_bytes);
  out.u32(static_cast<uint32_t>(header.chunks.size()));
  for (const ChunkEntry& chunk : header.chunks) {
    out.u32(chunk.index);
    out.u32(chunk.ref.stored_length);
    out.raw(chunk.ref.id.view());
  }
}

Status check_geometry(const ManifestHeader& header) {
  const bool power_of_two = (header.chunk_size & (header.chunk_size - 1)) == 0;
  if (header.chunk_size < kMinChunkSize || header.chunk_size > kMaxChunkSize || !power_of_two) {
    return damaged("the chunk size is impossible");
  }
  if (header.device_bytes == 0 || header.device_bytes > kMaxDeviceBytes ||
      header.device_bytes % header.chunk_size != 0) {
    return damaged("the device size is impossible");
  }
  return {};
}

Status check_chunks(const ManifestHeader& header) {
  const uint64_t count = header.device_bytes / header.chunk_size;
  int64_t previous = -1;
  for (const ChunkEntry& chunk : header.chunks) {
    const uint32_t length = chunk.ref.stored_length;
    if (chunk.index >= count || chunk.index <= previous) return damaged("its chunks are out of order");
    if (length == 0 || length > header.chunk_size || length % kSealUnit != 0) {
      return damaged("a chunk's stored length is impossible");
    }
    previous = chunk.index;
  }
  return {};
}

Result<ManifestHeader> decode_header(Decoder& in) {
  ManifestHeader header;
  in.expect(as_bytes(kMagic));
  header.layout_version = in.u32();
  in.fill(header.manifest_id);
  in.fill(header.store_id);
  header.tenant = in.text();
  header.chunk_size = in.u32();
  header.device_bytes = in.u64();
  const uint32_t count = in.u32();
  if (!in.ok() || count > in.remaining() / kEntryBytes) return damaged("it ends too early or is no manifest");
  THAW_TRY(check_geometry(header));
  header.chunks.resize(count);
  for (ChunkEntry& chunk : header.chunks) {
    chunk.index = in.u32();
    chunk.ref.stored_length = in.u32();
    in.fill(chunk.ref.id.bytes);
  }
  THAW_TRY(check_chunks(header));
  return header;
}

void encode_info(Encoder& out, const ImageInfo& info) {
  out.text(info.source_digest);
  out.u64(info.content_bytes);
  out.u32(static_cast<uint32_t>(info.config.size()));
  out.raw(as_bytes(info.config));
}

Result<ImageInfo> decode_info(Decoder& in) {
  ImageInfo info;
  info.source_digest = in.text();
  info.content_bytes = in.u64();
  const uint32_t size = in.u32();
  if (!in.ok() || size > kMaxConfigBytes) return damaged("its description is impossible");
  info.config = std::string(as_text(in.raw(size)));
  if (!in.finished()) return damaged("its description has a wrong length");
  return info;
}

// keys ‖ info: the plaintext of the sealed part, and the tail of the saved form.
Bytes encode_secret_part(const ImageInfo& info, const KeyTable& keys) {
  Encoder out;
  out.raw(keys.bytes());
  encode_info(out, info);
  return out.take();
}

Result<OpenManifest> decode_secret_part(ManifestHeader header, ByteView bytes) {
  Decoder in(bytes);
  const ByteView keys = in.raw(header.chunks.size() * kKeyBytes);
  if (!in.ok()) return damaged("keys are missing");
  OpenManifest manifest;
  THAW_ASSIGN(manifest.info, decode_info(in));
  THAW_ASSIGN(manifest.keys, KeyTable::create(header.chunks.size()));
  std::copy(keys.begin(), keys.end(), manifest.keys.bytes().begin());
  manifest.header = std::move(header);
  return manifest;
}

// A data key seals one message, so the nonce may be constant.
constexpr std::array<uint8_t, kGcmNonceBytes> kNonce{};

}  // namespace

Bytes encode_manifest(const ManifestHeader& header, const ImageInfo& info, const KeyTable& keys,
                      const Secret& data_key) {
  Encoder out;
  encode_header(out, header);
  Bytes plain = encode_secret_part(info, keys);
  const Bytes sealed = gcm_seal(data_key, kNonce, out.bytes(), plain);
  wipe(plain);
  out.raw(sealed);
  return out.take();
}

Result<ManifestHeader> decode_manifest_header(ByteView bytes) {
  if (bytes.size() > kMaxManifestBytes) return damaged("it is too large");
  Decoder in(bytes);
  return decode_header(in);
}

Result<OpenManifest> open_manifest(ByteView bytes, const Secret& data_key) {
  if (bytes.size() > kMaxManifestBytes) return damaged("it is too large");
  Decoder in(bytes);
  THAW_ASSIGN(ManifestHeader header, decode_header(in));
  if (in.remaining() < kGcmTagBytes) return damaged("it ends too early");
  const ByteView clear = bytes.first(bytes.size() - in.remaining());
  const ByteView sealed = in.raw(in.remaining());
  Bytes plain(sealed.size() - kGcmTagBytes);
  const Status opened = gcm_open(data_key, kNonce, clear, sealed, plain);
  if (!opened.ok()) return damaged("its encrypted part does not open");
  auto manifest = decode_secret_part(std::move(header), plain);
  wipe(plain);
  return manifest;
}

Bytes save_open_manifest(const OpenManifest& manifest) {
  Encoder out;
  encode_header(out, manifest.header);
  Bytes secret = encode_secret_part(manifest.info, manifest.keys);
  out.raw(secret);
  wipe(secret);
  return out.take();
}

Result<OpenManifest> load_open_manifest(ByteView bytes) {
  Decoder in(bytes);
  THAW_ASSIGN(ManifestHeader header, decode_header(in));
  return decode_secret_part(std::move(header), in.raw(in.remaining()));
}

}  // namespace thaw
