#include "daemon/mounts/mount_helper.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "daemon/mounts/helper_client.h"
#include "daemon/mounts/image_mount.h"
#include "lib/base/file.h"
#include "lib/json/json_text.h"
#include "lib/json/path_json.h"

namespace thaw {
namespace {

using Json = nlohmann::json;

Result<std::string> read_request() {
  std::string text;
  std::array<char, 4096> part{};
  for (;;) {
    const ssize_t n = ::read(STDIN_FILENO, part.data(), part.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("read the request", errno);
    if (n == 0) return text;
    text.append(part.data(), static_cast<size_t>(n));
    if (text.size() > kMaxHelperMessageBytes) return Error{Code::kUsage, "the request is too long"};
  }
}

AttachRequest attach_request(const Json& request) {
  return {request.at("file"), request.at("folder"), request.at("read_ahead_kb")};
}

Result<Json> attach(const Json& request) {
  THAW_ASSIGN(const AttachedImage image, attach_image(attach_request(request)));
  return Json{{"path", image.path}, {"device", image.device}, {"direct_io", image.direct_io}};
}

Result<Json> detach(const Json& request) {
  THAW_TRY(detach_image(attach_request(request)));
  return Json::object();
}

// Nothing from a worker of an earlier version.
std::vector<std::string> paths_of(const Json& request, const char* key) {
  std::vector<std::string> paths;
  for (const Json& path : request.value(key, Json::array())) paths.push_back(path_from_json(path));
  return paths;
}

Result<Json> bind(const Json& request) {
  const OwnPaths own{paths_of(request, "own_paths"), paths_of(request, "own_folders")};
  THAW_ASSIGN(const BoundImage bound, bind_image({request.at("folder"), path_from_json(request.at("target")),
                                                  request.at("pid"), own}));
  return Json{{"namespace", bound.mount_namespace}, {"target", path_json(bound.target)}};
}

Result<Json> unbind(const Json& request) {
  UnbindRequest parts;
  parts.folder = request.at("folder");
  parts.target = path_from_json(request.at("target"));
  parts.device = request.at("device");
  parts.mount_namespace = request.at("namespace");
  parts.pid = request.at("pid");
  parts.how = request.at("lazy").get<bool>() ? Unmount::kLazy : Unmount::kIdle;
  THAW_TRY(unbind_image(parts));
  return Json::object();
}

Result<Json> carry_out(const std::string& text) {
  const Json request = read_json(text);
  const std::string operation = request.at("operation");
  if (operation == "attach") return attach(request);
  if (operation == "detach") return detach(request);
  if (operation == "bind") return bind(request);
  if (operation == "unbind") return unbind(request);
  return Error{Code::kUsage, "no such operation: " + operation};
}

Result<Json> answer_for(const Result<std::string>& text) {
  if (!text.ok()) return text.error();
  try {
    return carry_out(text.value());
  } catch (const Json::exception& failure) {
    return Error{Code::kUsage, std::string("the mount helper is asked by thawd only: ") + failure.what()};
  }
}

}  // namespace

int mount_helper_main() {
  const Result<Json> answer = answer_for(read_request());
  Json message;
  if (answer.ok()) {
    message["answer"] = answer.value();
  } else {
    message["error"] = {{"code", code_name(answer.error().code)}, {"message", answer.error().message}};
  }
  const Status written = write_all(STDOUT_FILENO, as_bytes(json_text(message) + "\n"));
  return answer.ok() && written.ok() ? 0 : 1;
}

}  // namespace thaw
