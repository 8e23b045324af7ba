// The object store that a URL names: file:///DIR or s3://BUCKET/PREFIX.
//
// Called at start-up by whoever constructs the parts; blocking.
#pragma once

#include <memory>
#include <string_view>

#include "lib/aws/credentials.h"
#include "lib/base/executor.h"
#include "lib/base/result.h"
#include "lib/http/http_client.h"
#include "lib/store/object_store.h"
#include "lib/store/s3_place.h"

namespace thaw {

enum class StoreUse : uint8_t {
  kRead,     // touches nothing: a store that is not there yet, or just now, is kUnreachable when it is read
  kBuild,    // makes the folder when it is missing
  kCollect,  // as kRead, for long work that should not end with a hiccup
};

// What a store works with; all of it must outlive the store.
struct StoreParts {
  Executor& executor;          // runs blocking calls and hashes
  HttpClient* http = nullptr;  // for S3, like the rest
  AwsCredentialSource* credentials = nullptr;
  S3Options s3{};
};

constexpr bool is_s3_url(std::string_view url) { return url.starts_with("s3://"); }

// kUsage for a URL that names no store, whether there is one or not. Touches nothing.
Status check_store_url(std::string_view url, const S3Options& s3);

// kUsage for a URL that names no store. REQUIRES: parts.http and parts.credentials, when is_s3_url(url)
Result<std::unique_ptr<ObjectStore>> open_object_store(std::string_view url, StoreUse use,
                                                       const StoreParts& parts);

}  // namespace thaw
