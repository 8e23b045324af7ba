// Lookups inside a container's root filesystem that can never leave it, whatever its symbolic links say
// (openat2 with RESOLVE_IN_ROOT).
#pragma once

#include <string>
#include <vector>

#include "lib/base/file.h"
#include "lib/base/result.h"

namespace thaw {

// Opens `path` as the container would see it, with open(2)'s `flags`.
Result<Fd> open_in_root(const std::string& root, const std::string& path, int flags);

// The text of a small file; kNotFound when there is none.
Result<std::string> read_in_root(const std::string& root, const std::string& path);

// The path that `program` is executed as: itself when it holds a "/", else the first match in the PATH of
// `env`. kNotFound when there is none, kRefused when there is one that cannot be executed.
Result<std::string> find_program(const std::string& root, const std::string& program,
                                 const std::string& working_dir, const std::vector<std::string>& env);

}  // namespace thaw
