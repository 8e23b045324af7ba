// Sources: distribution specification, "Token Authentication Specification" and "OAuth2 Token
// Authentication"; RFC 7617.
#include "lib/oci/registry_auth.h"

#include <algorithm>

#include "lib/base/base64.h"
#include "lib/oci/context.h"
#include "lib/oci/json.h"
#include "lib/oci/registry_answer.h"

namespace thaw {
namespace {

constexpr uint64_t kMaxTokenAnswerBytes = 256 * 1024;
constexpr std::chrono::seconds kTokenTimeout{30};

std::string basic_of(const RegistryLogin& login) {
  return "Basic " + to_base64(as_bytes(login.user + ":" + login.password));
}

// It becomes part of a header.
bool is_token_text(const std::string& text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return c > ' ' && c < 0x7f; });
}

Result<std::string> token_in(const std::string& body) {
  const auto document = parse_json(body, Limits{});
  for (const char* name : {"token", "access_token"}) {
    if (!document.ok()) break;
    auto token = text_member(document.value(), name);
    if (token.ok() && is_token_text(token.value())) return token;
  }
  return Error{Code::kFailed, "there is no token in what the registry's token server answers"};
}

}  // namespace

std::string RegistryAuth::header() const {
  const MutexLock lock(mutex_);
  return header_;
}

Status RegistryAuth::renew(const std::string& refused, const HttpHeaders& answer,
                           const std::stop_token& stop) {
  {
    const MutexLock lock(mutex_);
    while (renewing_) changed_.wait(mutex_);
    if (header_ != refused) return {};
    renewing_ = true;
  }
  auto fresh = fetch(refused, answer, stop);
  const MutexLock lock(mutex_);
  renewing_ = false;
  changed_.notify_all();
  if (!fresh.ok()) return std::move(fresh).error();
  header_ = std::move(fresh).value();
  return {};
}

Result<std::string> RegistryAuth::fetch(const std::string& refused, const HttpHeaders& answer,
                                        const std::stop_token& stop) {
  std::vector<AuthChallenge> challenges;
  for (const auto& [name, value] : answer) {
    if (name != "www-authenticate") continue;
    std::ranges::move(parse_challenges(value), std::back_inserter(challenges));
  }
  if (!login_) {
    THAW_ASSIGN(login_, find_login_());
  }
  // A token opens one repository, a password all of them.
  const auto bearer = std::ranges::find(challenges, "bearer", &AuthChallenge::scheme);
  if (bearer != challenges.end()) return bearer_header(*bearer, stop);
  if (std::ranges::count(challenges, "basic", &AuthChallenge::scheme) > 0) return basic_header(refused);
  return Error{Code::kRefused,
               "registry " + place_.name +
                   " asks for a kind of login that is not known; Thaw knows tokens and passwords"};
}

Error RegistryAuth::needs_login(const std::string& why) const {
  return {Code::kRefused, "registry " + place_.name + " " + why + "; log in with 'docker login " +
                              place_.name + "' or 'skopeo login', and check that " + place_.repository +
                              " is there"};
}

Result<std::string> RegistryAuth::basic_header(const std::string& refused) const {
  if (login_->user.empty()) return needs_login("asks for a login, and there is none");
  std::string header = basic_of(*login_);
  if (header == refused) return needs_login("does not accept the login of " + printable(login_->user));
  return header;
}

Result<WebAddress> RegistryAuth::realm_of(const AuthChallenge& challenge) const {
  const std::string text = challenge.parameter("realm");
  const auto realm = parse_web_address(text);
  if (!realm) {
    return Error{Code::kFailed,
                 "registry " + place_.name + " names no address for tokens: \"" + printable(text) + "\""};
  }
  if (realm->scheme == "http" && place_.server.scheme != "http") {
    return Error{Code::kRefused, "registry " + place_.name + " wants the login to go to " + realm->origin() +
                                     " in clear text; a registry has to name an https address"};
  }
  return *realm;
}

Result<std::string> RegistryAuth::bearer_header(const AuthChallenge& challenge, const std::stop_token& stop) {
  THAW_ASSIGN(const WebAddress realm, realm_of(challenge));
  std::string scope = challenge.parameter("scope");
  if (scope.empty()) scope = "repository:" + place_.repository + ":pull";
  std::string query =
      "service=" + percent_encoded(challenge.parameter("service")) + "&scope=" + percent_encoded(scope);
  HttpRequest request;
  request.url = realm.text();
  request.stop = stop;
  request.deadline = steady_clock().now() + kTokenTimeout;
  std::string form;
  if (!login_->identity_token.empty()) {
    request.method = HttpMethod::kPost;
    request.headers.emplace_back("content-type", "application/x-www-form-urlencoded");
    form = "grant_type=refresh_token&client_id=thaw&" + query +
           "&refresh_token=" + percent_encoded(login_->identity_token);
  } else {
    request.url += (realm.target.find('?') == std::string::npos ? "?" : "&") + query;
    if (!login_->user.empty()) request.headers.emplace_back("authorization", basic_of(*login_));
  }
  THAW_ASSIGN(const std::string token, ask_for_token(std::move(request), form));
  return "Bearer " + token;
}

Result<std::string> RegistryAuth::ask_for_token(HttpRequest request, const std::string& form) {
  request.body = as_bytes(form);
  const std::string where = "the token server of registry " + place_.name;
  auto answer = http_.open(std::move(request));
  if (!answer.ok()) return about(where, std::move(answer).error());
  const int status = answer.value()->head().status;
  if (status == 200) {
    THAW_ASSIGN(const std::string body, read_body(*answer.value(), kMaxTokenAnswerBytes));
    return token_in(body);
  }
  const std::string said = said_by(*answer.value());
  if (status == 400 || status == 401 || status == 403) {
    return needs_login(login_->empty() ? "hands out no token without a login (" + said + ")"
                                       : "does not accept the login (" + said + ")");
  }
  return Error{is_passing(status) ? Code::kUnreachable : Code::kFailed, where + " answers with " + said,
               answer.value()->head().retry_after};
}

}  // namespace thaw
