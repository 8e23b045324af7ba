#include "lib/manifest/manifest_memory.h"

#include "test/lib/manifest/mutations.h"
#include "test/lib/manifest/sample.h"

namespace thaw::manifest_memory_test {
namespace {

OpenManifest sample_open(uint32_t chunks) {
  OpenManifest open;
  open.digest = sha256(as_bytes("manifest"));
  open.clear = sample_manifest(chunks);
  open.details = sample_details();
  open.keys = sample_keys(chunks);
  return open;
}

Bytes in_memory(const OpenManifest& open) {
  Bytes bytes(manifest_memory_size(open));
  write_manifest_memory(open, bytes);
  return bytes;
}

}  // namespace

TEST_CASE("an open manifest survives in memory, whatever lies behind it", "[manifest]") {
  const OpenManifest open = sample_open(GENERATE(0U, 1U, 200U));
  Bytes bytes = in_memory(open);
  bytes.resize(bytes.size() + 4096, 0xee);
  const auto read = read_manifest_memory(bytes);
  REQUIRE(read.ok());
  CHECK(read->digest == open.digest);
  CHECK(read->clear.id == open.clear.id);
  CHECK(read->clear.chunks.size() == open.clear.chunks.size());
  CHECK(read->details.config == open.details.config);
  CHECK(same_bytes(read->keys.bytes(), open.keys.bytes()));
}

TEST_CASE("a manifest in memory that was cut or altered is damage", "[manifest]") {
  const Bytes bytes = in_memory(sample_open(3));
  for (size_t size = 0; size < bytes.size(); ++size) {
    CHECK(read_manifest_memory(ByteView(bytes).first(size)).error().code == Code::kDamaged);
  }
  for (size_t i = 0; i < bytes.size(); ++i) {
    Bytes altered = bytes;
    altered[i] ^= 0x40;
    CHECK(read_manifest_memory(altered).error().code == Code::kDamaged);
  }
  mutate(bytes, 5000, [](ByteView damaged) { (void)read_manifest_memory(damaged).ok(); });
}

}  // namespace thaw::manifest_memory_test
