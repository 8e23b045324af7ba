#include "lib/oci/pax.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "lib/oci/context.h"

namespace thaw {
namespace {

constexpr std::string_view kSchilyXattr = "SCHILY.xattr.";
constexpr std::string_view kLibarchiveXattr = "LIBARCHIVE.xattr.";
constexpr std::string_view kGnuSparse = "GNU.sparse.";

template <class T>
Result<T> parse_number(std::string_view text) {
  T value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) {
    return damaged("pax header: \"" + printable(text) + "\" is not a number in range");
  }
  return value;
}

int base64_value(char c) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const size_t at = kDigits.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

Result<std::string> decode_base64(std::string_view text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  std::string out;
  uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const int value = base64_value(c);
    if (value < 0) return damaged("pax header: an extended attribute is not base64");
    bits = (bits << 6 | static_cast<uint32_t>(value)) & 0xffffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out.push_back(static_cast<char>(bits >> count & 0xff));
  }
  return out;
}

// "%41" is "A": libarchive writes attribute names so.
std::string decode_percent(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const char* const digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2) {
      out.push_back(static_cast<char>(value));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

Status add_xattr(PaxRecords& records, std::string name, std::string value) {
  if (name.empty() || name.find('\0') != std::string::npos || name.size() > 255) {
    return damaged("pax header: \"" + printable(name) + "\" cannot name an extended attribute");
  }
  records.xattrs.insert_or_assign(std::move(name), std::move(value));
  return {};
}

Status add_text(std::optional<std::string>& field, std::string_view value) {
  if (value.find('\0') != std::string_view::npos) return damaged("pax header: a path contains a NUL");
  field = value;
  return {};
}

Status add_record(std::string_view key, std::string_view value, const Limits& limits, PaxRecords& records) {
  if (key.starts_with(kGnuSparse)) {
    return records.sparse.add(key.substr(kGnuSparse.size()), value, limits);
  }
  if (value.empty()) return {};
  if (key == "path") return add_text(records.path, value);
  if (key == "linkpath") return add_text(records.link, value);
  if (key == "size") {
    THAW_ASSIGN(records.size, parse_number<uint64_t>(value));
  } else if (key == "uid") {
    THAW_ASSIGN(records.uid, parse_number<int64_t>(value));
  } else if (key == "gid") {
    THAW_ASSIGN(records.gid, parse_number<int64_t>(value));
  } else if (key == "mtime") {
    THAW_ASSIGN(records.mtime, parse_pax_time(value));
  } else if (key.starts_with(kSchilyXattr)) {
    return add_xattr(records, std::string(key.substr(kSchilyXattr.size())), std::string(value));
  } else if (key.starts_with(kLibarchiveXattr)) {
    std::string name = decode_percent(key.substr(kLibarchiveXattr.size()));
    // Written twice by libarchive; the other form has the raw bytes.
    if (records.xattrs.contains(name)) return {};
    THAW_ASSIGN(std::string raw, decode_base64(value));
    return add_xattr(records, std::move(name), std::move(raw));
  }
  return {};
}

}  // namespace

Status parse_pax(std::string_view text, const Limits& limits, PaxRecords& records) {
  while (!text.empty()) {
    const size_t space = text.find(' ');
    const auto length = parse_number<uint64_t>(text.substr(0, space));
    if (space == std::string_view::npos || !length.ok() || length.value() > text.size() ||
        length.value() < space + 3 || text[length.value() - 1] != '\n') {
      return damaged("a pax header has a record of a wrong length");
    }
    const std::string_view record = text.substr(space + 1, length.value() - space - 2);
    const size_t equals = record.find('=');
    if (equals == 0 || equals == std::string_view::npos)
      return damaged("a pax header has a record without a key");
    THAW_TRY(add_record(record.substr(0, equals), record.substr(equals + 1), limits, records));
    text.remove_prefix(length.value());
  }
  return {};
}

Result<Timestamp> parse_pax_time(std::string_view text) {
  const size_t dot = text.find('.');
  const bool negative = text.starts_with('-');
  Timestamp time;
  THAW_ASSIGN(time.seconds, parse_number<int64_t>(text.substr(0, dot)));
  if (dot == std::string_view::npos) return time;
  uint32_t unit = 100'000'000;
  for (const char c : text.substr(dot + 1)) {
    if (c < '0' || c > '9') return damaged("pax header: \"" + printable(text) + "\" is not a time");
    time.nanoseconds += unit * static_cast<uint32_t>(c - '0');
    unit /= 10;
  }
  if (negative && time.nanoseconds > 0) {
    if (time.seconds == std::numeric_limits<int64_t>::min())
      return damaged("pax header: a time out of range");
    --time.seconds;
    time.nanoseconds = 1'000'000'000 - time.nanoseconds;
  }
  return time;
}

}  // namespace thaw
