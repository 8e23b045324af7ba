// KmsClient: sends signed requests to the AWS Key Management Service (AWS JSON 1.1 over HTTPS) and says what
// an answer means. Trouble that passes (transport, 5xx, throttling) is tried again for a bounded time, with
// jitter; credentials that are refused are read again once a request, in case they were rotated.
//
// Any thread may call; calls block, for KmsLimits::patience and one attempt more at the most. Answers lie in
// memory that is locked, left out of core files, and wiped; on the way there they pass through buffers of
// libcurl and OpenSSL, which are not.
//
// Internal to lib/keys. Not tried against the real service.
#pragma once

#include <string>
#include <string_view>

#include "lib/aws/credentials.h"
#include "lib/base/retry_backoff.h"
#include "lib/crypto/secret.h"
#include "lib/http/http_stream.h"
#include "lib/keys/kms_place.h"

namespace thaw {

struct KmsLimits {
  Duration attempt = std::chrono::seconds(5);   // for one answer
  Duration patience = std::chrono::seconds(5);  // no attempt begins later than this after the first
  Duration first_backoff = std::chrono::milliseconds(50);
  Duration longest_backoff = std::chrono::seconds(1);
  // How long what was just made may take until the service knows it everywhere.
  Duration settling = std::chrono::seconds(20);
  // How long a list of aliases is believed when a key is to wrap.
  Duration fresh = std::chrono::seconds(30);
};

// What the service says of a key, not of who asks or of itself.
enum class KmsOutcome : uint8_t {
  kDone,
  kNotAuthentic,  // wrapped by another key, in another context, or damaged
  kNoSuchKey,
  kNotUsable,  // disabled, or going to be deleted
  kExists,     // an alias of this name
};

class KmsAnswer {
 public:
  static constexpr size_t kMaxBytes = 128 * 1024;

  static Result<KmsAnswer> create();

  KmsOutcome outcome = KmsOutcome::kDone;
  std::string said;  // of a failure: "DisabledException: …"

  // False when it is more than kMaxBytes together.
  bool append(ByteView bytes);
  MutableBytes body() { return memory_.bytes().first(size_); }
  std::string_view text() const { return as_text(memory_.bytes().first(size_)); }

 private:
  KeyTable memory_;
  size_t size_ = 0;
};

class KmsClient {
 public:
  KmsClient(const KmsPlace& place, const KmsLimits& limits);

  // `operation` as the API spells it: "Decrypt". Errors: kRefused (who asks), kUnreachable, kFailed.
  Result<KmsAnswer> call(const std::string& operation, const std::string& request);
  // The same of a key or alias that was just made: waits until the service knows it.
  Result<KmsAnswer> call_settled(const std::string& operation, const std::string& request);

  // "AWS KMS at HOST", for errors.
  const std::string& who() const { return who_; }

 private:
  struct Reply;

  Result<KmsAnswer> try_once(const std::string& operation, const std::string& request);
  Result<Reply> send(const std::string& operation, const std::string& request, const AwsCredentials& keys);
  Result<KmsAnswer> judge(const std::string& operation, Reply reply) const;
  Error transport_trouble(Error error) const;
  Error no_credentials() const;
  RetryBackoff fresh_backoff() const;

  const KmsPlace place_;
  const KmsLimits limits_;
  const std::string who_;
  AwsCredentialSource credentials_;
  HttpStreams http_;
};

}  // namespace thaw
