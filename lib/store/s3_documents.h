// The XML documents of S3: a page of a listing, an error. Pure; for bytes that nobody trusts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
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

// An ETag as it is, but for the quotes around it.
std::string without_quotes(std::string_view tag);

// The error's code ("NoSuchKey"), at most 64 letters and digits; empty when it is no error document.
std::string parse_error_code(ByteView document);

// The body of a request that removes these, of which the answer names only what failed.
std::string removal_document(const std::vector<std::string>& keys);
// The code of the first object that was not removed; empty when all were. kDamaged when it is no answer to
// that.
Result<std::string> parse_removal_answer(ByteView document);

}  // namespace thaw
