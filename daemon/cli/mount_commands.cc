#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/cli/command.h"
#include "daemon/cli/mount_request.h"
#include "daemon/control/client.h"
#include "lib/base/one_line.h"
#include "lib/chunk/journey.h"
#include "lib/json/path_json.h"

namespace thaw {
namespace {

using Json = nlohmann::json;

struct MountOptions : ImageToMount {
  std::string dir;
  bool file_only = false;
  bool no_prefetch = false;
  bool fill = false;
};

struct UmountOptions {
  std::string target;
  bool lazy = false;
};

Result<std::string> absolute_path(const std::string& path) {
  std::error_code failure;
  const auto absolute = std::filesystem::canonical(path, failure);
  if (failure) return Error{Code::kNotFound, path + ": " + failure.message() + "; make the directory first"};
  if (!std::filesystem::is_directory(absolute, failure))
    return Error{Code::kUsage, path + ": not a directory; an image is mounted on one"};
  return absolute.string();
}

Result<Json> request_for(const Invocation& invocation, const MountOptions& options) {
  Json request = mount_request(invocation, options);
  if (options.no_prefetch) request["prefetch"] = false;
  if (options.fill) request["fill"] = true;
  if (options.file_only) return request;
  if (options.dir.empty()) {
    return Error{Code::kUsage, "say where: 'thaw mount NAME DIR', or --file-only for the block file alone"};
  }
  THAW_ASSIGN(const std::string dir, absolute_path(options.dir));
  request["dir"] = path_json(dir);
  return request;
}

std::string mount_text(const Json& mount) {
  if (mount.at("mountpoint").is_null()) return mount.at("file").get<std::string>();
  return mount.at("name").get<std::string>() + " is mounted on " +
         one_line(mount.at("mountpoint").get<std::string>()) + " (id " + mount.at("id").get<std::string>() +
         ", " + mount.at("device").get<std::string>() + ")";
}

// Only memory may keep what was filled, and not for long.
bool is_kept_nowhere(const Json& fill) { return fill.is_object() && fill.at("tier") != "flash"; }

Status mount(Invocation& invocation, const MountOptions& options) {
  THAW_ASSIGN(invocation.config, load_config(invocation.config_file));
  THAW_ASSIGN(const Json request, request_for(invocation, options));
  THAW_ASSIGN(const Json answer, ControlClient(invocation.socket()).post("/v1/mounts", request));
  if (options.file_only && !options.dir.empty()) {
    std::fprintf(stderr, "thaw mount: warning: --file-only: nothing is mounted on %s\n",
                 one_line(options.dir).c_str());
  }
  if (options.fill && is_kept_nowhere(answer.at("fill"))) {
    std::fprintf(
        stderr,
        "thaw mount: warning: --fill: thawd has no flash tier that keeps the image; it is fetched once, and "
        "stays where memory has room; set flash.path and restart thawd\n");
  }
  invocation.print(answer, invocation.json ? "" : mount_text(answer));
  return {};
}

Status umount(Invocation& invocation, const UmountOptions& options) {
  THAW_ASSIGN(invocation.config, load_config(invocation.config_file));
  const Json request = {{"target", path_json(Invocation::mount_target(options.target))},
                        {"lazy", options.lazy},
                        {"pid", ::getpid()}};
  int attempts = 0;
  const auto answer = ControlClient(invocation.socket()).post("/v1/umount", request, &attempts);
  // A worker that died before it answered may have done it.
  const bool was_done = !answer.ok() && answer.error().code == Code::kNotFound && attempts > 1;
  if (!answer.ok() && !was_done) return answer.error();
  invocation.print(answer.ok() ? answer.value() : Json{{"target", options.target}}, "");
  return {};
}

std::string or_dash(const Json& value) { return value.is_string() ? value.get<std::string>() : "-"; }

// What lies in memory is read again and again.
uint64_t fetched_chunks(const Json& by_tier) {
  uint64_t fetched = 0;
  for (const auto& [tier, count] : by_tier.items()) {
    if (tier != kTierNames.at(static_cast<size_t>(Tier::kMemory))) fetched += count.get<uint64_t>();
  }
  return fetched;
}

std::string mounted_text(const Json& mounts) {
  if (mounts.empty()) return "nothing is mounted";
  std::string text = "ID\tNAME\tDEVICE\tMOUNTPOINT\tREAD\tFETCHED\n";
  for (const Json& mount : mounts) {
    text += mount.at("id").get<std::string>() + "\t" + mount.at("name").get<std::string>() + "\t" +
            or_dash(mount.at("device")) + "\t" + one_line(or_dash(mount.at("mountpoint"))) + "\t" +
            format_size(mount.at("bytes_read").get<uint64_t>()) + "\t" +
            std::to_string(fetched_chunks(mount.at("chunks_fetched"))) + " chunks\n";
  }
  return text;
}

std::string ps_text(const Json& answer) {
  std::string text = mounted_text(answer.at("mounts"));
  for (const Json& one : answer.value("waiting", Json::array())) {
    text += (text.ends_with("\n") ? "" : "\n") + one.at("id").get<std::string>() + ": " +
            one.at("name").get<std::string>() + " waits to be mounted again on " +
            one_line(or_dash(one.at("mountpoint")));
    if (one.at("why").is_string()) text += ": " + one_line(one.at("why").get<std::string>());
    text += "\n";
  }
  return text;
}

Status ps(Invocation& invocation) {
  THAW_ASSIGN(invocation.config, load_config(invocation.config_file));
  THAW_ASSIGN(const Json answer, ControlClient(invocation.socket()).get("/v1/mounts"));
  invocation.print(answer, invocation.json ? "" : ps_text(answer));
  return {};
}

}  // namespace

void add_mount_commands(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<MountOptions>();
  CLI::App* mount_command = app.add_subcommand("mount", "Show an image as a block file and a filesystem");
  mount_command->footer(
      "Examples:\n  thaw mount web:7 /mnt/web\n  thaw mount web:7@sha256:9f… /mnt/web\n"
      "  thaw mount web:7 --file-only");
  mount_command->add_option("NAME", options->name, "NAME[:TAG][@sha256:DIGEST]")->required();
  mount_command->add_option("DIR", options->dir, "An existing directory");
  add_tenant(*mount_command, options->tenant);
  mount_command->add_flag("--file-only", options->file_only, "Stop at the block file");
  mount_command->add_option("--outage", options->outage, "What reads do while the store is away")
      ->check(CLI::IsMember({"error", "wait"}));
  mount_command->add_flag(
      "--fill", options->fill,
      "Keep the whole image on flash, to outlast an outage of the store; 'thaw explain' tells how far it is");
  mount_command->add_flag("--no-prefetch", options->no_prefetch,
                          "Fetch only what is read, and not what was read when it was first mounted");
  add_rollback_flag(*mount_command, options->allow_rollback);
  mount_command->callback([&invocation, options] {
    invocation.action = [options](Invocation& call) { return mount(call, *options); };
  });

  auto target = std::make_shared<UmountOptions>();
  CLI::App* umount_command = app.add_subcommand("umount", "Take a mount away");
  umount_command->footer("Examples:\n  thaw umount /mnt/web\n  thaw umount --lazy 530dab56d50f");
  umount_command->add_option("TARGET", target->target, "The directory or the mount's id")->required();
  umount_command->add_flag("--lazy", target->lazy, "Also while it is in use; it goes with its last user");
  umount_command->callback([&invocation, target] {
    invocation.action = [target](Invocation& call) { return umount(call, *target); };
  });

  CLI::App* ps_command = app.add_subcommand("ps", "What is mounted, and what was read and fetched for it");
  ps_command->footer("Examples:\n  thaw ps\n  thaw ps --json");
  ps_command->callback([&invocation] { invocation.action = ps; });
}

}  // namespace thaw
