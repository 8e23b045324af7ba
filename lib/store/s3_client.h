// S3Client: sends signed requests to one bucket and says what an answer means.
//
// Any thread may call; nothing blocks. Completions run on the HTTP client's loop or on `executor`. Keys that
// the server refuses are read again once a request, in case they were rotated, and now and then anyway.
#pragma once

#include <memory>
#include <string>

#include "lib/aws/credentials.h"
#include "lib/aws/uri_encoding.h"
#include "lib/base/executor.h"
#include "lib/http/http_client.h"
#include "lib/store/s3_place.h"

namespace thaw {

struct S3Request {
  HttpMethod method = HttpMethod::kGet;
  std::string path;  // S3Place::object_path or bucket_path
  AwsQuery query;
  HttpHeaders headers;
  ByteView body;   // must live until the completion runs
  Digest payload;  // SHA-256 of the body
  uint64_t max_bytes = 0;
  TimePoint deadline = TimePoint::max();  // kDefaultTimeout from now at the latest
  std::stop_token stop;
};

class S3Client {
 public:
  // A request that has no deadline of its own ends after this, whatever still trickles.
  static constexpr std::chrono::seconds kDefaultTimeout{60};

  // What is passed in must outlive it; `executor` reads credentials.
  S3Client(S3Place place, HttpClient& http, Executor& executor, AwsCredentialSource& credentials);

  const S3Place& place() const { return place_; }

  // Any answer is a response, also one that refuses; see error_of(). kRefused without any credentials.
  void send(S3Request request, Completion<HttpResponse> done);

  // What an answer other than success means, for "store object KEY", say.
  Error error_of(const std::string& what, const HttpResponse& response) const;

 private:
  struct Exchange;
  using ExchangePtr = std::unique_ptr<Exchange>;

  void submit(ExchangePtr exchange);
  void answered(ExchangePtr exchange, Result<HttpResponse> answer);
  void renew(ExchangePtr exchange);

  const S3Place place_;
  HttpClient& http_;
  Executor& executor_;
  AwsCredentialSource& credentials_;
};

}  // namespace thaw
