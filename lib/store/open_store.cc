#include "lib/store/open_store.h"

#include <string>

#include "lib/base/file.h"
#include "lib/base/file_url.h"
#include "lib/store/directory_store.h"
#include "lib/store/s3_store.h"

namespace thaw {
namespace {

using OpenedStore = Result<std::unique_ptr<ObjectStore>>;

Result<std::string> parse_directory(std::string_view url) {
  const std::string shown = "store.url \"" + std::string(url.substr(0, 200)) + "\"";
  std::optional<std::string> path = path_of_file_url(url);
  if (!path) return Error{Code::kUsage, shown + " names no store; use file:///DIR or s3://BUCKET/PREFIX"};
  if (!path->starts_with('/')) {
    return Error{Code::kUsage,
                 shown + " has a relative path; write three slashes, as in file:///var/lib/thaw/store"};
  }
  if (path->find('\0') != std::string::npos) return Error{Code::kUsage, "store.url holds a zero byte"};
  while (path->size() > 1 && path->back() == '/') path->pop_back();
  return *std::move(path);
}

OpenedStore open_directory(std::string_view url, StoreUse use, Executor& executor) {
  THAW_ASSIGN(std::string path, parse_directory(url));
  if (use == StoreUse::kBuild) THAW_TRY(make_folders(path, 0755));
  return std::unique_ptr<ObjectStore>(std::make_unique<DirectoryStore>(std::move(path), executor));
}

OpenedStore open_bucket(std::string_view url, const StoreParts& parts) {
  THAW_ASSIGN(S3Place place, S3Place::parse(url, parts.s3));
  return std::unique_ptr<ObjectStore>(
      std::make_unique<S3Store>(std::move(place), *parts.http, parts.executor, *parts.credentials));
}

}  // namespace

Status check_store_url(std::string_view url, const S3Options& s3) {
  if (is_s3_url(url)) {
    THAW_TRY(S3Place::parse(url, s3));
  } else {
    THAW_TRY(parse_directory(url));
  }
  return {};
}

OpenedStore open_object_store(std::string_view url, StoreUse use, const StoreParts& parts) {
  return is_s3_url(url) ? open_bucket(url, parts) : open_directory(url, use, parts.executor);
}

}  // namespace thaw
