#include "lib/erasure/erasure_code.h"

#include <isa-l/erasure_code.h>

#include <cassert>
#include <cstring>
#include <string>

namespace thaw {
namespace {

constexpr size_t kTableBytes = 32;  // ISA-L's expansion of one coefficient

uint8_t* writable(ByteView bytes) { return const_cast<uint8_t*>(bytes.data()); }  // ISA-L only reads it

}  // namespace

Result<ErasureCode> ErasureCode::create(unsigned data_shards, unsigned parity_shards) {
  if (data_shards < 1 || data_shards > kMaxData || parity_shards > kMaxParity) {
    return Error{Code::kUsage, std::to_string(data_shards) + " data and " + std::to_string(parity_shards) +
                                   " parity shards are not possible: 1 to " + std::to_string(kMaxData) +
                                   " data shards, 0 to " + std::to_string(kMaxParity) + " parity shards"};
  }
  return ErasureCode(data_shards, parity_shards);
}

ErasureCode::ErasureCode(unsigned data, unsigned parity)
    : data_(data),
      parity_(parity),
      matrix_(size_t{data + parity} * data),
      encode_tables_(kTableBytes * data * parity) {
  gf_gen_cauchy1_matrix(matrix_.data(), static_cast<int>(data + parity), static_cast<int>(data));
  // One data shard: each parity shard is a copy, and not a multiple of it.
  if (data == 1) std::memset(matrix_.data(), 1, matrix_.size());
  if (parity > 0) {
    ec_init_tables(static_cast<int>(data), static_cast<int>(parity), &matrix_[size_t{data} * data],
                   encode_tables_.data());
  }
}

void ErasureCode::encode(const std::vector<ByteView>& data, const std::vector<MutableBytes>& parity) const {
  assert(data.size() == data_ && parity.size() == parity_);
  if (parity_ == 0) return;
  std::vector<uint8_t*> from;
  std::vector<uint8_t*> to;
  for (const ByteView shard : data) from.push_back(writable(shard));
  for (const MutableBytes shard : parity) to.push_back(shard.data());
  ec_encode_data(static_cast<int>(data.front().size()), static_cast<int>(data_), static_cast<int>(parity_),
                 encode_tables_.data(), from.data(), to.data());
}

void ErasureCode::restore_data(const std::vector<MutableBytes>& all, const std::vector<bool>& present) const {
  assert(all.size() == shards() && present.size() == shards());
  std::vector<uint8_t*> from;
  std::vector<uint8_t*> to;
  std::vector<unsigned> lost;
  Bytes survivors;  // the rows of the k shards that are decoded from
  for (unsigned i = 0; i < shards() && from.size() < data_; ++i) {
    if (!present[i]) continue;
    from.push_back(all[i].data());
    const uint8_t* row = &matrix_[size_t{i} * data_];
    survivors.insert(survivors.end(), row, row + data_);
  }
  assert(from.size() == data_);
  for (unsigned i = 0; i < data_; ++i) {
    if (present[i]) continue;
    lost.push_back(i);
    to.push_back(all[i].data());
  }
  if (lost.empty()) return;
  Bytes inverse(survivors.size());
  // Every choice of k rows is invertible: the parity rows are a Cauchy matrix.
  [[maybe_unused]] const int status =
      gf_invert_matrix(survivors.data(), inverse.data(), static_cast<int>(data_));
  assert(status == 0);
  Bytes rows;
  for (const unsigned i : lost) {
    const uint8_t* row = &inverse[size_t{i} * data_];
    rows.insert(rows.end(), row, row + data_);
  }
  Bytes tables(kTableBytes * data_ * lost.size());
  ec_init_tables(static_cast<int>(data_), static_cast<int>(lost.size()), rows.data(), tables.data());
  ec_encode_data(static_cast<int>(all[lost.front()].size()), static_cast<int>(data_),
                 static_cast<int>(lost.size()), tables.data(), from.data(), to.data());
}

}  // namespace thaw
