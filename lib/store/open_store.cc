#include "lib/store/open_store.h"

#include <string>

#include "lib/base/file.h"
#include "lib/store/directory_store.h"

namespace thaw {

Result<std::unique_ptr<ObjectStore>> open_object_store(std::string_view url, StoreUse use,
                                                       Executor& executor) {
  constexpr std::string_view kFile = "file://";
  const std::string shown = "store.url \"" + std::string(url.substr(0, 200)) + "\"";
  if (url.starts_with("s3://")) {
    return Error{Code::kUsage, shown + ": S3 is not supported yet; use file:///DIR"};
  }
  if (!url.starts_with(kFile)) return Error{Code::kUsage, shown + " names no store; use file:///DIR"};
  std::string path(url.substr(kFile.size()));
  if (!path.starts_with('/')) {
    return Error{Code::kUsage,
                 shown + " has a relative path; write three slashes, as in file:///var/lib/thaw/store"};
  }
  if (path.find('\0') != std::string::npos) return Error{Code::kUsage, "store.url holds a zero byte"};
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (use == StoreUse::kBuild) THAW_TRY(make_folders(path, 0755));
  return std::unique_ptr<ObjectStore>(std::make_unique<DirectoryStore>(std::move(path), executor));
}

}  // namespace thaw
