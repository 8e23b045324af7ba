// AwsCredentialSource: the keys that requests are signed with: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
// AWS_SESSION_TOKEN, else the shared credentials file ($AWS_SHARED_CREDENTIALS_FILE or ~/.aws/credentials,
// profile $AWS_PROFILE or "default"). A file or profile that a service's own configuration names goes before
// all of these.
//
// Any thread may call. The constructor, renew() and refresh() read a small file, so they are for threads that
// may wait.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "lib/aws/request_signature.h"
#include "lib/base/clock.h"
#include "lib/base/mutex.h"

namespace thaw {

struct AwsCredentialPlace {
  std::string file;     // empty: the shared one
  std::string profile;  // empty: "default", or what the environment says of the shared file
};

class AwsCredentialSource {
 public:
  static constexpr std::chrono::seconds kFresh{60};

  explicit AwsCredentialSource(const Clock& clock, AwsCredentialPlace place = {});

  // Null when there are none.
  std::shared_ptr<const AwsCredentials> current() const EXCLUDES(mutex_);

  // True once in kFresh, and then for one caller: it is time for refresh(), which takes rotated keys before
  // the old ones are refused.
  bool take_turn() EXCLUDES(mutex_);
  // Reads the source again; true when there are other keys now.
  bool refresh() EXCLUDES(reading_, mutex_);

  // Reads the source again, at most five times a second, because `refused` (null: none) did not do; they may
  // have been rotated. Returns what is current then.
  std::shared_ptr<const AwsCredentials> renew(const std::shared_ptr<const AwsCredentials>& refused)
      EXCLUDES(reading_, mutex_);

 private:
  bool read_again() REQUIRES(reading_) EXCLUDES(mutex_);

  const Clock& clock_;
  const AwsCredentialPlace place_;
  // Held while the file is read, so that all whom old keys failed get the new ones; current() never waits
  // for it. Taken before mutex_.
  Mutex reading_;
  std::optional<TimePoint> read_at_ GUARDED_BY(reading_);  // by renew()

  mutable Mutex mutex_;
  std::shared_ptr<const AwsCredentials> current_ GUARDED_BY(mutex_);
  TimePoint next_turn_ GUARDED_BY(mutex_);
};

// One profile of a file in the format of AWS's shared credentials file. Nothing unless it has both keys.
std::optional<AwsCredentials> parse_credentials(std::string_view text, std::string_view profile);

}  // namespace thaw
