// The XML documents of S3: a page of a listing, an error. Pure; for bytes that nobody trusts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/buffer.h"
#include "lib/base/result.h"

namespace thaw {

struct S3ListedKey {
  std::string key;
  uint64_t size = 0;
  uint64_t modified = 0;  // seconds since 1970; 0 when the server's text is no time
};

struct S3ListPage {
  std::vector<S3ListedKey> keys;  // as the server has them, in its order
  bool truncated = false;
  std::string next;  // the continuation token, when truncated
};

inline constexpr size_t kMaxS3KeysPerPage = 1000;

// kDamaged when it is no ListBucketResult or has more keys than a page may.
Result<S3ListPage> parse_list_page(ByteView document);

// The error's code ("NoSuchKey"), at most 64 letters and digits; empty when it is no error document.
std::string parse_error_code(ByteView document);

}  // namespace thaw
