// TarBuilder: writes tar archives byte by byte, so that tests can have right ones and wrong ones.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace thaw::test {

using PaxList = std::vector<std::pair<std::string, std::string>>;

struct TarItem {
  std::string path;
  char type = '0';
  std::string content = {};
  std::string link = {};
  unsigned permissions = 0644;
  unsigned uid = 0;
  unsigned gid = 0;
  int64_t mtime = 1;
  unsigned device_major = 0;
  unsigned device_minor = 0;
  PaxList pax = {};
};

std::string pax_record(const std::string& key, const std::string& value);

class TarBuilder {
 public:
  // Paths and links of more than 100 bytes get pax records.
  TarBuilder& add(TarItem item);
  TarBuilder& file(const std::string& path, const std::string& content) {
    return add({.path = path, .content = content});
  }
  TarBuilder& directory(const std::string& path) {
    return add({.path = path, .type = '5', .permissions = 0755});
  }
  TarBuilder& symlink(const std::string& path, const std::string& target) {
    return add({.path = path, .type = '2', .link = target});
  }
  TarBuilder& hard_link(const std::string& path, const std::string& target) {
    return add({.path = path, .type = '1', .link = target});
  }
  // Bytes as they are.
  TarBuilder& raw(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }

  // The archive, ended by two blocks of zeros.
  std::string finish() const { return bytes_ + std::string(1024, '\0'); }
  // Without an end.
  const std::string& bytes() const { return bytes_; }

 private:
  void block(const TarItem& item, uint64_t size);
  void payload(std::string_view bytes);

  std::string bytes_;
};

}  // namespace thaw::test
