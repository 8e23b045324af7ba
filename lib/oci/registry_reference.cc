// Source: the distribution specification, "Pulling manifests", and github.com/distribution/reference's
// grammar.
#include "lib/oci/registry_reference.h"

#include <algorithm>
#include <cctype>

#include "lib/oci/context.h"
#include "lib/oci/manifest.h"

namespace thaw {
namespace {

constexpr std::string_view kDockerHub = "docker.io";
constexpr size_t kMaxRepositoryBytes = 255;
constexpr size_t kMaxTagBytes = 128;

bool is_port(std::string_view text) {
  const auto is_digit = [](unsigned char c) { return std::isdigit(c) != 0; };
  if (text.empty() || text.size() > 5 || !std::ranges::all_of(text, is_digit)) return false;
  const int port = std::stoi(std::string(text));
  return port > 0 && port < 65536;
}

// A name, an address, or an IPv6 address in brackets; then perhaps a port.
bool is_registry(std::string_view text) {
  const bool bracketed = text.starts_with('[');
  const size_t end = bracketed ? text.find(']') : std::min(text.find(':'), text.size());
  if (end == std::string_view::npos) return false;
  const std::string_view host = bracketed ? text.substr(1, end - 1) : text.substr(0, end);
  const std::string_view rest = text.substr(bracketed ? end + 1 : end);
  const auto good = [bracketed](unsigned char c) {
    return bracketed ? std::isxdigit(c) != 0 || c == ':' || c == '.'
                     : std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_';
  };
  if (host.empty() || host.starts_with('-') || !std::ranges::all_of(host, good)) return false;
  return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)));
}

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_component(std::string_view text) {
  const auto good = [](char c) { return is_lower_or_digit(c) || c == '.' || c == '_' || c == '-'; };
  return !text.empty() && is_lower_or_digit(text.front()) && is_lower_or_digit(text.back()) &&
         text.find("..") == std::string_view::npos && std::ranges::all_of(text, good);
}

bool is_repository(std::string_view text) {
  if (text.size() > kMaxRepositoryBytes) return false;
  for (;;) {
    const size_t slash = text.find('/');
    if (!is_component(text.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    text.remove_prefix(slash + 1);
  }
}

bool is_tag(std::string_view text) {
  const auto good = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-'; };
  return !text.empty() && text.size() <= kMaxTagBytes && text.front() != '.' && text.front() != '-' &&
         std::ranges::all_of(text, good);
}

Error not_a_reference(std::string_view text, const std::string& why) {
  return Error{Code::kUsage, "\"" + printable(text) + "\": " + why +
                                 "; write docker://HOST[:PORT]/REPOSITORY[:TAG][@sha256:DIGEST]"};
}

// Without the text: there may be a password in it, and errors end in logs.
Error holds_a_login() {
  return Error{
      Code::kUsage,
      "a reference to a registry holds no user and no password; leave out what stands before '@', run "
      "'docker login HOST' or 'skopeo login HOST', and consider a password that was given so known"};
}

bool names_a_registry(std::string_view first) {
  return first.find_first_of(".:") != std::string_view::npos || first == "localhost";
}

}  // namespace

std::string RegistryReference::server() const {
  return registry == kDockerHub ? "registry-1.docker.io" : registry;
}

Result<RegistryReference> parse_registry_reference(std::string_view text) {
  RegistryReference reference;
  std::string_view rest = text;
  if (rest.substr(0, rest.find('/')).find('@') != std::string_view::npos) return holds_a_login();
  if (const size_t at = rest.find('@'); at != std::string_view::npos) {
    reference.digest = rest.substr(at + 1);
    rest = rest.substr(0, at);
    if (!parse_digest(reference.digest).ok())
      return not_a_reference(text, "what follows '@' is no sha256 digest");
  }
  const size_t slash = rest.find('/');
  if (slash == std::string_view::npos || !names_a_registry(rest.substr(0, slash))) {
    return not_a_reference(text,
                           "it names no registry (Docker's is docker.io, as in docker.io/library/debian)");
  }
  reference.registry = rest.substr(0, slash);
  if (!is_registry(reference.registry)) return not_a_reference(text, "it begins with no HOST[:PORT]");
  rest.remove_prefix(slash + 1);
  if (const size_t colon = rest.find(':'); colon != std::string_view::npos) {
    reference.tag = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    if (!is_tag(reference.tag)) return not_a_reference(text, "its tag is none");
  }
  if (!is_repository(rest))
    return not_a_reference(text, "its repository is none (small letters, digits, ._-/)");
  reference.repository = rest;
  if (reference.registry == "index.docker.io") reference.registry = kDockerHub;
  if (reference.registry == kDockerHub && reference.repository.find('/') == std::string::npos) {
    reference.repository.insert(0, "library/");
  }
  if (reference.tag.empty() && reference.digest.empty()) reference.tag = "latest";
  return reference;
}

std::string without_login(std::string_view url) {
  const size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(url);
  const size_t host = scheme + 3;
  const size_t at = url.substr(0, url.find('/', host)).rfind('@');
  if (at == std::string_view::npos || at < host) return std::string(url);
  return std::string(url.substr(0, host)).append(url.substr(at + 1));
}

}  // namespace thaw
