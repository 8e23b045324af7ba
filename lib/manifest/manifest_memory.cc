#include "lib/manifest/manifest_memory.h"

#include <cstring>

#include "lib/crypto/hash.h"
#include "lib/manifest/manifest_parts.h"
#include "lib/manifest/wire.h"

namespace thaw {
namespace {

constexpr std::string_view kOpenedMagic = "THAWOPEN";
constexpr uint32_t kOpenedFormat = 1;
constexpr size_t kChecksumBytes = 32;

// All but the keys and the checksum: `total` is the size of the whole form.
Bytes head_of(const OpenManifest& open, uint64_t total) {
  WireWriter out;
  out.bytes(as_bytes(kOpenedMagic));
  out.u32(kOpenedFormat);
  out.u64(total);
  out.bytes(open.digest.view());
  write_clear_part(open.clear, out);
  write_details(open.details, out);
  return out.take();
}

Error broken() { return Error{Code::kDamaged, "the manifest kept in memory is not well formed"}; }

}  // namespace

size_t manifest_memory_size(const OpenManifest& open) {
  return head_of(open, 0).size() + open.keys.bytes().size() + kChecksumBytes;
}

void write_manifest_memory(const OpenManifest& open, MutableBytes out) {
  const Bytes head = head_of(open, out.size());
  std::memcpy(out.data(), head.data(), head.size());
  // The keys go straight from their own pages to `out`.
  const ByteView keys = open.keys.bytes();
  if (!keys.empty()) std::memcpy(out.data() + head.size(), keys.data(), keys.size());
  const Digest sum = sha256(out.first(out.size() - kChecksumBytes));
  std::memcpy(out.data() + out.size() - kChecksumBytes, sum.bytes.data(), kChecksumBytes);
}

Result<OpenManifest> read_manifest_memory(ByteView bytes) {
  WireReader start(bytes);
  start.expect(as_bytes(kOpenedMagic));
  start.expect_u32(kOpenedFormat);
  const uint64_t total = start.u64();
  if (start.failed() || total > bytes.size() || total < start.position()) return broken();

  WireReader in(bytes.first(total));
  in.bytes(start.position());
  OpenManifest open;
  open.digest = in.digest();
  THAW_ASSIGN(open.clear, read_clear_part(in));
  open.details = read_details(in);
  const ByteView keys = in.bytes(open.clear.chunks.size() * kKeyBytes);
  in.expect_checksum();
  if (!in.finished()) return broken();
  THAW_ASSIGN(open.keys, KeyTable::create(open.clear.chunks.size()));
  if (!keys.empty()) std::memcpy(open.keys.bytes().data(), keys.data(), keys.size());
  return open;
}

}  // namespace thaw
