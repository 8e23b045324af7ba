// ProcessUser: the numeric user and groups that a container's process runs as.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/result.h"

namespace thaw {

struct ProcessUser {
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> extra_gids;
  std::string home = "/";
};

// Resolves "", "USER", "UID", "USER:GROUP" or "UID:GID" with the root filesystem's own /etc/passwd and
// /etc/group, as the OCI image specification describes `config.User`. kNotFound for a name that is in
// neither.
Result<ProcessUser> resolve_user(const std::string& root, const std::string& wanted);

}  // namespace thaw
