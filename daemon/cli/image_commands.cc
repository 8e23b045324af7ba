#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "daemon/cli/command.h"
#include "daemon/processes/worker_pool.h"
#include "daemon/store_session.h"
#include "lib/base/one_line.h"
#include "lib/build/sharing.h"
#include "lib/json/json_text.h"

namespace thaw {
namespace {

using Json = nlohmann::json;

struct ImageOptions {
  std::string name;
  std::string tenant;
  bool allow_rollback = false;
  bool sharing = false;
  bool all_tenants = false;

  Rollback rollback() const { return allow_rollback ? Rollback::kAllow : Rollback::kRefuse; }
};

constexpr size_t kReaders = 16;

uint64_t now_seconds() { return static_cast<uint64_t>(std::time(nullptr)); }

std::string time_text(uint64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  char text[32] = {};
  ::gmtime_r(&time, &parts);
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts);
  return text;
}

Json describe(const ListedImage& image) {
  Json row = {{"name", image.name + ":" + image.tag}};
  if (!image.record.ok()) {
    row["error"] = image.record.error().message;
    return row;
  }
  row["manifest"] = image.record->manifest.hex();
  row["sequence"] = image.record->sequence;
  row["time"] = image.record->time;
  return row;
}

std::string as_line(const ListedImage& image) {
  const std::string name = image.name + ":" + image.tag;
  if (!image.record.ok()) return name + "  " + image.record.error().message + "\n";
  return name + "  " + image.record->manifest.hex().substr(0, 12) + "  " + time_text(image.record->time) +
         "\n";
}

Status images(Invocation& invocation, const ImageOptions& options) {
  THAW_ASSIGN(invocation.config, load_config(invocation.config_file));
  THAW_ASSIGN(const auto session, StoreSession::open(invocation.config, StoreUse::kRead, KeyringUse::kRead));
  THAW_ASSIGN(Names names, session->names(options.tenant));
  auto listed = names.list();
  // Nothing was ever built into the store: no images, and no error.
  if (!listed.ok() && listed.error().code == Code::kNotFound) listed = std::vector<ListedImage>{};
  if (!listed.ok()) return listed.error();
  Json rows = Json::array();
  std::string text;
  for (const ListedImage& image : listed.value()) {
    rows.push_back(describe(image));
    text += as_line(image);
  }
  invocation.print({{"images", rows}}, text.empty() ? "no images yet; 'thaw build' makes one" : text);
  return {};
}

Json describe(const ImageSharing& image) {
  return {
      {"tenant", image.tenant}, {"name", image.name + ":" + image.tag}, {"chunks", image.chunks},
      {"bytes", image.bytes},   {"shared_chunks", image.shared_chunks}, {"shared_bytes", image.shared_bytes}};
}

std::string sharing_text(const SharingReport& report) {
  std::string text;
  for (const ImageSharing& image : report.images) {
    text += image.tenant + "/" + image.name + ":" + image.tag + "  " + format_size(image.bytes) + ", " +
            format_size(image.shared_bytes) + " of it shared\n";
  }
  return text + std::to_string(report.images.size()) + " images take " + format_size(report.bytes) +
         ", alone " + format_size(report.alone_bytes);
}

// What others have tells whether somebody has a file: for who could find out anyhow.
Status need_builder_key(BuilderKeys& keys) {
  const Result<Signed> own = keys.sign_message(as_bytes(kWhichKey));
  if (own.ok()) return {};
  return Error{Code::kRefused,
               "--all-tenants is for who has the builder's signing key: " + own.error().message};
}

Status show_sharing(Invocation& invocation, const ImageOptions& options) {
  THAW_ASSIGN(invocation.config, load_config(invocation.config_file));
  THAW_ASSIGN(const auto session, StoreSession::open(invocation.config, StoreUse::kRead, KeyringUse::kRead));
  std::vector<std::string> tenants{options.tenant.empty() ? invocation.config.tenant : options.tenant};
  if (options.all_tenants) {
    THAW_TRY(need_builder_key(session->keys()));
    THAW_ASSIGN(tenants, tenants_of(session->catalog()));
  }
  for (const std::string& tenant : tenants) THAW_TRY(check_tenant(tenant));
  THAW_ASSIGN(const TrustedBuilders trusted, session->trusted());
  WorkerPool readers("read", kReaders);
  ProgressBar bar(invocation, "reading");
  const auto progress = [&bar](const Progress& now) { bar.show(now.done, now.total); };
  THAW_ASSIGN(const SharingReport report,
              find_sharing({session->catalog(), trusted, readers}, tenants, progress));
  Json rows = Json::array();
  for (const ImageSharing& image : report.images) rows.push_back(describe(image));
  invocation.print({{"images", rows},
                    {"chunks", report.chunks},
                    {"bytes", report.bytes},
                    {"alone_bytes", report.alone_bytes}},
                   sharing_text(report));
  return {};
}

Json describe(const OpenedImage& image, const std::string& name) {
  const Manifest& manifest = image.manifest.clear;
  uint64_t stored = 0;
  std::unordered_set<ChunkId, ChunkIdHash> distinct;
  for (const ManifestChunk& chunk : manifest.chunks) {
    if (distinct.insert(chunk.id).second) stored += chunk.stored_length;
  }
  return {{"name", name},
          {"manifest", image.manifest.digest.hex()},
          {"root", image.root},
          {"tenant", manifest.tenant},
          {"layout", manifest.layout_version},
          {"chunk_size", manifest.chunk_size},
          {"device_bytes", manifest.device_bytes},
          {"content_bytes", image.manifest.details.content_bytes},
          {"files", image.manifest.details.files},
          {"chunks", distinct.size()},
          {"zero_chunks", manifest.device_chunks() - manifest.chunks.size()},
          {"stored_bytes", stored},
          {"source", image.manifest.details.source.hex()},
          {"reference", image.manifest.details.reference},
          {"builder", image.builder_version},
          {"config", read_json(image.manifest.details.config)}};
}

std::string inspect_text(const Json& image) {
  return image.at("name").get<std::string>() +
         "\n  manifest  sha256:" + image.at("manifest").get<std::string>() + "\n  from      " +
         one_line(image.at("reference").get<std::string>()) + "\n  device    " +
         format_size(image.at("device_bytes").get<uint64_t>()) + ", of which " +
         format_size(image.at("content_bytes").get<uint64_t>()) + " are files\n  stored    " +
         format_size(image.at("stored_bytes").get<uint64_t>()) + " in " + image.at("chunks").dump() +
         " chunks, root " + image.at("root").get<std::string>() + "\n  config    " +
         image.at("config").dump() + "\n";
}

Status inspect(Invocation& invocation, const ImageOptions& options) {
  THAW_ASSIGN(invocation.config, load_config(invocation.config_file));
  THAW_ASSIGN(const auto session, StoreSession::open(invocation.config, StoreUse::kRead, KeyringUse::kRead));
  THAW_ASSIGN(const ImageName name, ImageName::parse(options.name));
  THAW_ASSIGN(const OpenedImage image, session->open_image(options.name, options.tenant, options.rollback()));
  const Json described = describe(image, name.name + ":" + name.tag);
  invocation.print(described, inspect_text(described));
  return {};
}

// Who names a digest means that image and no later one of that name.
Status require_digest(Names& names, const ImageName& name) {
  if (!name.digest) return {};
  THAW_ASSIGN(const NameRecord record, names.find(name));
  if (record.manifest == *name.digest) return {};
  return Error{Code::kDamaged, name.text() + ": the name means " + record.manifest.hex() + " now"};
}

Status remove(Invocation& invocation, const ImageOptions& options) {
  THAW_ASSIGN(invocation.config, load_config(invocation.config_file));
  THAW_ASSIGN(const auto session, StoreSession::open(invocation.config, StoreUse::kRead, KeyringUse::kBuild));
  THAW_ASSIGN(const ImageName name, ImageName::parse(options.name));
  THAW_ASSIGN(Names names, session->names(options.tenant));
  THAW_TRY(require_digest(names, name));
  THAW_ASSIGN(const NameRecord record, names.remove(name, session->keys(), now_seconds()));
  invocation.print({{"name", name.text()}, {"sequence", record.sequence}}, "");
  return {};
}

CLI::App* add_image_command(CLI::App& app, const char* name, const char* help, ImageOptions& options) {
  CLI::App* command = app.add_subcommand(name, help);
  command->add_option("NAME", options.name, "NAME[:TAG][@sha256:DIGEST]")->required();
  add_tenant(*command, options.tenant);
  return command;
}

}  // namespace

