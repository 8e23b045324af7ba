#include "lib/keys/pkcs11_uri.h"

#include <algorithm>
#include <array>

#include "lib/keys/uri_attributes.h"

namespace thaw {
namespace {

constexpr std::string_view kScheme = "pkcs11:";
constexpr std::string_view kPage = "docs/formats/pkcs11.md";
constexpr size_t kMaxTokenLabelBytes = 32;  // of CK_TOKEN_INFO

Error wrong_uri(const std::string& what) { return Error{Code::kUsage, what}; }

Status take_query(std::string_view query, Pkcs11Uri& uri) {
  std::string pin_value;
  const std::array attributes{
      UriAttribute{"module-path", &uri.module_path}, UriAttribute{"pin-source", &uri.pin_file},
      UriAttribute{"thaw-builder-token", &uri.builder_token},
      UriAttribute{"thaw-builder-pin-source", &uri.builder_pin_file}, UriAttribute{"pin-value", &pin_value}};
  THAW_TRY(take_uri_attributes(attributes, query, '&', kPage));
  if (pin_value.empty()) return {};
  return wrong_uri(
      "\"pin-value\" would be for all to see who see the configuration; name a file: "
      "pin-source=file:/PATH");
}

}  // namespace

Result<Pkcs11Uri> Pkcs11Uri::parse(std::string_view url) {
  Pkcs11Uri uri;
  if (!is_one(url)) return wrong_uri("it is no pkcs11: URI");
  url.remove_prefix(kScheme.size());
  const size_t query = std::min(url.find('?'), url.size());
  const std::array path{UriAttribute{"token", &uri.token}};
  THAW_TRY(take_uri_attributes(path, url.substr(0, query), ';', kPage));
  THAW_TRY(take_query(url.substr(std::min(query + 1, url.size())), uri));
  if (uri.token.empty()) return wrong_uri("pkcs11: needs token=LABEL");
  if (std::max(uri.token.size(), uri.builder_token.size()) > kMaxTokenLabelBytes)
    return wrong_uri("a token's label has at most 32 bytes");
  THAW_TRY(take_path("module-path", uri.module_path));
  THAW_TRY(take_path("pin-source", uri.pin_file));
  if (uri.builder_token.empty() && uri.builder_pin_file.empty()) return uri;
  if (uri.builder_token.empty()) return wrong_uri("thaw-builder-pin-source needs thaw-builder-token=LABEL");
  THAW_TRY(take_path("thaw-builder-pin-source", uri.builder_pin_file));
  return uri;
}

}  // namespace thaw
