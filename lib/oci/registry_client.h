// RegistryClient: asks one server for the parts of one repository (OCI distribution specification, "Pull"):
// shows it what it wants to see, follows it to where it keeps blobs, says what a refusal means. One try each;
// who asks tries again.
//
// Any thread may call. Blocks.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "lib/http/http_stream.h"
#include "lib/oci/registry_auth.h"

namespace thaw {

struct RegistryRequest {
  std::string part;     // "manifests/latest", "blobs/sha256:…"
  uint64_t offset = 0;  // bytes that are there already
  std::stop_token stop;
};

class RegistryClient {
 public:
  // REQUIRES: `http` outlives it
  RegistryClient(HttpStreams& http, RegistryPlace place, FindLogin find_login);
  RegistryClient(const RegistryClient&) = delete;
  RegistryClient& operator=(const RegistryClient&) = delete;

  const RegistryPlace& place() const { return place_; }

  // An answer with status 200 or, for an offset, 206 perhaps. Of the errors, kUnreachable and kTimedOut pass.
  Result<std::unique_ptr<HttpStream>> open(const RegistryRequest& request);

  // Given up: others are asked first from then on.
  void give_up() { given_up_ = true; }
  bool is_given_up() const { return given_up_; }

 private:
  Result<std::unique_ptr<HttpStream>> send(const WebAddress& address, const RegistryRequest& request,
                                           const std::string& authorization);
  Result<WebAddress> redirected(const WebAddress& from, const HttpResponse& answer) const;
  Error error_of(const WebAddress& address, const RegistryRequest& request, HttpStream& answer) const;
  std::string wanted_of(const RegistryRequest& request) const;
  Error refusal_of(const std::string& said) const;
  // The registry, or where it sent us.
  std::string name_of(const WebAddress& address) const;
  bool is_registry(const WebAddress& address) const { return address.origin() == place_.server.origin(); }

  HttpStreams& http_;
  const RegistryPlace place_;
  RegistryAuth auth_;
  std::atomic<bool> given_up_{false};
};

}  // namespace thaw
