// ImageName: NAME[:TAG][@sha256:DIGEST], as a person writes an image; and the grammar of its parts.
//
// Names are [a-z0-9]([a-z0-9._/-]*[a-z0-9])?, tags [A-Za-z0-9._-]+ (not "." or ".."; "latest" when left out),
// tenants [a-z0-9-]+, the digest 64 lower-case digits: the manifest's SHA-256. All errors are kUsage.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/base/digest.h"
#include "lib/base/result.h"

namespace thaw {

inline constexpr size_t kMaxNameBytes = 200;
inline constexpr size_t kMaxTagBytes = 128;
inline constexpr size_t kMaxTenantBytes = 64;

struct ImageName {
  std::string name;
  std::string tag = "latest";
  std::optional<Digest> digest;

  static Result<ImageName> parse(std::string_view text);

  // "web:7", with "@sha256:…" when there is a digest.
  std::string text() const;
};

Status check_name(std::string_view name);
Status check_tag(std::string_view tag);
Status check_tenant(std::string_view tenant);

}  // namespace thaw
