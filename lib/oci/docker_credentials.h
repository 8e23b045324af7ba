// The logins that `docker login` and `skopeo login` keep: config.json and auth.json, with what credential
// helpers know (docs.docker.com, "docker login"; containers-auth.json(5)).
#pragma once

#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/oci/limits.h"

namespace thaw {

struct RegistryLogin {
  std::string user;
  std::string password;
  std::string identity_token;  // in place of both: a refresh token

  bool empty() const { return user.empty() && identity_token.empty(); }
};

// The files that the environment names, in the order in which they are asked: $REGISTRY_AUTH_FILE,
// $XDG_RUNTIME_DIR/containers/auth.json, $DOCKER_CONFIG/config.json or else $HOME/.docker/config.json.
std::vector<std::string> credential_files();

// The login for a repository ("team/web") of a registry ("docker.io", "127.0.0.1:5000"), from the first file
// that has one; empty when none has. Files that are not there are passed over. May run a credential helper:
// blocks. kUsage for a file that is not understood.
Result<RegistryLogin> find_login(const std::string& registry, const std::string& repository,
                                 const std::vector<std::string>& files, const Limits& limits);

}  // namespace thaw
