#include "test/lib/oci/tar_builder.h"

#include <array>
#include <cstdio>

namespace thaw::test {
namespace {

void put(std::string& header, size_t offset, std::string_view text) {
  header.replace(offset, text.size(), text);
}

void put_octal(std::string& header, size_t offset, int width, uint64_t value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%0*llo", width, static_cast<unsigned long long>(value));
  put(header, offset, text.data());
}

// Two's complement in base 256, for what octal cannot hold.
void put_base256(std::string& header, size_t offset, size_t width, int64_t value) {
  for (size_t i = 0; i < width; ++i) {
    const size_t shift = 8 * (width - 1 - i);
    header[offset + i] = static_cast<char>(value >> (shift > 63 ? 63 : shift));
  }
  header[offset] = static_cast<char>(value < 0 ? 0xff : 0x80);
}

}  // namespace

std::string pax_record(const std::string& key, const std::string& value) {
  const size_t rest = key.size() + value.size() + 3;  // blank, equals, newline
  size_t length = rest + 1;
  while (std::to_string(length).size() + rest != length) ++length;
  return std::to_string(length) + " " + key + "=" + value + "\n";
}

void TarBuilder::payload(std::string_view bytes) {
  bytes_ += bytes;
  bytes_.append((512 - bytes.size() % 512) % 512, '\0');
}

void TarBuilder::block(const TarItem& item, uint64_t size) {
  std::string header(512, '\0');
  put(header, 0, std::string_view(item.path).substr(0, 100));
  put_octal(header, 100, 7, item.permissions);
  put_octal(header, 108, 7, item.uid & 07777777);
  put_octal(header, 116, 7, item.gid & 07777777);
  put_octal(header, 124, 11, size);
  if (item.mtime >= 0) {
    put_octal(header, 136, 11, static_cast<uint64_t>(item.mtime));
  } else {
    put_base256(header, 136, 12, item.mtime);
  }
  header[156] = item.type;
  put(header, 157, std::string_view(item.link).substr(0, 100));
  put(header, 257,
      std::string_view("ustar\0"
                       "00",
                       8));
  put_octal(header, 329, 7, item.device_major);
  put_octal(header, 337, 7, item.device_minor);
  put(header, 148, "        ");
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put_octal(header, 148, 6, sum);
  header[154] = '\0';
  bytes_ += header;
}

TarBuilder& TarBuilder::add(TarItem item) {
  if (item.path.size() > 100) item.pax.emplace_back("path", item.path);
  if (item.link.size() > 100) item.pax.emplace_back("linkpath", item.link);
  if (item.uid > 07777777) item.pax.emplace_back("uid", std::to_string(item.uid));
  if (item.gid > 07777777) item.pax.emplace_back("gid", std::to_string(item.gid));
  if (!item.pax.empty()) {
    std::string records;
    for (const auto& [key, value] : item.pax) records += pax_record(key, value);
    block({.path = "pax", .type = 'x'}, records.size());
    payload(records);
  }
  block(item, item.content.size());
  payload(item.content);
  return *this;
}

}  // namespace thaw::test
