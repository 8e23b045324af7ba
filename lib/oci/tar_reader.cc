#include "lib/oci/tar_reader.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "lib/oci/context.h"

namespace thaw {
namespace {

constexpr uint64_t kLargestStored = std::numeric_limits<int64_t>::max() - kTarBlock;

uint64_t padding_of(uint64_t size) { return (kTarBlock - size % kTarBlock) % kTarBlock; }

Result<TarType> type_of(const TarHeader& header) {
  switch (header.type) {
    case '\0':
      return header.entry.path.ends_with('/') ? TarType::kDirectory : TarType::kFile;
    case '0':
    case '7':  // contiguous: a file, elsewhere than on the system of its day
    case 'S':
      return TarType::kFile;
    case '1':
      return TarType::kHardLink;
    case '2':
      return TarType::kSymlink;
    case '3':
      return TarType::kCharDevice;
    case '4':
      return TarType::kBlockDevice;
    case '5':
      return TarType::kDirectory;
    case '6':
      return TarType::kFifo;
    default:
      return damaged("it has the unknown type '" + printable(std::string_view(&header.type, 1)) + "'");
  }
}

Result<uint32_t> check_owner(int64_t id) {
  // 2^32 - 1 means "leave it" to chown.
  if (id < 0 || id >= std::numeric_limits<uint32_t>::max()) {
    return damaged("owner " + std::to_string(id) + " is out of range");
  }
  return static_cast<uint32_t>(id);
}

}  // namespace

Status TarReader::fill() {
  if (used_ < buffer_.size() || ended_) return {};
  THAW_ASSIGN(buffer_, stream_.next());
  used_ = 0;
  ended_ = buffer_.empty();
  return {};
}

ByteView TarReader::take(uint64_t at_most) {
  const auto length = static_cast<size_t>(std::min<uint64_t>(at_most, buffer_.size() - used_));
  const ByteView bytes = buffer_.view().subspan(used_, length);
  used_ += length;
  position_ += length;
  return bytes;
}

Status TarReader::read_exactly(MutableBytes out) {
  while (!out.empty()) {
    THAW_TRY(fill());
    if (ended_) return damaged("the tar archive ends early");
    const ByteView bytes = take(out.size());
    std::memcpy(out.data(), bytes.data(), bytes.size());
    out = out.subspan(bytes.size());
  }
  return {};
}

Status TarReader::skip(uint64_t bytes) {
  bytes -= take(bytes).size();
  const uint64_t passed = stream_.skip(bytes);
  position_ += passed;
  bytes -= passed;
  while (bytes > 0) {
    THAW_TRY(fill());
    if (ended_) return damaged("the tar archive ends early");
    bytes -= take(bytes).size();
  }
  return {};
}

Status TarReader::skip_rest() {
  THAW_TRY(skip(stored_));
  // Some writers leave out what fills the last block, and the end with it; all readers allow that.
  while (padding_ > 0) {
    THAW_TRY(fill());
    if (ended_) break;
    padding_ -= static_cast<decltype(padding_)>(take(padding_).size());
  }
  stored_ = 0;
  padding_ = 0;
  ranges_.clear();
  range_ = 0;
  range_used_ = 0;
  return {};
}

Status TarReader::drain() {
  for (used_ = buffer_.size(); !ended_; used_ = buffer_.size()) {
    THAW_TRY(fill());
    position_ += buffer_.size();
  }
  return {};
}

// False at the end of the stream.
Result<bool> TarReader::read_block(TarBlock& block) {
  THAW_TRY(fill());
  if (ended_) return false;
  THAW_TRY(read_exactly(block));
  return true;
}

// False at the archive's end: two blocks of zeros, or (as all readers allow) nothing more.
Result<bool> TarReader::read_header_block(TarBlock& block) {
  THAW_ASSIGN(const bool first, read_block(block));
  if (!first) return false;
  if (!is_zero(block)) return true;
  THAW_ASSIGN(const bool second, read_block(block));
  if (second && !is_zero(block)) return damaged("the tar archive goes on behind a block of zeros");
  return false;
}

Result<bool> TarReader::next(TarEntry& entry) {
  THAW_TRY(skip_rest());
  pax_ = {};
  long_path_.reset();
  long_link_.reset();
  header_bytes_ = 0;
  TarBlock block;
  for (;;) {
    THAW_ASSIGN(const bool more, read_header_block(block));
    if (!more && header_bytes_ > 0) return damaged("the tar archive ends behind an extended header");
    if (!more) return false;
    THAW_ASSIGN(TarHeader header, parse_tar_header(block));
    THAW_ASSIGN(const bool special, read_special(header));
    if (special) continue;
    const Status finished = finish_entry(header, block, entry);
    if (!finished.ok()) return about("entry " + printable(header.entry.path), finished.error());
    return true;
  }
}

Status TarReader::count_header(uint64_t bytes) {
  header_bytes_ += bytes;
  if (bytes <= limits_.max_header_bytes && header_bytes_ <= limits_.max_header_bytes) return {};
  return over_limit("the headers of one tar entry are larger", "max_header_bytes", limits_.max_header_bytes);
}

Result<bool> TarReader::read_special(const TarHeader& header) {
  if (header.type == 'g') {
    if (header.size > kLargestStored) return damaged("a tar header has an impossible size");
    THAW_TRY(skip(header.size + padding_of(header.size)));
    return true;
  }
  if (header.type != 'x' && header.type != 'L' && header.type != 'K') return false;
  THAW_ASSIGN(std::string text, read_special_text(header.size));
  if (header.type == 'x') {
    THAW_TRY(parse_pax(text, limits_, pax_));
    return true;
  }
  text.resize(std::min(text.find('\0'), text.size()));
  (header.type == 'L' ? long_path_ : long_link_) = std::move(text);
  return true;
}

Result<std::string> TarReader::read_special_text(uint64_t size) {
  THAW_TRY(count_header(kTarBlock));
  THAW_TRY(count_header(size));
  std::string text(static_cast<size_t>(size), '\0');
  THAW_TRY(read_exactly({reinterpret_cast<uint8_t*>(text.data()), text.size()}));
  THAW_TRY(skip(padding_of(size)));
  return text;
}

Status TarReader::apply_pax(TarHeader& header) {
  TarEntry& entry = header.entry;
  if (long_path_) entry.path = std::move(*long_path_);
  if (long_link_) entry.link = std::move(*long_link_);
  if (pax_.path) entry.path = std::move(*pax_.path);
  if (pax_.link) entry.link = std::move(*pax_.link);
  if (pax_.sparse.name) entry.path = std::move(*pax_.sparse.name);
  if (pax_.mtime) entry.mtime = *pax_.mtime;
  if (pax_.size) header.size = *pax_.size;
  entry.xattrs = std::move(pax_.xattrs);
  THAW_ASSIGN(entry.uid, check_owner(pax_.uid.value_or(header.uid)));
  THAW_ASSIGN(entry.gid, check_owner(pax_.gid.value_or(header.gid)));
  if (header.size > kLargestStored) return damaged("its size is impossible");
  return {};
}

Status TarReader::finish_entry(TarHeader& header, const TarBlock& block, TarEntry& entry) {
  THAW_TRY(apply_pax(header));
  THAW_ASSIGN(header.entry.type, type_of(header));
  const bool old_sparse = header.type == 'S';
  entry = std::move(header.entry);
  header.entry.path = entry.path;
  if (entry.type != TarType::kFile) return {};
  stored_ = header.size;
  padding_ = padding_of(stored_);
  entry.size = stored_;
  if (old_sparse) THAW_TRY(read_old_sparse(block, entry));
  if (!old_sparse && pax_.sparse.present()) {
    entry.sparse = true;
    if (!pax_.sparse.real_size) return damaged("a sparse file without a size");
    entry.size = *pax_.sparse.real_size;
    if (!pax_.sparse.map_in_data()) ranges_ = std::move(pax_.sparse.ranges);
    if (pax_.sparse.map_in_data()) THAW_TRY(read_sparse_map());
  }
  if (!entry.sparse) ranges_.assign(1, SparseRange{0, stored_});
  THAW_TRY(check_sparse_ranges(ranges_, entry.size, stored_));
  return {};
}

Status TarReader::read_old_sparse(const TarBlock& block, TarEntry& entry) {
  entry.sparse = true;
  THAW_ASSIGN(bool more, parse_old_sparse_header(block, entry.size, ranges_));
  TarBlock extension;
  while (more) {
    if (ranges_.size() >= limits_.max_sparse_ranges) {
      return over_limit("a sparse file's map has more ranges", "max_sparse_ranges",
                        limits_.max_sparse_ranges);
    }
    THAW_TRY(read_exactly(extension));
    THAW_ASSIGN(more, parse_old_sparse_block(extension, ranges_));
  }
  return {};
}

// The map of pax 1.0: lines of decimal numbers in front of the data, padded to a block.
Status TarReader::read_sparse_map() {
  const uint64_t start = position_;
  const uint64_t all = stored_;
  THAW_ASSIGN(const uint64_t count, read_map_number());
  if (count > limits_.max_sparse_ranges) {
    return over_limit("a sparse file's map has more ranges", "max_sparse_ranges", limits_.max_sparse_ranges);
  }
  for (uint64_t i = 0; i < count; ++i) {
    SparseRange range;
    THAW_ASSIGN(range.offset, read_map_number());
    THAW_ASSIGN(range.length, read_map_number());
    ranges_.push_back(range);
  }
  const uint64_t map_padding = padding_of(position_ - start);
  THAW_TRY(skip(map_padding));
  if (position_ - start > all) return damaged("a sparse file's map is longer than its data");
  stored_ = all - (position_ - start);
  return {};
}

Result<uint64_t> TarReader::read_map_number() {
  uint64_t value = 0;
  for (int digits = 0; digits < 20; ++digits) {
    uint8_t c = 0;
    THAW_TRY(read_exactly(MutableBytes(&c, 1)));
    if (c == '\n' && digits > 0) return value;
    if (c < '0' || c > '9') break;
    if (value > std::numeric_limits<int64_t>::max() / 10 - 9) break;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  return damaged("a sparse file's map is not made of numbers");
}

Result<TarData> TarReader::data() {
  while (range_ < ranges_.size() && range_used_ == ranges_[range_].length) {
    ++range_;
    range_used_ = 0;
  }
  if (range_ == ranges_.size()) return TarData{};
  THAW_TRY(fill());
  if (ended_) return damaged("the tar archive ends early");
  const SparseRange& range = ranges_[range_];
  const TarData data{range.offset + range_used_, take(range.length - range_used_)};
  range_used_ += data.bytes.size();
  stored_ -= data.bytes.size();
  return data;
}

}  // namespace thaw
