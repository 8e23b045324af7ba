#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/cli/command.h"
#include "daemon/cli/expired_use.h"
#include "daemon/store_session.h"
#include "lib/build/export_image.h"
#include "lib/build/verify_image.h"

namespace thaw {
namespace {

using Json = nlohmann::json;

struct CheckOptions {
  std::string name;
  std::string tenant;
  std::string file;
  bool all = false;
  bool allow_rollback = false;

  Rollback rollback() const { return allow_rollback ? Rollback::kAllow : Rollback::kRefuse; }
};

Json bad_json(const VerifyReport& report) {
  Json bad = Json::array();
  for (const BadChunk& chunk : report.bad) {
    bad.push_back({{"id", chunk.id.hex()}, {"index", chunk.index}, {"why", chunk.why}});
  }
  return bad;
}

std::string verify_text(const VerifyReport& report) {
  std::string text;
  for (const BadChunk& chunk : report.bad) text += chunk.id.hex() + "  " + chunk.why + "\n";
  return text + std::to_string(report.chunks) + " chunks, " + format_size(report.bytes) + ", " +
         std::to_string(report.bad.size()) + " bad";
}

Status verify(Invocation& invocation, const CheckOptions& options) {
  if (options.all == !options.name.empty())
    return Error{Code::kUsage, "name an image, or say --all; see 'thaw verify --help'"};
  if (options.all) return verify_all(invocation);
  THAW_ASSIGN(invocation.config, load_config(invocation.config_file));
  THAW_ASSIGN(const auto session, StoreSession::open(invocation.config, StoreUse::kRead, KeyringUse::kRead));
  THAW_ASSIGN(const OpenedImage image, session->open_image(options.name, options.tenant, options.rollback()));
  ProgressBar bar(invocation, "verifying");
  const auto progress = [&bar](const Progress& now) { bar.show(now.done, now.total); };
  THAW_ASSIGN(const auto use, ExpiredUse::begin(*session, image));
  const Result<VerifyReport> verified = verify_image(image, use->store(), progress);
  use->end("'thaw verify' read " + options.name);
  if (!verified.ok()) return verified.error();
  const VerifyReport& report = verified.value();
  invocation.print({{"chunks", report.chunks}, {"bytes", report.bytes}, {"bad", bad_json(report)}},
                   verify_text(report));
  if (report.bad.empty()) return {};
  // Findings are the command's result, so with --json they stay the only object on stdout.
  invocation.exit_status = exit_status(Code::kDamaged);
  std::fprintf(stderr,
               "thaw verify: %s: %zu of %llu chunks are missing or damaged; heal them with 'thaw build "
               "--verify-existing'\n",
               options.name.c_str(), report.bad.size(), static_cast<unsigned long long>(report.chunks));
  return {};
}

Error with_remedy(Error error, const std::string& image) {
  if (error.code != Code::kDamaged) return error;
  return {error.code, image + ": " + error.message + "; heal it with 'thaw build --verify-existing'"};
}

Status export_to_file(Invocation& invocation, const CheckOptions& options) {
  THAW_ASSIGN(invocation.config, load_config(invocation.config_file));
  THAW_ASSIGN(const auto session, StoreSession::open(invocation.config, StoreUse::kRead, KeyringUse::kRead));
  THAW_ASSIGN(const OpenedImage image, session->open_image(options.name, options.tenant, options.rollback()));
  ProgressBar bar(invocation, "exporting");
  const auto progress = [&bar](const Progress& now) { bar.show(now.done, now.total); };
  THAW_ASSIGN(const auto use, ExpiredUse::begin(*session, image));
  const auto report = export_image(image, use->store(), options.file, progress);
  use->end("'thaw export' read " + options.name);
  if (!report.ok()) return with_remedy(report.error(), options.name);
  invocation.print({{"bytes", report->bytes}, {"sha256", report->sha256.hex()}}, report->sha256.hex());
  return {};
}

CLI::App* add_check_command(CLI::App& app, const char* name, const char* help, CheckOptions& options) {
  CLI::App* command = app.add_subcommand(name, help);
  command->add_option("NAME", options.name, "NAME[:TAG][@sha256:DIGEST]");
  add_tenant(*command, options.tenant);
  add_rollback_flag(*command, options.allow_rollback);
  return command;
}

}  // namespace

void add_check_commands(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* verifying = add_check_command(
      app, "verify", "Fetch and check every chunk of an image, straight from the store", *options);
  verifying->footer("Examples:\n  thaw verify web:7\n  thaw verify --all --json");
  verifying->add_flag("--all", options->all, "Of all images of all tenants; needs no key")
      ->excludes("--tenant", "--allow-rollback");
  verifying->callback([&invocation, options] {
    invocation.action = [options](Invocation& call) { return verify(call, *options); };
  });
  CLI::App* writer =
      add_check_command(app, "export", "Write an image's whole device as a sparse file", *options);
  writer->footer("Examples:\n  thaw export web:7 web.ext4");
  writer->get_option("NAME")->required();
  writer->add_option("FILE", options->file, "The file to write")->required();
  writer->callback([&invocation, options] {
    invocation.action = [options](Invocation& call) { return export_to_file(call, *options); };
  });
}

}  // namespace thaw
