#include "lib/oci/image_config.h"

#include "lib/oci/context.h"
#include "lib/oci/json.h"
#include "lib/oci/manifest.h"

namespace thaw {
namespace {

Result<RuntimeConfig> parse_runtime(const Json& json) {
  RuntimeConfig runtime;
  THAW_ASSIGN(runtime.entrypoint, list_member(json, "Entrypoint"));
  THAW_ASSIGN(runtime.cmd, list_member(json, "Cmd"));
  THAW_ASSIGN(runtime.env, list_member(json, "Env"));
  THAW_ASSIGN(runtime.working_dir, text_member(json, "WorkingDir"));
  THAW_ASSIGN(runtime.user, text_member(json, "User"));
  THAW_ASSIGN(runtime.stop_signal, text_member(json, "StopSignal"));
  const Json& labels = member(json, "Labels");
  for (const auto& [name, value] : labels.items()) {
    if (!labels.is_object() || !value.is_string()) return damaged("\"Labels\" is not an object of strings");
    runtime.labels.emplace(name, value.get<std::string>());
  }
  const Json& volumes = member(json, "Volumes");
  for (const auto& [path, value] : volumes.items()) {
    if (!volumes.is_object()) return damaged("\"Volumes\" is not an object");
    runtime.volumes.push_back(path);
  }
  return runtime;
}

}  // namespace

Result<ImageConfig> parse_image_config(std::string_view text, const Limits& limits) {
  THAW_ASSIGN(const Json json, parse_json(text, limits));
  ImageConfig config;
  THAW_ASSIGN(config.platform.os, text_member(json, "os"));
  THAW_ASSIGN(config.platform.architecture, text_member(json, "architecture"));
  THAW_ASSIGN(config.platform.variant, text_member(json, "variant"));
  THAW_ASSIGN(config.runtime, parse_runtime(member(json, "config")));
  if (!member(json, "rootfs").is_object()) return damaged("not an image config: it has no \"rootfs\"");
  THAW_ASSIGN(const auto diff_ids, list_member(member(json, "rootfs"), "diff_ids"));
  for (const std::string& id : diff_ids) {
    THAW_ASSIGN(const Digest digest, parse_digest(id));
    config.diff_ids.push_back(digest);
  }
  return config;
}

}  // namespace thaw
