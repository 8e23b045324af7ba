// An image in a registry as an ImageSource: found by the OCI distribution API, its layers downloaded ahead.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/executor.h"
#include "lib/http/http_client.h"
#include "lib/oci/image_source.h"
#include "lib/oci/registry_reference.h"
#include "lib/oci/registry_retries.h"

namespace thaw {

enum class RegistryTransport : uint8_t { kTls, kPlainHttp };

struct RegistryOptions {
  RegistryTransport transport = RegistryTransport::kTls;
  HttpOptions http;  // with the authority whose certificates are trusted
  // Of a registry ("docker.io"): "https://HOST[:PORT]", asked in this order before the registry itself. Plain
  // HTTP is spoken with those that say http.
  std::map<std::string, std::vector<std::string>> mirrors;
  std::vector<std::string> credential_files;  // see docker_credentials.h
  DownloadLimits retries;
  // Hears, in one line, that a mirror gave other bytes than it was asked for. Any thread calls it.
  std::function<void(const std::string&)> warn;
  // Where layers are downloaded, kLayersAhead at a time; its threads wait for the network. Nothing: each
  // layer is downloaded when it is read.
  Executor* executor = nullptr;
};

// So many layers at most lie in the spool folder, compressed, one of them being read.
inline constexpr size_t kLayersAhead = 3;

struct RegistryRoom {
  std::string spool_folder;
  const Limits& limits;  // outlives the source
};

// kUsage for a mirror that is no address.
Result<std::unique_ptr<ImageSource>> make_registry_source(RegistryReference reference,
                                                          RegistryOptions options, const RegistryRoom& room);

}  // namespace thaw
