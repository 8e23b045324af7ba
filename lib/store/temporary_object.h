// TemporaryObject: an object that is being written: a file in the store's ".tmp" folder, on its way to its
// name.
//
// Owned by one writer, which holds a lock on the file: what a killed writer left behind has none, is listed
// by nobody, and is removed by a later writer. Blocking. Internal to lib/store.
#pragma once

#include <string>

#include "lib/base/file.h"
#include "lib/base/result.h"

namespace thaw {

class TemporaryObject {
 public:
  // Writes `bytes` and waits until they are on the disk.
  static Result<TemporaryObject> write(int root, const std::string& key, ByteView bytes);
  TemporaryObject(TemporaryObject&&) = default;
  TemporaryObject& operator=(TemporaryObject&&) = delete;
  // Removes what was not renamed.
  ~TemporaryObject();

  // Gives the object its name in `folder`, keeping what has it already: false then.
  Result<bool> link_to(int folder, const std::string& name, const std::string& key);
  // Gives the object its name in `folder`, replacing what has it.
  Status rename_to(int folder, const std::string& name, const std::string& key);

 private:
  TemporaryObject(Fd folder, std::string name) : folder_(std::move(folder)), name_(std::move(name)) {}

  Fd folder_;  // .tmp
  std::string name_;
  Fd file_;
};

// Removes files that no writer holds and that are older than an hour (a writer locks its file just after it
// made it). Errors are left alone: the next writer tries again.
void remove_stale_objects(int root);

}  // namespace thaw
