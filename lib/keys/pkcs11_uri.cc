#include "lib/keys/pkcs11_uri.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>

namespace thaw {
namespace {

constexpr std::string_view kScheme = "pkcs11:";
constexpr size_t kMaxTokenLabelBytes = 32;  // of CK_TOKEN_INFO

struct UriAttribute {
  std::string_view name;
  std::string Pkcs11Uri::*place;
};

constexpr std::array kPathAttributes{UriAttribute{"token", &Pkcs11Uri::token}};
constexpr std::array kQueryAttributes{UriAttribute{"module-path", &Pkcs11Uri::module_path},
                                      UriAttribute{"pin-source", &Pkcs11Uri::pin_file},
                                      UriAttribute{"thaw-builder-token", &Pkcs11Uri::builder_token},
                                      UriAttribute{"thaw-builder-pin-source", &Pkcs11Uri::builder_pin_file}};

Error wrong_uri(const std::string& what) { return Error{Code::kUsage, what}; }

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

Status take_attribute(std::span<const UriAttribute> known, std::string_view text, Pkcs11Uri& uri) {
  const size_t equals = std::min(text.find('='), text.size());
  const std::string name(text.substr(0, equals));
  if (name == "pin-value")
    return wrong_uri(
        "\"pin-value\" would be for all to see who see the configuration; name a file: "
        "pin-source=file:/PATH");
  const auto found = std::ranges::find(known, name, &UriAttribute::name);
  if (found == known.end())
    return wrong_uri("\"" + name + "\" is not known here; see docs/formats/pkcs11.md");
  const auto value = percent_decoded(text.substr(std::min(equals + 1, text.size())));
  if (!value || value->empty()) return wrong_uri("\"" + name + "\" has no value that can be read");
  std::string& place = uri.*(found->place);
  if (!place.empty()) return wrong_uri("\"" + name + "\" is there twice");
  place = *value;
  return {};
}

Status take_attributes(std::span<const UriAttribute> known, std::string_view text, char between,
                       Pkcs11Uri& uri) {
  while (!text.empty()) {
    const size_t end = std::min(text.find(between), text.size());
    THAW_TRY(take_attribute(known, text.substr(0, end), uri));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {};
}

// A PIN's place may be told as a path or as a file: URI.
Status make_path(const char* name, std::string& place) {
  for (const std::string_view scheme : {"file://", "file:"}) {
    if (!place.starts_with(scheme)) continue;
    place.erase(0, scheme.size());
    break;
  }
  if (place.starts_with('/')) return {};
  return wrong_uri("\"" + std::string(name) + "\" must be an absolute path");
}

}  // namespace

Result<Pkcs11Uri> Pkcs11Uri::parse(std::string_view url) {
  Pkcs11Uri uri;
  if (!is_one(url)) return wrong_uri("it is no pkcs11: URI");
  url.remove_prefix(kScheme.size());
  const size_t query = std::min(url.find('?'), url.size());
  THAW_TRY(take_attributes(kPathAttributes, url.substr(0, query), ';', uri));
  THAW_TRY(take_attributes(kQueryAttributes, url.substr(std::min(query + 1, url.size())), '&', uri));
  if (uri.token.empty()) return wrong_uri("pkcs11: needs token=LABEL");
  if (std::max(uri.token.size(), uri.builder_token.size()) > kMaxTokenLabelBytes)
    return wrong_uri("a token's label has at most 32 bytes");
  THAW_TRY(make_path("module-path", uri.module_path));
  THAW_TRY(make_path("pin-source", uri.pin_file));
  if (uri.builder_token.empty() && uri.builder_pin_file.empty()) return uri;
  if (uri.builder_token.empty()) return wrong_uri("thaw-builder-pin-source needs thaw-builder-token=LABEL");
  THAW_TRY(make_path("thaw-builder-pin-source", uri.builder_pin_file));
  return uri;
}

}  // namespace thaw
