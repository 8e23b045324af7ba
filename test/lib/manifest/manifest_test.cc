#include "lib/manifest/manifest.h"

#include "test/lib/manifest/mutations.h"
#include "test/lib/manifest/sample.h"

namespace thaw::manifest_test {
namespace {

Bytes sealed_sample(const Manifest& clear, const KeyTable& keys, const Secret& data_key) {
  auto sealed = seal_manifest(clear, sample_details(), keys, data_key);
  REQUIRE(sealed.ok());
  return std::move(sealed).value();
}

Secret random_key() {
  Secret key;
  fill_random(key.mutable_view());
  return key;
}

}  // namespace

TEST_CASE("a manifest opens to what was sealed, and its clear part needs no key", "[manifest]") {
  const uint32_t count = GENERATE(0U, 1U, 300U);
  const Manifest clear = sample_manifest(count);
  const KeyTable keys = sample_keys(count);
  const Secret data_key = random_key();
  const Bytes bytes = sealed_sample(clear, keys, data_key);
  const Digest digest = sha256(bytes);

  const auto parsed = parse_manifest(bytes, digest);
  REQUIRE(parsed.ok());
  CHECK(parsed->id == clear.id);
  CHECK(parsed->store_id == clear.store_id);
  CHECK(parsed->tenant == "acme");
  CHECK(parsed->device_bytes == clear.device_bytes);
  CHECK(parsed->layout_version == 3);
  REQUIRE(parsed->chunks.size() == count);

  const auto open = open_manifest(bytes, digest, data_key);
  REQUIRE(open.ok());
  CHECK(open->digest == digest);
  CHECK(open->details.config == sample_details().config);
  CHECK(open->details.reference == sample_details().reference);
  CHECK(open->details.source == sample_details().source);
  CHECK(open->details.content_bytes == 123456789);
  CHECK(open->details.files == 17);
  CHECK(same_bytes(open->keys.bytes(), keys.bytes()));
  for (uint32_t i = 0; i < count; ++i) {
    CHECK(open->clear.chunks[i].index == clear.chunks[i].index);
    CHECK(open->clear.chunks[i].stored_length == clear.chunks[i].stored_length);
    CHECK(open->clear.chunks[i].id == clear.chunks[i].id);
  }
}

TEST_CASE("every cut or altered byte of a manifest is damage, and so is another key", "[manifest]") {
  const KeyTable keys = sample_keys(3);
  const Secret data_key = random_key();
  const Bytes bytes = sealed_sample(sample_manifest(3), keys, data_key);
  const Digest digest = sha256(bytes);
  CHECK(open_manifest(bytes, digest, random_key()).error().code == Code::kDamaged);
  refuse_all_damage(bytes, [&](ByteView damaged) {
    const auto opened = open_manifest(damaged, digest, data_key);
    REQUIRE_FALSE(opened.ok());
    CHECK(parse_manifest(damaged, digest).error().code == Code::kDamaged);
    return opened.error().code;
  });
  // With a digest that fits, the tag still authenticates every byte, the clear ones among them.
  refuse_all_damage(bytes, [&](ByteView damaged) {
    const auto opened = open_manifest(damaged, sha256(damaged), data_key);
    REQUIRE_FALSE(opened.ok());
    return opened.error().code;
  });
}

TEST_CASE("a manifest's parser survives anything", "[manifest]") {
  const Secret data_key = random_key();
  const Bytes bytes = sealed_sample(sample_manifest(5), sample_keys(5), data_key);
  mutate(bytes, 20000, [&](ByteView damaged) {
    const auto parsed = parse_manifest(damaged, sha256(damaged));
    if (parsed.ok()) CHECK(parsed->chunks.size() <= damaged.size() / 40);
    CHECK_FALSE((damaged.size() != bytes.size() && open_manifest(damaged, sha256(damaged), data_key).ok()));
  });
}

TEST_CASE("a manifest outside its limits is not sealed", "[manifest]") {
  const Secret data_key = random_key();
  const KeyTable keys = sample_keys(2);
  const auto refused = [&](Manifest clear) {
    return !seal_manifest(clear, sample_details(), keys, data_key).ok();
  };
  Manifest good = sample_manifest(2);
  CHECK_FALSE(refused(good));
  Manifest bad = good;
  bad.chunk_size = 3 * 4096;
  CHECK(refused(bad));
  bad = good;
  bad.device_bytes = 0;
  CHECK(refused(bad));
  bad = good;
  bad.device_bytes += 1;
  CHECK(refused(bad));
  bad = good;
  bad.chunks[0].stored_length = 100;
  CHECK(refused(bad));
  bad = good;
  bad.chunks[1].stored_length = 2 * kDefaultChunkSize;
  CHECK(refused(bad));
  bad = good;
  bad.chunks[1].index = bad.chunks[0].index;
  CHECK(refused(bad));
  bad = good;
  bad.chunks[1].index = static_cast<uint32_t>(bad.device_chunks());
  CHECK(refused(bad));
  bad = good;
  bad.tenant = "Acme/..";
  CHECK(refused(bad));
  bad = good;
  bad.chunks.pop_back();
  CHECK(refused(bad));
  ImageDetails large = sample_details();
  large.config.assign(kMaxConfigBytes + 1, ' ');
  CHECK_FALSE(seal_manifest(good, large, keys, data_key).ok());
}

TEST_CASE("16 GiB fit into 3 MiB", "[manifest]") {
  Manifest clear = sample_manifest(32768);
  const Bytes bytes = sealed_sample(clear, sample_keys(32768), random_key());
  CHECK(bytes.size() <= 3 * 1024 * 1024);
}

}  // namespace thaw::manifest_test
