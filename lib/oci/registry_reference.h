// RegistryReference: which image of which registry: "HOST[:PORT]/REPOSITORY[:TAG][@sha256:DIGEST]", as
// containers/image writes it.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace thaw {

struct RegistryReference {
  std::string registry;    // as it was named: "docker.io", "127.0.0.1:5000"
  std::string repository;  // "library/debian"
  std::string tag;         // "latest" when there is neither a tag nor a digest
  std::string digest;      // "sha256:…"; empty: none. It goes before the tag.

  // HOST[:PORT] of the server: docker.io's is registry-1.docker.io.
  std::string server() const;
  // What the registry is asked for.
  const std::string& target() const { return digest.empty() ? tag : digest; }
};

// Of "HOST/…", without "docker://". kUsage with what is wrong; a registry has to be named.
Result<RegistryReference> parse_registry_reference(std::string_view text);

// "SCHEME://USER:PASSWORD@HOST/…" as it may stand in a message: without the user and the password.
std::string without_login(std::string_view url);

}  // namespace thaw
