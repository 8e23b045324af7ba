#include "lib/oci/content_writer.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace thaw {
namespace {

constexpr size_t kBlock = 4096;
constexpr size_t kPendingBytes = 1024 * 1024;
constexpr size_t kReadBytes = 256 * 1024;

bool is_zero(ByteView bytes) {
  // Comparing a range with itself, one byte on, is memcmp at its full speed.
  return bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

// The length of the run of blocks at the front that are alike in being zero or not.
size_t run_length(ByteView blocks, bool zero) {
  size_t length = 0;
  while (length < blocks.size() && is_zero(blocks.subspan(length, kBlock)) == zero) length += kBlock;
  return length;
}

}  // namespace

ContentWriter::ContentWriter(Spool& spool) : spool_(spool), pending_(kPendingBytes), partial_(kBlock) {}

void ContentWriter::hash_number(uint64_t value) {
  std::array<uint8_t, 8> bytes{};
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(value >> (8 * i));
  hash_.update(bytes);
}

void ContentWriter::begin(uint64_t size) {
  size_ = size;
  offset_ = 0;
  partial_size_ = 0;
  segments_.clear();
  hash_.finish();
  guess_holds_ = size > 0;
  hash_number(size);
  if (!guess_holds_) return;
  hash_number(0);
  hash_number(size);
}

Status ContentWriter::write(ByteView bytes) {
  if (partial_size_ > 0) {
    const size_t length = std::min(kBlock - partial_size_, bytes.size());
    std::memcpy(partial_.data() + partial_size_, bytes.data(), length);
    partial_size_ += length;
    offset_ += length;
    bytes = bytes.subspan(length);
    if (partial_size_ == kBlock) THAW_TRY(end_partial());
  }
  const size_t whole = bytes.size() / kBlock * kBlock;
  THAW_TRY(write_blocks(bytes.first(whole)));
  bytes = bytes.subspan(whole);
  if (!bytes.empty()) std::memcpy(partial_.data() + partial_size_, bytes.data(), bytes.size());
  partial_size_ += bytes.size();
  offset_ += bytes.size();
  return {};
}

Status ContentWriter::skip(uint64_t bytes) {
  if (partial_size_ > 0) {
    const auto length = static_cast<size_t>(std::min<uint64_t>(kBlock - partial_size_, bytes));
    std::memset(partial_.data() + partial_size_, 0, length);
    partial_size_ += length;
    offset_ += length;
    bytes -= length;
    if (partial_size_ == kBlock) THAW_TRY(end_partial());
  }
  if (bytes == 0) return {};
  const uint64_t whole = bytes / kBlock * kBlock;
  if (whole > 0) guess_holds_ = false;
  partial_size_ = static_cast<size_t>(bytes - whole);
  std::memset(partial_.data(), 0, partial_size_);
  offset_ += bytes;
  return {};
}

// The block in partial_ is complete, or the file is.
Status ContentWriter::end_partial() {
  const ByteView block = partial_.view().first(partial_size_);
  const uint64_t start = offset_ - partial_size_;
  partial_size_ = 0;
  if (!is_zero(block)) return add_run(start, block);
  guess_holds_ = false;
  return {};
}

Status ContentWriter::write_blocks(ByteView blocks) {
  while (!blocks.empty()) {
    const size_t data = run_length(blocks, false);
    if (data > 0) THAW_TRY(add_run(offset_, blocks.first(data)));
    const size_t hole = run_length(blocks.subspan(data), true);
    if (hole > 0) guess_holds_ = false;
    offset_ += data + hole;
    blocks = blocks.subspan(data + hole);
  }
  return {};
}

Status ContentWriter::add_run(uint64_t offset, ByteView bytes) {
  if (guess_holds_) hash_.update(bytes);
  const uint64_t spool_offset = spool_.size() + pending_size_;
  if (!segments_.empty() && segments_.back().offset + segments_.back().length == offset) {
    segments_.back().length += bytes.size();
  } else {
    segments_.push_back({offset, bytes.size(), spool_offset});
  }
  return append(bytes);
}

Status ContentWriter::append(ByteView bytes) {
  if (pending_size_ + bytes.size() > pending_.size()) THAW_TRY(flush());
  if (bytes.size() > pending_.size()) {
    const auto written = spool_.append(bytes);
    return written.ok() ? Status() : Status(written.error());
  }
  std::memcpy(pending_.data() + pending_size_, bytes.data(), bytes.size());
  pending_size_ += bytes.size();
  return {};
}

Status ContentWriter::flush() {
  if (pending_size_ == 0) return {};
  const auto written = spool_.append(pending_.view().first(pending_size_));
  if (!written.ok()) return written.error();
  pending_size_ = 0;
  return {};
}

Status ContentWriter::hash_again() {
  hash_.finish();
  hash_number(size_);
  Buffer buffer(kReadBytes);
  for (const Segment& segment : segments_) {
    hash_number(segment.offset);
    hash_number(segment.length);
    for (uint64_t done = 0; done < segment.length;) {
      const auto length = static_cast<size_t>(std::min<uint64_t>(kReadBytes, segment.length - done));
      const uint64_t at = segment.spool_offset + done;
      // The newest bytes are in memory still, whole segments or the tail of one.
      if (at >= spool_.size()) {
        hash_.update(pending_.view().subspan(at - spool_.size(), length));
        done += length;
        continue;
      }
      const auto stored = static_cast<size_t>(std::min<uint64_t>(length, spool_.size() - at));
      THAW_TRY(spool_.read(at, buffer.mutable_view().first(stored)));
      hash_.update(buffer.view().first(stored));
      done += stored;
    }
  }
  return {};
}

Result<FileContent> ContentWriter::finish() {
  THAW_TRY(skip(size_ - offset_));
  if (partial_size_ > 0) THAW_TRY(end_partial());
  if (size_ > 0 && !guess_holds_) THAW_TRY(hash_again());
  return FileContent{std::move(segments_), hash_.finish()};
}

}  // namespace thaw
