#include "lib/manifest/image_name.h"

#include <algorithm>

namespace thaw {
namespace {

constexpr std::string_view kDigestPrefix = "sha256:";

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_name_char(char c) { return is_lower_or_digit(c) || c == '.' || c == '_' || c == '/' || c == '-'; }
bool is_tag_char(char c) {
  return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-';
}
bool is_tenant_char(char c) { return is_lower_or_digit(c) || c == '-'; }

// What a person typed, shortened and without control characters, so that the error stays one line.
std::string quoted(std::string_view text) {
  constexpr size_t kShown = 80;
  std::string out = "\"";
  for (const char c : text.substr(0, kShown)) out += c < ' ' || c > '~' ? '?' : c;
  return out + (text.size() > kShown ? "…\"" : "\"");
}

Error usage(std::string_view text, std::string_view why) {
  return Error{Code::kUsage, quoted(text) + " " + std::string(why)};
}

}  // namespace

Status check_name(std::string_view name) {
  if (name.empty()) return Error{Code::kUsage, "the image name is empty; write NAME or NAME:TAG"};
  if (name.size() > kMaxNameBytes) return usage(name, "is longer than an image name may be (200 characters)");
  if (!std::all_of(name.begin(), name.end(), is_name_char) || !is_lower_or_digit(name.front()) ||
      !is_lower_or_digit(name.back())) {
    return usage(
        name,
        "is no image name; use a-z, 0-9 and . _ / - with a letter or digit at both ends, as in web or "
        "team/web");
  }
  return {};
}

Status check_tag(std::string_view tag) {
  if (tag.empty()) return Error{Code::kUsage, "the tag behind ':' is empty; write NAME:TAG or only NAME"};
  if (tag.size() > kMaxTagBytes) return usage(tag, "is longer than a tag may be (128 characters)");
  if (!std::all_of(tag.begin(), tag.end(), is_tag_char) || tag == "." || tag == "..") {
    return usage(tag, "is no tag; use letters, digits and . _ -, as in 1.2-slim");
  }
  return {};
}

Status check_tenant(std::string_view tenant) {
  if (tenant.empty()) return Error{Code::kUsage, "the tenant is empty; use a-z, 0-9 and -"};
  if (tenant.size() > kMaxTenantBytes) return usage(tenant, "is longer than a tenant may be (64 characters)");
  if (!std::all_of(tenant.begin(), tenant.end(), is_tenant_char)) {
    return usage(tenant, "is no tenant; use a-z, 0-9 and -");
  }
  return {};
}

Result<ImageName> ImageName::parse(std::string_view text) {
  ImageName image;
  std::string_view named = text;
  if (const size_t at = text.find('@'); at != std::string_view::npos) {
    const std::string_view digest = text.substr(at + 1);
    named = text.substr(0, at);
    if (digest.starts_with(kDigestPrefix))
      image.digest = Digest::from_hex(digest.substr(kDigestPrefix.size()));
    if (!image.digest)
      return usage(text, "has no digest behind '@'; write @sha256: and 64 digits of 0-9, a-f");
  }
  const size_t colon = named.find(':');
  image.name = named.substr(0, colon);
  THAW_TRY(check_name(image.name));
  if (colon != std::string_view::npos) {
    image.tag = named.substr(colon + 1);
    THAW_TRY(check_tag(image.tag));
  }
  return image;
}

std::string ImageName::text() const {
  std::string out = name + ":" + tag;
  if (digest) out += "@sha256:" + digest->hex();
  return out;
}

}  // namespace thaw