void add_image_commands(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<ImageOptions>();
  CLI::App* list = app.add_subcommand("images", "The tenant's images");
  add_tenant(*list, options->tenant);
  CLI::Option* sharing = list->add_flag("--sharing", options->sharing,
                                        "How much of each image the tenant's other images have too");
  list->add_flag("--all-tenants", options->all_tenants,
                 "With --sharing: all tenants' images; needs the builder's signing key")
      ->needs(sharing)
      ->excludes("--tenant");
  list->footer(
      "Examples:\n  thaw images\n  thaw images --sharing --json\n  thaw images --sharing --all-tenants");
  list->callback([&invocation, options] {
    invocation.action = [options](Invocation& call) {
      return options->sharing ? show_sharing(call, *options) : images(call, *options);
    };
  });
  CLI::App* explain =
      add_image_command(app, "inspect", "What an image is made of and how it starts", *options);
  explain->footer("Examples:\n  thaw inspect web:7\n  thaw inspect --json web:7");
  add_rollback_flag(*explain, options->allow_rollback);
  explain->callback([&invocation, options] {
    invocation.action = [options](Invocation& call) { return inspect(call, *options); };
  });
  CLI::App* remover =
      add_image_command(app, "rm", "Take a name away; its chunks stay until they are collected", *options);
  remover->footer("Examples:\n  thaw rm web:6\n  thaw rm web:6@sha256:9f…   only if it is that image");
  remover->callback([&invocation, options] {
    invocation.action = [options](Invocation& call) { return remove(call, *options); };
  });
}

}  // namespace thaw
