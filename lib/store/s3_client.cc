#include "lib/store/s3_client.h"

#include <algorithm>
#include <array>

#include "lib/store/s3_documents.h"

namespace thaw {
namespace {

constexpr const char* kWhereKeysAre =
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the file ~/.aws/credentials";

template <size_t N>
bool is_one_of(const std::string& code, const std::array<const char*, N>& codes) {
  return std::ranges::count(codes, code) > 0;
}

bool is_stale_key(const std::string& code) {
  constexpr std::array kCodes{"ExpiredToken", "InvalidToken", "TokenRefreshRequired", "InvalidAccessKeyId"};
  return is_one_of(code, kCodes);
}

bool is_wrong_region(const std::string& code) {
  constexpr std::array kCodes{"AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect",
                              "IllegalLocationConstraintException"};
  return is_one_of(code, kCodes);
}

bool is_transient(const std::string& code) {
  constexpr std::array kCodes{"InternalError", "SlowDown", "ServiceUnavailable", "RequestTimeout"};
  return is_one_of(code, kCodes);
}

// Whether other keys might do. The answer to a HEAD has no code.
bool is_refusal(HttpMethod method, const HttpResponse& response) {
  if (response.status == 401 || response.status == 403) return true;
  if (response.status != 400) return false;
  return method == HttpMethod::kHead || is_stale_key(parse_error_code(response.body.view()));
}

}  // namespace

struct S3Client::Exchange {
  S3Request request;
  std::shared_ptr<const AwsCredentials> keys;
  bool renewed = false;
  Completion<HttpResponse> done;
  HttpResponse refusal;
};

S3Client::S3Client(S3Place place, HttpClient& http, Executor& executor, AwsCredentialSource& credentials)
    : place_(std::move(place)), http_(http), executor_(executor), credentials_(credentials) {}

void S3Client::send(S3Request request, Completion<HttpResponse> done) {
  request.deadline = std::min(request.deadline, steady_clock().now() + kDefaultTimeout);
  if (credentials_.take_turn()) executor_.post([&credentials = credentials_] { credentials.refresh(); });
  auto exchange = std::make_unique<Exchange>();
  exchange->request = std::move(request);
  exchange->done = std::move(done);
  exchange->keys = credentials_.current();
  if (!exchange->keys) return renew(std::move(exchange));
  submit(std::move(exchange));
}

void S3Client::submit(ExchangePtr exchange) {
  const S3Request& request = exchange->request;
  const std::string query = canonical_query(request.query);
  HttpRequest http;
  http.method = request.method;
  http.url = place_.endpoint() + request.path + (query.empty() ? "" : "?" + query);
  HttpHeaders headers = request.headers;
  headers.emplace_back("x-amz-content-sha256", request.payload.hex());
  http.headers =
      sign_request({request.method, request.path, query, place_.host(), std::move(headers), request.payload},
                   *exchange->keys, {"s3", place_.region()}, std::time(nullptr));
  http.body = request.body;
  http.max_bytes = request.max_bytes;
  http.deadline = request.deadline;
  http.stop = request.stop;
  http_.submit(std::move(http), [this, exchange = std::move(exchange)](Result<HttpResponse> answer) mutable {
    answered(std::move(exchange), std::move(answer));
  });
}

void S3Client::answered(ExchangePtr exchange, Result<HttpResponse> answer) {
  const bool refused = answer.ok() && is_refusal(exchange->request.method, answer.value());
  if (!refused || exchange->renewed) return exchange->done(std::move(answer));
  exchange->refusal = std::move(answer).value();
  renew(std::move(exchange));
}

void S3Client::renew(ExchangePtr exchange) {
  executor_.post([this, exchange = std::move(exchange)]() mutable {
    const auto keys = credentials_.renew(exchange->keys);
    if (!keys) {
      return exchange->done(Error{
          Code::kRefused, "there are no credentials for s3://" + place_.bucket() + "; set " + kWhereKeysAre});
    }
    if (keys == exchange->keys) return exchange->done(std::move(exchange->refusal));
    exchange->keys = keys;
    exchange->renewed = true;
    submit(std::move(exchange));
  });
}

Error S3Client::error_of(const std::string& what, const HttpResponse& response) const {
  const std::string code = parse_error_code(response.body.view());
  const std::string where = "s3://" + place_.bucket() + " at " + place_.endpoint();
  const std::string said =
      " (HTTP status " + std::to_string(response.status) + (code.empty() ? ")" : ", " + code + ")");
  const int status = response.status;
  if (code == "NoSuchBucket") {
    return {
        Code::kFailed,
        what + ": " + where + " does not exist; create the bucket (thaw creates none), or correct store.url"};
  }
  if (status == 404) return {Code::kNotFound, what + ": there is none in " + where};
  if (code == "RequestTimeTooSkewed") {
    return {Code::kRefused, what + ": " + where + " refuses the time of this machine; set its clock"};
  }
  if (is_wrong_region(code) || (status >= 300 && status < 400)) {
    const std::string_view region = response.header("x-amz-bucket-region");
    const bool plain = !region.empty() && region.size() < 64;
    return {Code::kUsage, what + ": " + where + " is not in region " + place_.region() + said + "; correct " +
                              (plain ? "s3.region to \"" + std::string(region) + "\"" : "s3.region") +
                              " or s3.endpoint"};
  }
  if (status == 401 || status == 403 || is_stale_key(code)) {
    return {Code::kRefused, what + ": " + where + " refuses it" + said + "; check " + kWhereKeysAre};
  }
  if (status == 409) {
    return {Code::kUnreachable, what + ": another writer is at it in " + where + said + "; try again",
            response.retry_after};
  }
  // An error in a 2xx answer came after the server had begun to answer.
  const bool later = status < 300 || status == 408 || status == 429 || (status >= 500 && status != 501);
  if (later || is_transient(code)) {
    return {Code::kUnreachable, what + ": " + where + " cannot serve it now" + said, response.retry_after};
  }
  return {Code::kFailed, what + ": " + where + " answers with an error" + said};
}

}  // namespace thaw
