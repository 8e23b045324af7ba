#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "daemon/cli/command.h"
#include "daemon/processes/worker_pool.h"
#include "daemon/store_session.h"
#include "lib/build/build.h"
#include "lib/build/sharing.h"
#include "lib/crypto/hash.h"
#include "lib/oci/docker_credentials.h"

namespace thaw {
namespace {

using Json = nlohmann::json;

struct BuildOptions {
  std::string source;
  std::string name;
  std::string tenant;
  std::string platform;
  std::string isolation;
  bool verify_existing = false;
  bool plain_http = false;
  std::string registry_ca;
};

// OS/ARCH or OS/ARCH/VARIANT.
Result<Platform> parse_platform(const std::string& text) {
  std::vector<std::string> words;
  std::istringstream parts(text);
  for (std::string word; std::getline(parts, word, '/');) words.push_back(word);
  const bool good = (words.size() == 2 || words.size() == 3) && std::ranges::count(words, "") == 0;
  if (!good)
    return Error{Code::kUsage, "\"" + text + "\" is no platform; write OS/ARCH[/VARIANT], as linux/arm64"};
  return Platform{words[0], words[1], words.size() == 3 ? words[2] : ""};
}

RegistryOptions registry_options(const Config& config, const BuildOptions& options) {
  RegistryOptions registry;
  if (options.plain_http) registry.transport = RegistryTransport::kPlainHttp;
  registry.http.ca_file = options.registry_ca.empty() ? config.registry_ca_file : options.registry_ca;
  registry.http.proxies = ProxyUse::kEnvironment;
  registry.mirrors = config.registry_mirrors;
  registry.credential_files = credential_files();
  return registry;
}

Result<BuildRequest> request_of(const Config& config, const BuildOptions& options) {
  BuildRequest request;
  request.source = options.source;
  const bool from_registry = options.source.starts_with("docker://");
  if (!from_registry && (options.plain_http || !options.registry_ca.empty()))
    return Error{Code::kUsage, "--plain-http and --registry-ca are for docker://… alone"};
  request.tenant = options.tenant.empty() ? config.tenant : options.tenant;
  const std::string& isolation = options.isolation.empty() ? config.isolation : options.isolation;
  request.isolation = isolation == "private" ? Isolation::kPrivate : Isolation::kShared;
  request.apart = {config.salts_by_time, config.salts_by_zone, config.salts_popular, config.salts_groups,
                   config.state_dir + "/uses"};
  THAW_ASSIGN(request.name, ImageName::parse(options.name));
  if (request.name.digest)
    return Error{Code::kUsage, "a build makes the digest; leave @sha256:… out of the name"};
  if (!options.platform.empty()) {
    THAW_ASSIGN(request.read.platform, parse_platform(options.platform));
  }
  request.read.limits = config.build_limits;
  request.read.spool_folder = config.build_spool_dir;
  request.read.registry = registry_options(config, options);
  if (options.verify_existing) {
    request.upload.existing = Existing::kVerify;
  } else if (is_s3_url(config.store_url)) {
    // A folder is asked as fast as the memory of it is read.
    request.upload.existing = Existing::kTrustMemory;
  }
  return request;
}

Json report_json(const BuildReport& report) {
  return {{"name", report.name},
          {"manifest", report.manifest.hex()},
          {"root", report.root},
          {"unchanged", report.unchanged},
          {"device_bytes", report.device_bytes},
          {"content_bytes", report.content_bytes},
          {"chunks", report.chunks},
          {"zero_chunks", report.zero_chunks},
          {"new_chunks", report.new_chunks},
          {"new_bytes", report.new_bytes},
          {"reused_chunks", report.reused_chunks},
          {"unasked_chunks", report.unasked_chunks},
          {"salt_period", report.salt_period},
          {"popular_chunks", report.popular_chunks},
          {"traced_chunks", report.traced_chunks},
          {"seconds", report.seconds}};
}

std::string report_text(const BuildReport& report) {
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.1f s", report.seconds);
  if (report.unchanged) {
    return report.name + "  sha256:" + report.manifest.hex() +
           "\nunchanged: " + format_size(report.content_bytes) + " of files in " +
           std::to_string(report.chunks) + " chunks, all there; " + seconds;
  }
  return report.name + "  sha256:" + report.manifest.hex() + "\n" + format_size(report.content_bytes) +
         " of files in " + std::to_string(report.chunks) + " chunks; " + std::to_string(report.new_chunks) +
         " new (" + format_size(report.new_bytes) + "), " + std::to_string(report.reused_chunks) +
         " were there; " + seconds;
}

// Of the tenant alone: what others have is not for him to know.
Result<Json> shared_within_tenant(const SharingParts& parts, const BuildRequest& request) {
  THAW_ASSIGN(const SharingReport sharing, find_sharing(parts, {request.tenant}, {}));
  for (const ImageSharing& image : sharing.images) {
    if (image.name != request.name.name || image.tag != request.name.tag) continue;
    return Json{{"chunks", image.shared_chunks}, {"bytes", image.shared_bytes}};
  }
  return Json();  // it was removed meanwhile
}

// One for each bucket: a copy of a store has its ids too, and other chunks.
std::string known_files(const Config& config) {
  const Digest place = sha256(as_bytes(config.s3_endpoint + " " + config.store_url));
  return config.state_dir + "/known/" + place.hex().substr(0, 16);
}

Status build_image(Invocation& invocation, const BuildOptions& options) {
  THAW_ASSIGN(invocation.config, load_config(invocation.config_file));
  THAW_ASSIGN(BuildRequest request, request_of(invocation.config, options));
  THAW_ASSIGN(const auto session,
              StoreSession::open(invocation.config, StoreUse::kBuild, KeyringUse::kBuild));
  // A keyring that is away must not be taken for a new one.
  THAW_TRY(session->catalog().check_builder(session->keys()));
  const auto store = session->catalog().store_id();
  const bool new_store = !store.ok() && store.error().code == Code::kNotFound;
  // A first build makes the builder's keys and trusts them; the names that it replaces are checked against
  // that.
  THAW_TRY(session->keys().prepare_builder());
  THAW_ASSIGN(TrustedBuilders trusted, session->trusted());
  // They wait for the network, those of the session's pool work.
  WorkerPool downloads("download", kLayersAhead);
  request.read.registry.executor = &downloads;
  request.read.registry.warn = [](const std::string& line) {
    std::fprintf(stderr, "thaw build: warning: %s\n", line.c_str());
  };
  ProgressBar reading(invocation, "reading");
  ProgressBar storing(invocation, "storing");
  request.read.executor = &session->cpu();
  request.read.progress = [&reading](uint64_t done, uint64_t total) { reading.show(done, total); };
  request.upload.progress = [&storing](const Progress& progress) {
    storing.show(progress.done, progress.total);
  };
  Workshop shop{session->catalog(),
                session->keys(),
                session->keys(),
                session->cpu(),
                std::move(trusted),
                std::string("thaw/") + THAW_VERSION,
                SaltMemory(invocation.config.state_dir + "/salts"),
                &session->sequences(),
                known_files(invocation.config)};
  THAW_ASSIGN(const BuildReport report, build(shop, request));
  if (!report.warning.empty()) std::fprintf(stderr, "thaw build: warning: %s\n", report.warning.c_str());
  // A disk that is not mounted looks like a first build.
  if (new_store)
    std::fprintf(stderr, "thaw build: made a new store, %s\n", invocation.config.store_url.c_str());
  Json object = report_json(report);
  object["new_store"] = new_store;
  if (invocation.json) {
    THAW_ASSIGN(object["shared_within_tenant"],
                shared_within_tenant({session->catalog(), shop.trusted, downloads}, request));
  }
  invocation.print(object, report_text(report));
  return {};
}

}  // namespace

void add_build_command(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<BuildOptions>();
  CLI::App* command = app.add_subcommand("build", "Turn an OCI image into chunks in the store, under a name");
  command->footer(
      "Examples:\n  thaw build oci:./web:7 web:7\n  thaw build oci-archive:web.tar web:7 --platform "
      "linux/arm64\n"
      "  thaw build docker-archive:saved.tar tools/web\n"
      "  thaw build docker://registry.example/team/web:7 web:7\n"
      "Logins of 'docker login' and 'skopeo login' are used.");
  command
      ->add_option("SOURCE", options->source,
                   "oci:DIR[:REF], oci-archive:FILE[:REF], docker-archive:FILE[:REF] or "
                   "docker://HOST[:PORT]/REPOSITORY[:TAG][@sha256:DIGEST]")
      ->required();
  command->add_option("NAME", options->name, "NAME[:TAG]")->required();
  add_tenant(*command, options->tenant);
  command->add_option("--platform", options->platform,
                      "OS/ARCH[/VARIANT] (default: linux and this machine's)");
  command
      ->add_option("--isolation", options->isolation,
                   "private: share no chunk with other tenants, from now on; shared (default: as configured)")
      ->check(CLI::IsMember({"shared", "private"}));
  command->add_flag("--verify-existing", options->verify_existing,
                    "Read stored chunks and replace damaged ones");
  command->add_flag("--plain-http", options->plain_http, "Speak with the registry without TLS");
  command->add_option(
      "--registry-ca", options->registry_ca,
      "A file with the authority whose certificate the registry has (default: as configured)");
  command->callback([&invocation, options] {
    invocation.action = [options](Invocation& call) { return build_image(call, *options); };
  });
}

}  // namespace thaw
