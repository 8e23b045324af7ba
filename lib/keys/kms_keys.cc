#include "lib/keys/kms_keys.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "lib/keys/key_id.h"
#include "lib/keys/kms_documents.h"

namespace thaw {
namespace {

// An account can have more, but hardly anybody waits for them: 50,000 aliases.
constexpr unsigned kMaxPages = 500;

// How long deleted keys can be brought back: the longest time that KMS knows for what may open images, the
// shortest for what never wrapped anything.
constexpr unsigned kDeletionDays = 30;
constexpr unsigned kUnusedDeletionDays = 7;

std::optional<KmsKeyVersion> version_of_alias(const KmsAlias& alias, const std::string& prefix) {
  if (!alias.name.starts_with(prefix)) return std::nullopt;
  const std::string id = alias.name.substr(prefix.size());
  if (!is_tenant_key_id(id)) return std::nullopt;
  KmsKeyVersion found;
  const size_t slash = id.find('/');
  found.version.tenant = id.substr(0, slash);
  std::from_chars(id.data() + slash + 1, id.data() + id.size(), found.version.number);
  found.version.state = KeyState::kOpensOld;
  found.version.created = alias.created;
  found.key = alias.key;
  return found;
}

bool by_version(const KmsKeyVersion& a, const KmsKeyVersion& b) {
  return by_tenant_and_number(a.version, b.version);
}

// The highest number of each tenant, whatever KMS says of it: what wraps is not chosen by who disables keys.
void mark_highest(std::vector<KmsKeyVersion>& sorted) {
  for (size_t i = 0; i < sorted.size(); ++i) {
    const bool last = i + 1 == sorted.size() || sorted[i + 1].version.tenant != sorted[i].version.tenant;
    if (last) sorted[i].version.state = KeyState::kActive;
  }
}

KeyState state_of_kms(const std::string& state) {
  if (state == "Disabled") return KeyState::kRetiring;
  return state.starts_with("Pending") && state.ends_with("Deletion") ? KeyState::kRetired
                                                                     : KeyState::kOpensOld;
}

}  // namespace

Result<KmsAnswer> KmsKeys::must(const std::string& operation, const std::string& what,
                                Result<KmsAnswer> answer) {
  if (!answer.ok() || answer->outcome == KmsOutcome::kDone) return answer;
  const Code code = answer->outcome == KmsOutcome::kNoSuchKey ? Code::kNotFound : Code::kRefused;
  return Error{code, client_.who() + " does not do " + operation + " with " + what + " (" + answer->said +
                         "); look at the key there"};
}

Result<std::vector<KmsKeyVersion>> KmsKeys::all_aliases() {
  std::vector<KmsKeyVersion> versions;
  std::string marker;
  for (unsigned page = 0; page < kMaxPages; ++page) {
    THAW_ASSIGN(const KmsAnswer answer, must("ListAliases", "the account",
                                             client_.call("ListAliases", list_aliases_request(marker))));
    const auto listed = aliases_of(answer.text());
    if (!listed) return Error{Code::kFailed, client_.who() + " answers ListAliases with no list"};
    for (const KmsAlias& alias : listed->aliases) {
      if (auto version = version_of_alias(alias, prefix_)) versions.push_back(*std::move(version));
    }
    if (listed->next.empty()) {
      std::ranges::sort(versions, by_version);
      mark_highest(versions);
      remember(versions);
      return versions;
    }
    marker = listed->next;
  }
  return Error{Code::kFailed, client_.who() + ": the account has more than " +
                                  std::to_string(kMaxPages * 100) +
                                  " aliases; use another account or region for Thaw's keys"};
}

void KmsKeys::remember(const std::vector<KmsKeyVersion>& versions) {
  const MutexLock lock(mutex_);
  newest_.clear();
  for (const KmsKeyVersion& key : versions) {
    if (key.version.state == KeyState::kActive) newest_[key.version.tenant] = key.version.number;
  }
  believed_until_ = steady_clock().now() + fresh_;
}

void KmsKeys::forget_newest() {
  const MutexLock lock(mutex_);
  newest_.clear();
}

// Who has none is asked for again: another may just have made his first.
Result<std::optional<unsigned>> KmsKeys::newest_number(const std::string& tenant) {
  for (const bool remembered : {true, false}) {
    if (!remembered) {
      THAW_ASSIGN(const auto versions, all_aliases());
      (void)versions;
    }
    const MutexLock lock(mutex_);
    const auto found = newest_.find(tenant);
    const bool believed = !remembered || steady_clock().now() < believed_until_;
    if (found != newest_.end() && believed) return std::optional<unsigned>(found->second);
  }
  return std::optional<unsigned>();
}

// KMS says of each older key whether it still opens.
Result<KeyState> KmsKeys::state_of(const KmsKeyVersion& key) {
  auto answer = client_.call("DescribeKey", key_request(key.key));
  // Deleted, and its alias is on its way.
  if (answer.ok() && answer->outcome == KmsOutcome::kNoSuchKey) return KeyState::kRetired;
  THAW_ASSIGN(const KmsAnswer known,
              must("DescribeKey", "key \"" + key.version.id() + "\"", std::move(answer)));
  const auto described = key_of(known.text());
  if (!described) return Error{Code::kFailed, client_.who() + " answers DescribeKey with no key"};
  return state_of_kms(described->state);
}

Status KmsKeys::find_states(std::vector<KmsKeyVersion>& versions) {
  for (KmsKeyVersion& key : versions) {
    if (key.version.state == KeyState::kActive) continue;
    THAW_ASSIGN(key.version.state, state_of(key));
  }
  std::erase_if(versions, [](const KmsKeyVersion& key) { return key.version.state == KeyState::kRetired; });
  return {};
}

Result<std::vector<KmsKeyVersion>> KmsKeys::list() {
  THAW_ASSIGN(std::vector<KmsKeyVersion> versions, all_aliases());
  THAW_TRY(find_states(versions));
  return versions;
}

Result<std::vector<KmsKeyVersion>> KmsKeys::list_of(const std::string& tenant) {
  THAW_ASSIGN(std::vector<KmsKeyVersion> versions, all_aliases());
  std::erase_if(versions, [&tenant](const KmsKeyVersion& key) { return key.version.tenant != tenant; });
  THAW_TRY(find_states(versions));
  return versions;
}

// Only one key gets the alias; the others, which nobody has ever used, go.
Status KmsKeys::make(const KeyVersion& version) {
  const std::string alias = alias_of(version.id());
  const std::string description = "Thaw: " + alias;
  THAW_ASSIGN(const KmsAnswer answer, must("CreateKey", "\"" + alias + "\"",
                                           client_.call("CreateKey", create_key_request(description))));
  const auto made = key_of(answer.text());
  if (!made) return Error{Code::kFailed, client_.who() + " answers CreateKey with no key"};
  THAW_TRY(give_alias(alias, made->id));
  const MutexLock lock(mutex_);
  newest_[version.tenant] = version.number;
  return {};
}

// Whoever was first has it. That may have been this call itself, when its first answer was lost: so KMS is
// asked which key it is before the other one goes.
Status KmsKeys::give_alias(const std::string& alias, const std::string& key) {
  const std::string what = "\"" + alias + "\"";
  const auto drop = [this, &key] {
    (void)client_.call("ScheduleKeyDeletion", schedule_key_deletion_request(key, kUnusedDeletionDays));
  };
  auto given = client_.call_settled("CreateAlias", create_alias_request(alias, key));
  if (!given.ok() || given->outcome != KmsOutcome::kExists) {
    auto done = must("CreateAlias", what, std::move(given));
    // What was not answered may have been done.
    if (!done.ok() && done.error().code != Code::kUnreachable) drop();
    if (!done.ok()) return std::move(done).error();
  }
  THAW_ASSIGN(const KmsAnswer known,
              must("DescribeKey", what, client_.call_settled("DescribeKey", key_request(alias))));
  const auto holder = key_of(known.text());
  if (!holder) return Error{Code::kFailed, client_.who() + " answers DescribeKey with no key"};
  if (holder->id != key) drop();
  return {};
}

Status KmsKeys::change(const KmsKeyVersion& key, KeyState state) {
  const std::string what = "key \"" + key.version.id() + "\"";
  const auto ask = [&](const std::string& operation, const std::string& request) -> Status {
    auto answer = must(operation, what, client_.call(operation, request));
    if (!answer.ok()) return std::move(answer).error();
    return {};
  };
  if (state == KeyState::kRetiring) return ask("DisableKey", key_request(key.key));
  if (state == KeyState::kOpensOld) return ask("EnableKey", key_request(key.key));
  return ask("ScheduleKeyDeletion", schedule_key_deletion_request(key.key, kDeletionDays));
}

}  // namespace thaw
