// RegistryAuth: what Thaw shows a registry so that it hands out a repository: nothing, a user's password, or
// a token from the place that the registry names (distribution specification, "Token Authentication").
//
// A login is looked for when the registry asks for it, not before, and only once. It goes to the registry and
// to the place that it names, in clear text never unless the registry itself is spoken to so.
//
// Any thread may call; renew() blocks.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "lib/base/mutex.h"
#include "lib/http/http_stream.h"
#include "lib/oci/auth_challenge.h"
#include "lib/oci/docker_credentials.h"
#include "lib/oci/web_address.h"

namespace thaw {

// Where a repository is: at a registry, or at a mirror of it.
struct RegistryPlace {
  WebAddress server;       // its origin counts
  std::string name;        // whose login is looked for, and what messages say: "docker.io", "127.0.0.1:5000"
  std::string repository;  // "library/debian"
};

using FindLogin = std::function<Result<RegistryLogin>()>;

class RegistryAuth {
 public:
  // REQUIRES: `http` and `place` outlive it
  RegistryAuth(HttpStreams& http, const RegistryPlace& place, FindLogin find_login)
      : http_(http), place_(place), find_login_(std::move(find_login)) {}

  // The Authorization header for requests to the registry itself; empty: none.
  std::string header() const EXCLUDES(mutex_);

  // After a 401 for a request with the header `refused`: gets another one, as the answer's WWW-Authenticate
  // headers ask. Does nothing when another thread has. kRefused: there is no login, or it is not accepted.
  Status renew(const std::string& refused, const HttpHeaders& answer, const std::stop_token& stop)
      EXCLUDES(mutex_);

 private:
  Result<std::string> fetch(const std::string& refused, const HttpHeaders& answer,
                            const std::stop_token& stop);
  Result<std::string> basic_header(const std::string& refused) const;
  Result<std::string> bearer_header(const AuthChallenge& challenge, const std::stop_token& stop);
  Result<WebAddress> realm_of(const AuthChallenge& challenge) const;
  Result<std::string> ask_for_token(HttpRequest request, const std::string& form);
  Error needs_login(const std::string& why) const;

  HttpStreams& http_;
  const RegistryPlace& place_;
  const FindLogin find_login_;
  std::optional<RegistryLogin> login_;  // of the thread that renews

  mutable Mutex mutex_;
  CondVar changed_;
  std::string header_ GUARDED_BY(mutex_);
  bool renewing_ GUARDED_BY(mutex_) = false;
};

}  // namespace thaw
