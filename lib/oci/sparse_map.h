// Sparse files in tar archives, as GNU tar's manual, appendix "Sparse Formats", describes them: the old GNU
// header blocks, and pax 0.0, 0.1 and 1.0.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/oci/limits.h"
#include "lib/oci/tar_entry.h"
#include "lib/oci/tar_header.h"

namespace thaw {

// What GNU.sparse.* records of a pax header said.
class PaxSparse {
 public:
  // `key` without its "GNU.sparse.".
  Status add(std::string_view key, std::string_view value, const Limits& limits);

  bool present() const { return real_size.has_value() || map_in_data(); }
  // The map stands in front of the file's data (1.0), not in the header.
  bool map_in_data() const { return major_ == 1; }

  std::optional<std::string> name;    // the file's own name; the header has a made-up one
  std::optional<uint64_t> real_size;  // logical bytes
  std::vector<SparseRange> ranges;    // 0.0 and 0.1

 private:
  Status add_map(std::string_view text, const Limits& limits);

  uint64_t major_ = 0;
};

// Ranges from the fields of an old GNU header (offset 386) or of a block that extends it (offset 0).
// True when one more block follows.
Result<bool> parse_old_sparse_header(const TarBlock& block, uint64_t& real_size,
                                     std::vector<SparseRange>& ranges);
Result<bool> parse_old_sparse_block(const TarBlock& block, std::vector<SparseRange>& ranges);

// Ascending, disjoint, inside `size`, and as long in all as the data that the archive holds.
Status check_sparse_ranges(const std::vector<SparseRange>& ranges, uint64_t size, uint64_t stored);

}  // namespace thaw
