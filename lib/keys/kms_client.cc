#include "lib/keys/kms_client.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <thread>

#include "lib/aws/request_signature.h"
#include "lib/crypto/hash.h"
#include "lib/crypto/random.h"
#include "lib/keys/kms_documents.h"

namespace thaw {
namespace {

constexpr std::chrono::seconds kConnectTimeout{3};

template <size_t N>
bool is_one_of(const std::string& type, const std::array<const char*, N>& types) {
  return std::ranges::count(types, type) > 0;
}

bool may_be_stale_credentials(const std::string& type) {
  constexpr std::array kTypes{"ExpiredTokenException",       "ExpiredToken",         "InvalidClientTokenId",
                              "UnrecognizedClientException", "InvalidAccessKeyId",   "AccessDeniedException",
                              "InvalidSignatureException",   "SignatureDoesNotMatch"};
  return is_one_of(type, kTypes);
}

bool is_refusal(int status, const std::string& type) {
  constexpr std::array kTypes{"MissingAuthenticationToken",
                              "MissingAuthenticationTokenException",
                              "IncompleteSignature",
                              "IncompleteSignatureException",
                              "OptInRequired",
                              "NotAuthorized"};
  return may_be_stale_credentials(type) || is_one_of(type, kTypes) || status == 401 || status == 403;
}

// "Signature expired: 20150830T123600Z is now earlier than …", "Signature not yet current: …".
bool is_wrong_time(const KmsFailure& failure) {
  constexpr std::array kTypes{"RequestExpired", "RequestTimeTooSkewed"};
  return is_one_of(failure.type, kTypes) || failure.message.starts_with("Signature expired") ||
         failure.message.starts_with("Signature not yet current");
}

bool is_passing(int status, const std::string& type) {
  constexpr std::array kTypes{
      "ThrottlingException",      "Throttling",           "RequestLimitExceeded",
      "TooManyRequestsException", "KMSInternalException", "DependencyTimeoutException",
      "KeyUnavailableException",  "InternalFailure",      "ServiceUnavailableException"};
  return is_one_of(type, kTypes) || status == 408 || status == 429 || (status >= 500 && status != 501);
}

std::optional<KmsOutcome> outcome_of(const std::string& type) {
  struct Meaning {
    std::string_view type;
    KmsOutcome outcome;
  };
  constexpr std::array kMeanings{Meaning{"InvalidCiphertextException", KmsOutcome::kNotAuthentic},
                                 Meaning{"IncorrectKeyException", KmsOutcome::kNotAuthentic},
                                 Meaning{"NotFoundException", KmsOutcome::kNoSuchKey},
                                 Meaning{"DisabledException", KmsOutcome::kNotUsable},
                                 Meaning{"KMSInvalidStateException", KmsOutcome::kNotUsable},
                                 Meaning{"AlreadyExistsException", KmsOutcome::kExists}};
  const auto found = std::ranges::find(kMeanings, type, &Meaning::type);
  if (found == kMeanings.end()) return std::nullopt;
  return found->outcome;
}

HttpOptions kms_http_options(const KmsPlace& place) {
  HttpOptions options;
  options.connect_timeout = kConnectTimeout;
  options.ca_file = place.ca_file;
  return options;
}

// "AccessDeniedException: User: … is not authorized", "HTTP status 502".
std::string told_by(int status, const KmsFailure& failure) {
  if (failure.type.empty()) return "HTTP status " + std::to_string(status);
  return failure.message.empty() ? failure.type : failure.type + ": " + failure.message;
}

}  // namespace

struct KmsClient::Reply {
  int status = 0;
  std::chrono::seconds retry_after{0};
  KmsAnswer answer;
  KmsFailure failure;
};

Result<KmsAnswer> KmsAnswer::create() {
  KmsAnswer answer;
  THAW_ASSIGN(answer.memory_, KeyTable::create(kMaxBytes / kKeyBytes));
  return answer;
}

bool KmsAnswer::append(ByteView bytes) {
  if (bytes.size() > kMaxBytes - size_) return false;
  std::ranges::copy(bytes, memory_.bytes().begin() + static_cast<std::ptrdiff_t>(size_));
  size_ += bytes.size();
  return true;
}

KmsClient::KmsClient(const KmsPlace& place, const KmsLimits& limits)
    : place_(place),
      limits_(limits),
      who_("AWS KMS at " + place.endpoint.host),
      credentials_(steady_clock(), place.credentials),
      http_(kms_http_options(place)) {}

RetryBackoff KmsClient::fresh_backoff() const {
  return {limits_.first_backoff, limits_.longest_backoff, random_number()};
}

Result<KmsAnswer> KmsClient::call(const std::string& operation, const std::string& request) {
  const TimePoint last = steady_clock().now() + limits_.patience;
  RetryBackoff backoff = fresh_backoff();
  for (;;) {
    auto answer = try_once(operation, request);
    if (answer.ok() || answer.error().code != Code::kUnreachable) return answer;
    const TimePoint now = steady_clock().now();
    const Duration pause = backoff.next(answer.error().retry_after, last - now);
    if (now + pause >= last) return answer;
    std::this_thread::sleep_for(pause);
  }
}

Result<KmsAnswer> KmsClient::call_settled(const std::string& operation, const std::string& request) {
  const TimePoint last = steady_clock().now() + limits_.settling;
  RetryBackoff backoff = fresh_backoff();
  for (;;) {
    auto answer = call(operation, request);
    if (!answer.ok() || answer->outcome != KmsOutcome::kNoSuchKey) return answer;
    const Duration pause = backoff.next();
    if (steady_clock().now() + pause >= last) return answer;
    std::this_thread::sleep_for(pause);
  }
}

Result<KmsAnswer> KmsClient::try_once(const std::string& operation, const std::string& request) {
  if (credentials_.take_turn()) credentials_.refresh();
  auto keys = credentials_.current();
  if (!keys) keys = credentials_.renew(nullptr);
  if (!keys) return no_credentials();
  THAW_ASSIGN(Reply reply, send(operation, request, *keys));
  if (may_be_stale_credentials(reply.failure.type)) {
    const auto others = credentials_.renew(keys);
    if (others && others != keys) {
      THAW_ASSIGN(reply, send(operation, request, *others));
    }
  }
  return judge(operation, std::move(reply));
}

Result<KmsClient::Reply> KmsClient::send(const std::string& operation, const std::string& request,
                                         const AwsCredentials& keys) {
  UnsignedRequest unsigned_request;
  unsigned_request.method = HttpMethod::kPost;
  unsigned_request.path = "/";
  unsigned_request.host = place_.endpoint.host;
  unsigned_request.headers = {{"content-type", "application/x-amz-json-1.1"},
                              {"x-amz-target", "TrentService." + operation}};
  unsigned_request.payload = sha256(as_bytes(request));
  HttpRequest http;
  http.method = HttpMethod::kPost;
  http.url = place_.endpoint.url() + "/";
  http.headers = sign_request(unsigned_request, keys, {"kms", place_.region}, std::time(nullptr));
  http.body = as_bytes(request);
  http.deadline = steady_clock().now() + limits_.attempt;
  auto stream = http_.open(std::move(http));
  if (!stream.ok()) return transport_trouble(std::move(stream).error());

  Reply reply;
  THAW_ASSIGN(reply.answer, KmsAnswer::create());
  for (;;) {
    auto piece = stream.value()->next();
    if (!piece.ok()) return transport_trouble(std::move(piece).error());
    if (piece->empty()) break;
    const bool fits = reply.answer.append(piece->view());
    wipe(piece->mutable_view());
    if (!fits) return Error{Code::kFailed, who_ + " answers " + operation + " with too many bytes"};
  }
  const HttpResponse& head = stream.value()->head();
  reply.status = head.status;
  reply.retry_after = head.retry_after;
  if (!head.succeeded()) reply.failure = failure_of(reply.answer.text());
  return reply;
}

Result<KmsAnswer> KmsClient::judge(const std::string& operation, Reply reply) const {
  if (reply.status >= 200 && reply.status < 300) return std::move(reply.answer);
  const std::string told = told_by(reply.status, reply.failure);
  if (const auto outcome = outcome_of(reply.failure.type)) {
    reply.answer.outcome = *outcome;
    reply.answer.said = told;
    return std::move(reply.answer);
  }
  if (is_wrong_time(reply.failure))
    return Error{Code::kRefused, who_ + " refuses the time of this machine; set its clock (" + told + ")"};
  if (is_passing(reply.status, reply.failure.type))
    return Error{Code::kUnreachable, who_ + " cannot do " + operation + " now (" + told + ")",
                 reply.retry_after};
  if (is_refusal(reply.status, reply.failure.type))
    return Error{Code::kRefused, who_ + " refuses " + operation + " (" + told +
                                     "); check the credentials, and what they and the key's policy allow"};
  return Error{Code::kFailed, who_ + " answers " + operation + " with an error (" + told + ")"};
}

Error KmsClient::transport_trouble(Error error) const {
  if (error.code == Code::kTimedOut) error.code = Code::kUnreachable;
  if (error.code == Code::kRefused) error.message += "; name its authority with &ca-file=/PATH";
  error.message = "AWS KMS: " + error.message;
  return error;
}

Error KmsClient::no_credentials() const {
  const AwsCredentialPlace& place = place_.credentials;
  const std::string profile = place.profile.empty() ? "" : " for profile " + place.profile;
  const std::string where =
      place.file.empty() ? "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the file ~/.aws/credentials"
                         : place.file;
  return {Code::kRefused, who_ + ": there are no credentials" + profile + "; looked for " + where};
}

}  // namespace thaw
