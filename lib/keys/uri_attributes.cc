#include "lib/keys/uri_attributes.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace thaw {
namespace {

constexpr size_t kShownNameBytes = 40;

Error wrong_attribute(std::string_view name, std::string_view what) {
  return {Code::kUsage, "\"" + std::string(name.substr(0, kShownNameBytes)) + "\" " + std::string(what)};
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    unsigned byte = 0;
    const std::string_view digits = text.substr(i + 1, 2);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (digits.size() != 2 || parsed.ptr != digits.data() + 2 || byte == 0) return std::nullopt;
    decoded += static_cast<char>(byte);
    i += 2;
  }
  return decoded;
}

Status take_attribute(std::span<const UriAttribute> known, std::string_view text, std::string_view page) {
  const size_t equals = std::min(text.find('='), text.size());
  const std::string_view name = text.substr(0, equals);
  const auto found = std::ranges::find(known, name, &UriAttribute::name);
  if (found == known.end()) return wrong_attribute(name, "is not known here; see " + std::string(page));
  const auto value = percent_decoded(text.substr(std::min(equals + 1, text.size())));
  if (!value || value->empty()) return wrong_attribute(name, "has no value that can be read");
  if (!found->place->empty()) return wrong_attribute(name, "is there twice");
  *found->place = *value;
  return {};
}

}  // namespace

Status take_uri_attributes(std::span<const UriAttribute> known, std::string_view text, char between,
                           std::string_view page) {
  while (!text.empty()) {
    const size_t end = std::min(text.find(between), text.size());
    THAW_TRY(take_attribute(known, text.substr(0, end), page));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {};
}

Status take_path(std::string_view name, std::string& place) {
  for (const std::string_view scheme : {"file://", "file:"}) {
    if (!place.starts_with(scheme)) continue;
    place.erase(0, scheme.size());
    break;
  }
  if (place.starts_with('/')) return {};
  return wrong_attribute(name, "must be an absolute path");
}

}  // namespace thaw
