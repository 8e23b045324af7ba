// S3Place: where in which bucket a store lies: s3://BUCKET/PREFIX at an endpoint; and the addresses of its
// objects, encoded as AWS Signature Version 4 wants them. Pure.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace thaw {

struct S3Options {
  std::string endpoint;  // "http[s]://HOST[:PORT]"; empty: AWS in that region
  std::string region = "us-east-1";
  bool path_style = true;  // HOST/BUCKET/KEY, else BUCKET.HOST/KEY
};

class S3Place {
 public:
  // kUsage for anything that names no bucket or no endpoint.
  static Result<S3Place> parse(std::string_view url, const S3Options& options);

  const std::string& bucket() const { return bucket_; }
  const std::string& region() const { return region_; }
  const std::string& prefix() const { return prefix_; }      // ends with "/", or is empty
  const std::string& endpoint() const { return endpoint_; }  // "http://HOST:PORT", of the host as below
  const std::string& host() const { return host_; }          // as the Host header has it

  // The encoded path of an object (its key without the prefix), or of the bucket itself.
  std::string object_path(std::string_view key) const;
  std::string bucket_path() const;

 private:
  std::string bucket_;
  std::string prefix_;
  std::string region_;
  std::string endpoint_;
  std::string host_;
  std::string base_path_;  // "/BUCKET", or empty where the host names it
};

}  // namespace thaw
