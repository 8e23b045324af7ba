#include "lib/manifest/image_name.h"

#include <algorithm>

namespace thaw {
namespace {

constexpr size_t kMaxNameBytes = 200;
constexpr size_t kMaxTagBytes = 128;
constexpr std::string_view kDigestPrefix = "@sha256:";

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_name_char(char c) { return is_lower_or_digit(c) || c == '.' || c == '_' || c == '/' || c == '-'; }

bool is_tag_char(char c) {
  return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-';
}

// A name becomes a path in the store; "a//b" and "a/../b" would be another name's path.
bool has_odd_component(const std::string& name) {
  const std::string path = "/" + name + "/";
  return path.find("//") != std::string::npos || path.find("/./") != std::string::npos ||
         path.find("/../") != std::string::npos;
}

bool valid_name(const std::string& name) {
  return !name.empty() && name.size() <= kMaxNameBytes && is_lower_or_digit(name.front()) &&
         is_lower_or_digit(name.back()) && std::ranges::all_of(name, is_name_char) &&
         !has_odd_component(name);
}

bool valid_tag(const std::string& tag) {
  return !tag.empty() && tag.size() <= kMaxTagBytes && tag != "." && tag != ".." &&
         std::ranges::all_of(tag, is_tag_char);
}

Error wrong(const std::string& text, const std::string& why) {
  return Error{Code::kUsage,
               "\"" + text + "\" is no image name: " + why + "; write NAME[:TAG][@sha256:DIGEST]"};
}

}  // namespace

Result<ImageName> ImageName::parse(const std::string& text) {
  ImageName result;
  std::string rest = text;
  if (const size_t at = rest.find('@'); at != std::string::npos) {
    if (rest.compare(at, kDigestPrefix.size(), kDigestPrefix) != 0)
      return wrong(text, "after @ comes sha256:");
    result.digest = Digest::from_hex(std::string_view(rest).substr(at + kDigestPrefix.size()));
    if (!result.digest) return wrong(text, "the digest must be 64 hexadecimal digits");
    rest.resize(at);
  }
  if (const size_t colon = rest.find(':'); colon != std::string::npos) {
    result.tag = rest.substr(colon + 1);
    rest.resize(colon);
  }
  if (!valid_tag(result.tag)) return wrong(text, "a tag is made of A-Z, a-z, 0-9, \".\", \"_\" and \"-\"");
  if (!valid_name(rest)) {
    return wrong(text,
                 "a name is made of a-z, 0-9, \".\", \"_\", \"/\" and \"-\" and begins and ends with a "
                 "letter or digit");
  }
  result.name = rest;
  return result;
}

Status check_tenant(const std::string& tenant) {
  const bool good = !tenant.empty() && tenant.size() <= 64 &&
                    std::ranges::all_of(tenant, [](char c) { return is_lower_or_digit(c) || c == '-'; });
  if (good) return {};
  return Error{Code::kUsage, "\"" + tenant + "\" is no tenant name: use a-z, 0-9 and -, at most 64"};
}

}  // namespace thaw
