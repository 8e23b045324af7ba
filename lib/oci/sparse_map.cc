#include "lib/oci/sparse_map.h"

#include <charconv>

#include "lib/oci/context.h"

namespace thaw {
namespace {

Result<uint64_t> parse_decimal(std::string_view text) {
  uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) {
    return damaged("a sparse file's map holds \"" + printable(text) + "\", which is no number in range");
  }
  return value;
}

// `count` fields of 12 + 12 bytes; an empty one ends the list.
Status parse_old_ranges(ByteView fields, size_t count, std::vector<SparseRange>& ranges) {
  for (size_t i = 0; i < count; ++i) {
    const ByteView offset = fields.subspan(i * 24, 12);
    const ByteView length = fields.subspan(i * 24 + 12, 12);
    if (offset[0] == 0) return {};
    THAW_ASSIGN(const int64_t at, parse_tar_number(offset));
    THAW_ASSIGN(const int64_t bytes, parse_tar_number(length));
    if (at < 0 || bytes < 0) return damaged("a sparse file's map has a negative number");
    ranges.push_back({static_cast<uint64_t>(at), static_cast<uint64_t>(bytes)});
  }
  return {};
}

}  // namespace

Status PaxSparse::add(std::string_view key, std::string_view value, const Limits& limits) {
  if (key == "name") {
    if (value.find('\0') != std::string_view::npos) return damaged("pax header: a path contains a NUL");
    name = value;
    return {};
  }
  if (key == "map") return add_map(value, limits);
  if (key == "size" || key == "realsize") {
    THAW_ASSIGN(real_size, parse_decimal(value));
  } else if (key == "major") {
    THAW_ASSIGN(major_, parse_decimal(value));
    if (major_ > 1) return damaged("a sparse file of an unknown format");
  } else if (key == "offset") {
    if (ranges.size() >= limits.max_sparse_ranges) {
      return over_limit("a sparse file's map has more ranges", "max_sparse_ranges", limits.max_sparse_ranges);
    }
    SparseRange range;
    THAW_ASSIGN(range.offset, parse_decimal(value));
    ranges.push_back(range);
  } else if (key == "numbytes") {
    if (ranges.empty()) return damaged("a sparse file's map has a length without an offset");
    THAW_ASSIGN(ranges.back().length, parse_decimal(value));
  }
  return {};
}

Status PaxSparse::add_map(std::string_view text, const Limits& limits) {
  ranges.clear();
  while (!text.empty()) {
    if (ranges.size() >= limits.max_sparse_ranges) {
      return over_limit("a sparse file's map has more ranges", "max_sparse_ranges", limits.max_sparse_ranges);
    }
    const size_t first = text.find(',');
    if (first == std::string_view::npos) return damaged("a sparse file's map has an offset without a length");
    const size_t second = std::min(text.find(',', first + 1), text.size());
    SparseRange range;
    THAW_ASSIGN(range.offset, parse_decimal(text.substr(0, first)));
    THAW_ASSIGN(range.length, parse_decimal(text.substr(first + 1, second - first - 1)));
    ranges.push_back(range);
    text.remove_prefix(std::min(second + 1, text.size()));
  }
  return {};
}

Result<bool> parse_old_sparse_header(const TarBlock& block, uint64_t& real_size,
                                     std::vector<SparseRange>& ranges) {
  const ByteView bytes(block);
  THAW_TRY(parse_old_ranges(bytes.subspan(386), 4, ranges));
  THAW_ASSIGN(const int64_t size, parse_tar_number(bytes.subspan(483, 12)));
  if (size < 0) return damaged("a sparse file has a negative size");
  real_size = static_cast<uint64_t>(size);
  return block[482] != 0;
}

Result<bool> parse_old_sparse_block(const TarBlock& block, std::vector<SparseRange>& ranges) {
  THAW_TRY(parse_old_ranges(ByteView(block), 21, ranges));
  return block[504] != 0;
}

Status check_sparse_ranges(const std::vector<SparseRange>& ranges, uint64_t size, uint64_t stored) {
  uint64_t end = 0;
  uint64_t sum = 0;
  for (const SparseRange& range : ranges) {
    if (range.offset < end || range.offset > size || range.length > size - range.offset) {
      return damaged("a sparse file's map has ranges that overlap or lie outside the file");
    }
    end = range.offset + range.length;
    sum += range.length;
  }
  if (sum != stored) return damaged("a sparse file's map does not fit the data that the archive holds");
  return {};
}

}  // namespace thaw
