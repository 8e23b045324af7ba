#include "lib/aws/credentials.h"

#include <algorithm>
#include <cstdlib>

#include "lib/base/file.h"

namespace thaw {
namespace {

constexpr uint64_t kMaxFileBytes = 1024 * 1024;
constexpr std::chrono::milliseconds kBetweenReads{200};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// What may stand in a header; anything else could end it.
bool is_sendable(const AwsCredentials& keys) {
  const auto good = [](const std::string& text) {
    return std::ranges::all_of(text, [](unsigned char c) { return c > ' ' && c < 0x7f; });
  };
  return !keys.access_key.empty() && !keys.secret_key.empty() && good(keys.access_key) &&
         good(keys.session_token);
}

std::string credentials_file() {
  std::string named = environment("AWS_SHARED_CREDENTIALS_FILE");
  if (!named.empty()) return named;
  const std::string home = environment("HOME");
  return home.empty() ? "" : home + "/.aws/credentials";
}

// What a service's own configuration names goes before what the environment gives to all of them.
std::shared_ptr<const AwsCredentials> read_credentials(const AwsCredentialPlace& place) {
  const AwsCredentials given{environment("AWS_ACCESS_KEY_ID"), environment("AWS_SECRET_ACCESS_KEY"),
                             environment("AWS_SESSION_TOKEN")};
  const bool named = !place.file.empty() || !place.profile.empty();
  if (!named && is_sendable(given)) return std::make_shared<const AwsCredentials>(given);
  const std::string file = place.file.empty() ? credentials_file() : place.file;
  if (file.empty()) return nullptr;
  const auto text = read_file(file, kMaxFileBytes);
  if (!text.ok()) return nullptr;
  std::string profile = place.profile;
  if (profile.empty() && place.file.empty()) profile = environment("AWS_PROFILE");
  auto found = parse_credentials(as_text(text->view()), profile.empty() ? "default" : profile);
  return found ? std::make_shared<const AwsCredentials>(*std::move(found)) : nullptr;
}

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

std::optional<AwsCredentials> parse_credentials(std::string_view text, std::string_view profile) {
  AwsCredentials keys;
  bool inside = false;
  while (!text.empty()) {
    const std::string_view line = trimmed(text.substr(0, text.find('\n')));
    text.remove_prefix(
        std::min(text.size(), text.find('\n') == std::string_view::npos ? text.size() : text.find('\n') + 1));
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      inside = line.back() == ']' && trimmed(line.substr(1, line.size() - 2)) == profile;
      continue;
    }
    const size_t equals = line.find('=');
    if (!inside || equals == std::string_view::npos) continue;
    const std::string_view name = trimmed(line.substr(0, equals));
    const std::string_view value = trimmed(line.substr(equals + 1));
    if (name == "aws_access_key_id") keys.access_key = value;
    if (name == "aws_secret_access_key") keys.secret_key = value;
    if (name == "aws_session_token") keys.session_token = value;
  }
  if (!is_sendable(keys)) return std::nullopt;
  return keys;
}

AwsCredentialSource::AwsCredentialSource(const Clock& clock, AwsCredentialPlace place)
    : clock_(clock),
      place_(std::move(place)),
      current_(read_credentials(place_)),
      next_turn_(clock.now() + kFresh) {}

std::shared_ptr<const AwsCredentials> AwsCredentialSource::current() const {
  const MutexLock lock(mutex_);
  return current_;
}

std::shared_ptr<const AwsCredentials> AwsCredentialSource::renew(
    const std::shared_ptr<const AwsCredentials>& refused) {
  const MutexLock reading(reading_);
  auto before = current();
  if (before != refused || (read_at_ && clock_.now() - *read_at_ < kBetweenReads)) return before;
  read_at_ = clock_.now();
  read_again();
  return current();
}

bool AwsCredentialSource::take_turn() {
  const MutexLock lock(mutex_);
  const TimePoint now = clock_.now();
  if (now < next_turn_) return false;
  next_turn_ = now + kFresh;
  return true;
}

bool AwsCredentialSource::refresh() {
  const MutexLock reading(reading_);
  return read_again();
}

bool AwsCredentialSource::read_again() {
  auto read = read_credentials(place_);
  const MutexLock lock(mutex_);
  // A file that is being replaced may be unreadable for a moment.
  if (!read || (current_ && *read == *current_)) return false;
  current_ = std::move(read);
  return true;
}

}  // namespace thaw
