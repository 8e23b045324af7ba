// ImageName: NAME[:TAG][@sha256:DIGEST], as people write it.
#pragma once

#include <optional>
#include <string>

#include "lib/base/digest.h"
#include "lib/base/result.h"

namespace thaw {

struct ImageName {
  std::string name;
  std::string tag = "latest";
  std::optional<Digest> digest;  // of the manifest: with it, nothing else is read

  // kUsage with what is allowed. `name` is [a-z0-9]([a-z0-9._/-]*[a-z0-9])?, `tag` [A-Za-z0-9._-]+.
  static Result<ImageName> parse(const std::string& text);

  // "web:7"
  std::string text() const { return name + ":" + tag; }
};

// [a-z0-9-]+, at most 64.
Status check_tenant(const std::string& tenant);

}  // namespace thaw
