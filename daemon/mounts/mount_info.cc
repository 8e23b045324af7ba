#include "daemon/mounts/mount_info.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "lib/base/file.h"

namespace thaw {
namespace {

constexpr size_t kMaxMountInfoBytes = size_t{64} << 20;

bool is_octal(char c) { return c >= '0' && c <= '7'; }

// Blanks and backslashes are written as \040.
std::string unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
        is_octal(text[i + 3])) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const size_t end = std::min(line.find(' '), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return words;
}

// id parent major:minor root mountpoint options tags… - type source options
std::optional<MountEntry> parse_line(std::string_view line) {
  const auto words = split(line);
  const auto dash = std::find(words.begin(), words.end(), "-");
  if (dash - words.begin() < 6 || words.end() - dash < 4) return std::nullopt;
  return MountEntry{.device = std::string(words[2]),
                    .root = unescape(words[3]),
                    .mountpoint = unescape(words[4]),
                    .type = std::string(dash[1]),
                    .source = unescape(dash[2]),
                    .options = unescape(dash[3])};
}

}  // namespace

std::vector<MountEntry> parse_mount_info(std::string_view text) {
  std::vector<MountEntry> entries;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    auto entry = parse_line(text.substr(0, end));
    if (entry) entries.push_back(std::move(*entry));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return entries;
}

Result<std::vector<MountEntry>> read_mount_info(const std::string& process) {
  const std::string path = "/proc/" + process + "/mountinfo";
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return system_error(path, errno);
  std::string text;
  std::array<char, 65536> part{};
  for (;;) {
    const ssize_t n = ::read(fd.get(), part.data(), part.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(path, errno);
    if (n == 0) return parse_mount_info(text);
    text.append(part.data(), static_cast<size_t>(n));
    if (text.size() > kMaxMountInfoBytes) return Error{Code::kFailed, path + ": more than 64 MiB of mounts"};
  }
}

const MountEntry* mounted_on(const std::vector<MountEntry>& entries, std::string_view path) {
  const auto found = std::find_if(entries.rbegin(), entries.rend(),
                                  [path](const MountEntry& entry) { return entry.mountpoint == path; });
  return found == entries.rend() ? nullptr : &*found;
}

bool has_mount(const std::vector<MountEntry>& entries, std::string_view path, std::string_view device) {
  return std::ranges::any_of(
      entries, [&](const MountEntry& entry) { return entry.mountpoint == path && entry.device == device; });
}

}  // namespace thaw
