#include "daemon/mounts/mount_state.h"

#include <nlohmann/json.hpp>

#include "lib/json/json_text.h"
#include "lib/json/path_json.h"

namespace thaw {

namespace {

using Json = nlohmann::json;

constexpr std::string_view kMountPrefix = "mount/";

}  // namespace

std::string mount_record_key(const std::string& id) { return std::string(kMountPrefix) + id; }

bool is_mount_record(const std::string& key) { return key.starts_with(kMountPrefix); }

std::string to_record(const MountState& state) {
  return Json{{"id", state.id},
              {"key", state.key},
              {"manifest", state.manifest},
              {"name", state.name},
              {"target", path_json(state.target)},
              {"reopen", state.reopen},
              {"namespace", state.mount_namespace},
              {"pid", state.pid},
              {"done", state.phase == MountPhase::kDone}}
      .dump();
}

Result<MountState> mount_from_record(const std::string& value) {
  try {
    const Json json = read_json(value);
    MountState state;
    state.id = json.at("id");
    state.key = json.at("key");
    state.manifest = json.at("manifest");
    state.name = json.at("name");
    state.target = path_from_json(json.at("target"));
    state.reopen = json.at("reopen");
    state.mount_namespace = json.at("namespace");
    state.pid = json.at("pid");
    state.phase = json.at("done").get<bool>() ? MountPhase::kDone : MountPhase::kBegun;
    return state;
  } catch (const Json::exception& failure) {
    return Error{Code::kDamaged, std::string("the record of a mount: ") + failure.what()};
  }
}

}  // namespace thaw
