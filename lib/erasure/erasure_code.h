// ErasureCode: k data shards and m parity shards of equal length, of which any k give all back (Reed-Solomon
// over GF(2^8), by ISA-L). The code is systematic: the data shards are the data. k = 1 is replication, m = 0
// plain striping. docs/formats/zone.md gives the matrix.
//
// Immutable after construction, which computes the tables; any thread may use it.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/base/buffer.h"
#include "lib/base/result.h"

namespace thaw {

class ErasureCode {
 public:
  static constexpr unsigned kMaxData = 32;
  static constexpr unsigned kMaxParity = 16;

  // kUsage when a count is out of bounds.
  static Result<ErasureCode> create(unsigned data_shards, unsigned parity_shards);

  unsigned data_shards() const { return data_; }
  unsigned parity_shards() const { return parity_; }
  unsigned shards() const { return data_ + parity_; }

  // Fills the parity shards. REQUIRES: data.size() == data_shards(), parity.size() == parity_shards(), all of
  // one length
  void encode(const std::vector<ByteView>& data, const std::vector<MutableBytes>& parity) const;

  // Fills those of the data shards that are not `present`. `all` holds every shard's memory, data first;
  // parity shards that are not present may be empty.
  // REQUIRES: all.size() == present.size() == shards(), at least data_shards() are present, of one length
  void restore_data(const std::vector<MutableBytes>& all, const std::vector<bool>& present) const;

 private:
  ErasureCode(unsigned data, unsigned parity);

  unsigned data_;
  unsigned parity_;
  Bytes matrix_;  // (data + parity) rows of `data` coefficients; the first `data` rows are the identity
  mutable Bytes encode_tables_;  // mutable because ISA-L's signatures lack const; nothing writes them
};

}  // namespace thaw
