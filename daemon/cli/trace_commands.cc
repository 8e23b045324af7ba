#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/cli/command.h"
#include "daemon/control/client.h"
#include "daemon/store_session.h"
#include "lib/base/await.h"
#include "lib/manifest/trace.h"

namespace thaw {
namespace {

using Json = nlohmann::json;

struct TraceOptions {
  std::string name;
  std::string tenant;
};

struct StoredImage {
  std::unique_ptr<StoreSession> session;
  OpenedImage image;
};

Result<StoredImage> open_stored(Invocation& invocation, const TraceOptions& options) {
  THAW_ASSIGN(invocation.config, load_config(invocation.config_file));
  StoredImage stored;
  THAW_ASSIGN(stored.session, StoreSession::open(invocation.config, StoreUse::kRead, KeyringUse::kRead));
  THAW_ASSIGN(stored.image, stored.session->open_image(options.name, options.tenant, Rollback::kRefuse));
  return stored;
}

Status show_trace(Invocation& invocation, const TraceOptions& options) {
  THAW_ASSIGN(const StoredImage stored, open_stored(invocation, options));
  const Digest& digest = stored.image.manifest.digest;
  const auto object = stored.session->catalog().read(trace_key(stored.image.root, digest), kMaxTraceBytes);
  if (!object.ok() && object.error().code == Code::kNotFound) {
    return Error{Code::kNotFound, options.name + " has no trace yet; its first mount records one"};
  }
  if (!object.ok()) return object.error();
  THAW_ASSIGN(const Trace trace, open_trace(object->bytes.view(), digest, stored.image.manifest.trace_key));
  std::string text = std::to_string(trace.chunks.size()) + " chunks, in the order of their first read:";
  for (const uint32_t chunk : trace.chunks) text += " " + std::to_string(chunk);
  invocation.print({{"manifest", digest.hex()}, {"chunks", trace.chunks}}, text);
  return {};
}

Status drop(Invocation& invocation, const TraceOptions& options) {
  THAW_ASSIGN(const StoredImage stored, open_stored(invocation, options));
  const Digest& digest = stored.image.manifest.digest;
  ObjectStore& store = stored.session->store();
  for (const RootId& root : stored.image.roots) {
    THAW_TRY(
        await<bool>([&](Completion<bool> done) { store.remove(trace_key(root, digest), std::move(done)); }));
  }
  invocation.print({{"manifest", digest.hex()}}, "");
  return {};
}

Status record(Invocation& invocation, const TraceOptions& options) {
  THAW_ASSIGN(invocation.config, load_config(invocation.config_file));
  const Json request = {{"name", options.name},
                        {"tenant", options.tenant.empty() ? invocation.config.tenant : options.tenant}};
  THAW_ASSIGN(const Json answer, ControlClient(invocation.socket()).post("/v1/trace", request));
  invocation.print(answer, "recording what " + options.name + " reads first in the next " +
                               std::to_string(answer.at("seconds").get<uint64_t>()) + " s");
  return {};
}

using Command = Status (*)(Invocation&, const TraceOptions&);

void add(CLI::App& group, Invocation& invocation, const char* name, const char* help, Command command) {
  auto options = std::make_shared<TraceOptions>();
  CLI::App* app = group.add_subcommand(name, help);
  app->add_option("NAME", options->name, "NAME[:TAG][@sha256:DIGEST]")->required();
  add_tenant(*app, options->tenant);
  app->callback([&invocation, options, command] {
    invocation.action = [options, command](Invocation& call) { return command(call, *options); };
  });
}

}  // namespace

void add_trace_commands(CLI::App& app, Invocation& invocation) {
  CLI::App* group =
      app.add_subcommand("trace", "What an image reads first, replayed when it is mounted cold");
  group->footer("Examples:\n  thaw trace show web:7\n  thaw trace drop web:7");
  group->require_subcommand(1);
  add(*group, invocation, "show", "The chunks in the order of their first read", show_trace);
  add(*group, invocation, "record", "Record anew what the mounted image reads from now on", record);
  add(*group, invocation, "drop", "Forget it; the next mount records another one", drop);
}

}  // namespace thaw
