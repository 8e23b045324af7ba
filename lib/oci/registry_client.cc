// Source: OCI distribution specification v1.1, "Pull", "Error Codes".
#include "lib/oci/registry_client.h"

#include "lib/oci/context.h"
#include "lib/oci/registry_answer.h"

namespace thaw {
namespace {

constexpr int kMaxRedirects = 5;
constexpr int kMaxRenewals = 2;  // the second tells whose login is not accepted
constexpr std::chrono::seconds kDocumentTimeout{60};

// What a manifest may be; Docker's schema 1 is none of them.
constexpr const char* kManifestTypes =
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json";

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

RegistryClient::RegistryClient(HttpStreams& http, RegistryPlace place, FindLogin find_login)
    : http_(http), place_(std::move(place)), auth_(http, place_, std::move(find_login)) {}

Result<std::unique_ptr<HttpStream>> RegistryClient::open(const RegistryRequest& request) {
  WebAddress address = place_.server;
  address.target = "/v2/" + place_.repository + "/" + request.part;
  int renewals = 0;
  for (int redirects = 0; redirects <= kMaxRedirects;) {
    // Another server than the registry sees nothing of what the registry is shown.
    const std::string authorization = is_registry(address) ? auth_.header() : std::string();
    THAW_ASSIGN(auto answer, send(address, request, authorization));
    const HttpResponse& head = answer->head();
    if (head.status == 200 || (head.status == 206 && request.offset > 0)) return answer;
    if (head.status == 401 && is_registry(address) && renewals < kMaxRenewals) {
      THAW_TRY(auth_.renew(authorization, head.headers, request.stop));
      ++renewals;
    } else if (is_redirect(head.status)) {
      THAW_ASSIGN(address, redirected(address, head));
      ++redirects;
    } else {
      return error_of(address, request, *answer);
    }
  }
  return Error{Code::kFailed, "registry " + place_.name + " sends us from address to address"};
}

Result<std::unique_ptr<HttpStream>> RegistryClient::send(const WebAddress& address,
                                                         const RegistryRequest& request,
                                                         const std::string& authorization) {
  HttpRequest http;
  http.url = address.text();
  http.stop = request.stop;
  if (request.part.starts_with("manifests/")) {
    http.headers.emplace_back("accept", kManifestTypes);
    http.deadline = steady_clock().now() + kDocumentTimeout;
  }
  if (!authorization.empty()) http.headers.emplace_back("authorization", authorization);
  if (request.offset > 0) http.headers.emplace_back("range", "bytes=" + std::to_string(request.offset) + "-");
  auto answer = http_.open(std::move(http));
  if (answer.ok()) return answer;
  Error error = about("registry " + name_of(address), std::move(answer).error());
  if (error.code == Code::kRefused) error.message += "; name its authority with --registry-ca FILE";
  if (error.code == Code::kUnreachable && address.scheme == "https") {
    error.message += "; check its address, and say --plain-http if it has no TLS";
  }
  return error;
}

Result<WebAddress> RegistryClient::redirected(const WebAddress& from, const HttpResponse& answer) const {
  const auto to = follow(from, answer.header("location"));
  if (!to) return Error{Code::kFailed, "registry " + place_.name + " sends us to no address"};
  if (to->scheme == "http" && place_.server.scheme != "http") {
    return Error{Code::kRefused, "registry " + place_.name + " sends us to " + to->origin() +
                                     ", which is not encrypted; a registry has to name an https address"};
  }
  return *to;
}

std::string RegistryClient::name_of(const WebAddress& address) const {
  return is_registry(address) ? place_.name : place_.name + " (which sends us to " + address.authority + ")";
}

// "team/web:7", "team/web@sha256:…", "blob sha256:… of team/web".
std::string RegistryClient::wanted_of(const RegistryRequest& request) const {
  const std::string name = request.part.substr(request.part.find('/') + 1);
  if (request.part.starts_with("blobs/")) return "blob " + name + " of " + place_.repository;
  return place_.repository + (name.find(':') == std::string::npos ? ":" : "@") + name;
}

Error RegistryClient::refusal_of(const std::string& said) const {
  return {Code::kRefused, "registry " + place_.name + " does not hand out " + place_.repository + " (" +
                              said + "); log in with 'docker login " + place_.name +
                              "' as somebody who may read it"};
}

Error RegistryClient::error_of(const WebAddress& address, const RegistryRequest& request,
                               HttpStream& answer) const {
  const int status = answer.head().status;
  const std::string said = said_by(answer);
  const std::string who = "registry " + name_of(address);
  if (status == 401 || status == 403) return refusal_of(said);
  if (status == 404) {
    return {Code::kNotFound, who + " has no " + wanted_of(request) + " (" + said +
                                 "); 'skopeo list-tags docker://" + place_.name + "/" + place_.repository +
                                 "' tells what there is"};
  }
  if (status == 416) {
    return {Code::kDamaged, who + " has fewer bytes of " + wanted_of(request) +
                                " than its manifest promises (" + said + "); push the image again"};
  }
  if (is_passing(status)) {
    return {Code::kUnreachable, who + " cannot serve it now (" + said + ")", answer.head().retry_after};
  }
  return {Code::kFailed, who + " answers with an error (" + said + ")"};
}

}  // namespace thaw
