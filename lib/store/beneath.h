// Finding files beneath a store's folder without ever following a symbolic link, so that no key leads out.
//
// Blocking; any thread may call. Internal to lib/store. Errors as ObjectReader names them: a folder that has
// gone away, EIO and ESTALE are transport trouble (kUnreachable), a missing object is kNotFound.
#pragma once

#include <string>

#include "lib/base/file.h"
#include "lib/base/result.h"

namespace thaw {

// The error for a system call that failed on an object.
Error object_error(const std::string& key, int errno_value);

// The store's folder itself; kUnreachable when it is not there (unplugged, unmounted).
Result<Fd> open_store_folder(const std::string& path);

struct Place {
  Fd folder;
  std::string name;  // in `folder`
};

// Where the object stands. kNotFound when a folder on the way is missing. REQUIRES: is_object_key(key)
Result<Place> find_place(int root, const std::string& key);

// As find_place, and makes missing folders (0755), not durable before sync_way.
Result<Place> make_place(int root, const std::string& key);

// A folder below the root; "" is the root itself, else `prefix` ends with "/".
Result<Fd> open_folder(int root, const std::string& prefix);

// fsync of the root and of every folder on the way to the last "/" of `key`.
Status sync_way(int root, const std::string& key);

// sync_way and every folder below `prefix`.
Status sync_below(int root, const std::string& prefix);

}  // namespace thaw
