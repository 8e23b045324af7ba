#include "lib/erasure/erasure_code.h"

#include <catch2/catch.hpp>

#include <random>
#include <utility>

namespace thaw::erasure_code_test {
namespace {

struct Shards {
  explicit Shards(const ErasureCode& code, size_t length) : bytes(code.shards(), Bytes(length)) {
    std::minstd_rand random(code.shards());
    for (unsigned i = 0; i < code.data_shards(); ++i) {
      for (uint8_t& byte : bytes[i]) byte = static_cast<uint8_t>(random());
    }
    std::vector<ByteView> data(bytes.begin(), bytes.begin() + code.data_shards());
    std::vector<MutableBytes> parity(bytes.begin() + code.data_shards(), bytes.end());
    code.encode(data, parity);
  }
  std::vector<Bytes> bytes;
};

// Loses each shard that `lost` names, restores the data, and compares.
void check_loss(const ErasureCode& code, const Shards& whole, unsigned lost) {
  std::vector<Bytes> damaged = whole.bytes;
  std::vector<bool> present(code.shards());
  for (unsigned i = 0; i < code.shards(); ++i) {
    present[i] = (lost >> i & 1U) == 0;
    if (!present[i]) std::fill(damaged[i].begin(), damaged[i].end(), uint8_t{0xEE});
  }
  code.restore_data(std::vector<MutableBytes>(damaged.begin(), damaged.end()), present);
  for (unsigned i = 0; i < code.data_shards(); ++i) REQUIRE(damaged[i] == whole.bytes[i]);
}

}  // namespace

TEST_CASE("any k shards give the data back, whichever are lost", "[erasure]") {
  const auto [data, parity] = GENERATE(std::pair{4U, 1U}, std::pair{4U, 2U}, std::pair{1U, 3U},
                                       std::pair{5U, 3U}, std::pair{3U, 0U}, std::pair{8U, 4U});
  const ErasureCode code = ErasureCode::create(data, parity).value();
  const Shards whole(code, 1024 + 64 * data);
  for (unsigned lost = 0; lost < 1U << code.shards(); ++lost) {
    if (static_cast<unsigned>(__builtin_popcount(lost)) <= parity) check_loss(code, whole, lost);
  }
}

TEST_CASE("with one data shard, parity shards are copies", "[erasure]") {
  const ErasureCode code = ErasureCode::create(1, 3).value();
  const Shards whole(code, 640);
  for (const Bytes& shard : whole.bytes) CHECK(shard == whole.bytes[0]);
}

TEST_CASE("impossible counts are refused", "[erasure]") {
  CHECK(ErasureCode::create(0, 1).error().code == Code::kUsage);
  CHECK(ErasureCode::create(33, 1).error().code == Code::kUsage);
  CHECK(ErasureCode::create(4, 17).error().code == Code::kUsage);
  CHECK(ErasureCode::create(32, 16).ok());
}

}  // namespace thaw::erasure_code_test
