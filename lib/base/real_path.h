// without_links: where a path really lies. The kernel's tables of mounts and loop devices name no links.
#pragma once

#include <string>

namespace thaw {

// Absolute and without symbolic links; as it is where nothing is there.
std::string without_links(const std::string& path);

}  // namespace thaw
