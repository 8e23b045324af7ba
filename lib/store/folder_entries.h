// The objects and folders in one folder of a directory store, and the walk over all levels that list() needs.
//
// Blocking; any thread may call. Internal to lib/store.
#pragma once

#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/store/object_store.h"

namespace thaw {

// Deeper folders are not ours; their contents are left out.
inline constexpr int kMaxFolderDepth = 16;

struct FolderEntry {
  std::string name;
  bool is_folder = false;
};

// Regular files and folders whose names can stand in a key, in the order of the keys below them. kRefused
// when a symbolic link stands there; everything else is left out.
Result<std::vector<FolderEntry>> folder_entries(int folder, const std::string& key);

// ObjectReader::list below the open folder that options.prefix names.
Result<std::vector<ListedObject>> list_objects(int folder, const ListOptions& options);

}  // namespace thaw
