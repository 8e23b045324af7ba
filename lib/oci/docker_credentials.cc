#include "lib/oci/docker_credentials.h"

#include <cstdlib>

#include "lib/base/base64.h"
#include "lib/base/file.h"
#include "lib/oci/context.h"
#include "lib/oci/credential_helper.h"
#include "lib/oci/json.h"

namespace thaw {
namespace {

constexpr const char* kHubKey = "https://index.docker.io/v1/";
constexpr const char* kTokenUser = "<token>";

// "HOST[/REPOSITORY]" of a key as it stands in a file: older ones are URLs.
std::string plain_key(std::string key) {
  for (const char* scheme : {"https://", "http://"}) {
    if (key.starts_with(scheme)) key.erase(0, std::string_view(scheme).size());
  }
  while (key.ends_with('/')) key.pop_back();
  for (const char* version : {"/v1", "/v2"}) {
    if (key.ends_with(version)) key.erase(key.size() - std::string_view(version).size());
  }
  for (const std::string alias : {"index.docker.io", "registry-1.docker.io"}) {
    if (key == alias || key.starts_with(alias + "/")) key.replace(0, alias.size(), "docker.io");
  }
  return key;
}

// The member whose plain key is `wanted`; null when there is none.
const Json& keyed_member(const Json& object, const std::string& wanted) {
  if (object.is_object()) {
    for (const auto& [key, value] : object.items()) {
      if (plain_key(key) == wanted) return value;
    }
  }
  return member(object, "");
}

RegistryLogin login_of(std::string user, std::string password) {
  if (user == kTokenUser) return {"", "", std::move(password)};
  return {std::move(user), std::move(password), ""};
}

Result<RegistryLogin> parse_auth(const Json& entry) {
  THAW_ASSIGN(const std::string identity, text_member(entry, "identitytoken"));
  if (!identity.empty()) return RegistryLogin{"", "", identity};
  THAW_ASSIGN(const std::string encoded, text_member(entry, "auth"));
  if (encoded.empty()) {
    THAW_ASSIGN(std::string user, text_member(entry, "username"));
    THAW_ASSIGN(std::string password, text_member(entry, "password"));
    return login_of(std::move(user), std::move(password));
  }
  const auto decoded = from_base64(encoded);
  const size_t colon = decoded ? decoded->find(':') : std::string::npos;
  if (colon == std::string::npos) return Error{Code::kUsage, "\"auth\" is not base64 of USER:PASSWORD"};
  std::string password = decoded->substr(colon + 1);
  while (password.ends_with('\0')) password.pop_back();
  return login_of(decoded->substr(0, colon), std::move(password));
}

// One file: which repository of which registry is looked for in it.
class CredentialFile {
 public:
  CredentialFile(const std::string& registry, const std::string& repository, const Limits& limits)
      : registry_(registry), repository_(repository), limits_(limits) {}

  Result<RegistryLogin> find(const Json& document) const {
    THAW_ASSIGN(const std::string helper, helper_of(document));
    if (!helper.empty()) {
      THAW_ASSIGN(RegistryLogin login, ask(helper));
      if (!login.empty()) return login;
    }
    // The most exact key first: "HOST/team/web", "HOST/team", "HOST".
    for (std::string key = registry_ + "/" + repository_;; key.resize(key.rfind('/'))) {
      THAW_ASSIGN(RegistryLogin login, parse_auth(keyed_member(member(document, "auths"), key)));
      if (!login.empty() || key == registry_) return login;
    }
  }

 private:
  Result<std::string> helper_of(const Json& document) const {
    const Json& own = keyed_member(member(document, "credHelpers"), registry_);
    if (own.is_string()) return own.get<std::string>();
    return text_member(document, "credsStore");
  }

  Result<RegistryLogin> ask(const std::string& helper) const {
    const auto text = ask_credential_helper(helper, registry_ == "docker.io" ? kHubKey : registry_);
    if (!text.ok() && text.error().code == Code::kNotFound) return RegistryLogin{};
    if (!text.ok()) return text.error();
    // The answer holds a secret: no message shows it.
    const auto document = parse_json(text.value(), limits_);
    if (!document.ok()) return Error{Code::kFailed, "docker-credential-" + helper + " answers with no JSON"};
    THAW_ASSIGN(std::string user, text_member(document.value(), "Username"));
    THAW_ASSIGN(std::string secret, text_member(document.value(), "Secret"));
    return login_of(std::move(user), std::move(secret));
  }

  const std::string& registry_;
  const std::string& repository_;
  const Limits& limits_;
};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

Result<RegistryLogin> find_in_file(const std::string& file, const CredentialFile& wanted,
                                   const Limits& limits) {
  const auto bytes = read_file(file, limits.max_json_bytes);
  if (!bytes.ok() && bytes.error().code == Code::kNotFound) return RegistryLogin{};
  if (!bytes.ok()) return bytes.error();
  const auto document = parse_json(as_text(bytes.value().view()), limits);
  // Without the parser's words: they may quote a password.
  if (!document.ok()) return Error{Code::kUsage, file + ": not a JSON object; write it with 'docker login'"};
  auto login = wanted.find(document.value());
  if (login.ok()) return login;
  Error error = about(file, std::move(login).error());
  if (error.code == Code::kDamaged) error.code = Code::kUsage;
  return error;
}

}  // namespace

std::vector<std::string> credential_files() {
  std::vector<std::string> files;
  if (const std::string file = environment("REGISTRY_AUTH_FILE"); !file.empty()) files.push_back(file);
  if (const std::string folder = environment("XDG_RUNTIME_DIR"); !folder.empty())
    files.push_back(folder + "/containers/auth.json");
  const std::string docker = environment("DOCKER_CONFIG");
  const std::string home = environment("HOME");
  if (!docker.empty()) {
    files.push_back(docker + "/config.json");
  } else if (!home.empty()) {
    files.push_back(home + "/.docker/config.json");
  }
  return files;
}

Result<RegistryLogin> find_login(const std::string& registry, const std::string& repository,
                                 const std::vector<std::string>& files, const Limits& limits) {
  const CredentialFile wanted(registry, repository, limits);
  for (const std::string& file : files) {
    THAW_ASSIGN(RegistryLogin login, find_in_file(file, wanted, limits));
    if (!login.empty()) return login;
  }
  return RegistryLogin{};
}

}  // namespace thaw
