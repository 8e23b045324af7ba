#include "lib/build/build.h"

#include <malloc.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "lib/build/ext4_source.h"
#include "lib/build/find_unchanged.h"
#include "lib/ext4/device.h"
#include "lib/json/json_text.h"

namespace thaw {
namespace {

using nlohmann::json;

template <class Value>
void set_unless_empty(json& object, const char* field, const Value& value) {
  if (!value.empty()) object[field] = value;
}

Result<Digest> parse_source_digest(const std::string& text) {
  constexpr std::string_view kPrefix = "sha256:";
  const auto digest =
      text.starts_with(kPrefix) ? Digest::from_hex(text.substr(kPrefix.size())) : std::nullopt;
  if (!digest)
    return Error{Code::kDamaged, "the source image has no SHA-256 digest: \"" + text.substr(0, 80) + "\""};
  return *digest;
}

Result<ImageDetails> details_of(const ImageHead& head, const std::string& source) {
  ImageDetails details;
  THAW_ASSIGN(details.source, parse_source_digest(head.source_digest));
  THAW_ASSIGN(details.config, runtime_config_json(head.config));
  details.reference = source.substr(0, kMaxReferenceBytes);
  return details;
}

void count_files(const Tree& tree, ImageDetails& details) {
  details.content_bytes = tree.content_bytes();
  for (size_t i = 0; i < tree.inode_count(); ++i) {
    const auto index = static_cast<InodeIndex>(i);
    if (index == Tree::kRoot || tree.inode(index).links > 0) ++details.files;
  }
}

// The device has all of it by now. Of an image of 400,000 files it is a third of what the build holds, and
// the allocator keeps what is freed unless told.
void drop_tree(Image& image) {
  image.tree = Tree();
  ::malloc_trim(0);
}

Result<BuildReport> build_anew(Workshop& shop, const BuildRequest& request, SourceImage& source_image,
                               ImageDetails& details) {
  THAW_ASSIGN(Image image, source_image.read());
  count_files(image.tree, details);
  THAW_ASSIGN(Device device, lay_out(image.tree, image.spool, LayoutOptions{request.chunk_size}));
  drop_tree(image);
  const Ext4Source source(std::move(device));
  return store_image(shop, {source, details, request.tenant, request.name, request.isolation, request.apart},
                     request.upload);
}

}  // namespace

Result<std::string> runtime_config_json(const RuntimeConfig& config) {
  json object = json::object();
  set_unless_empty(object, "Entrypoint", config.entrypoint);
  set_unless_empty(object, "Cmd", config.cmd);
  set_unless_empty(object, "Env", config.env);
  set_unless_empty(object, "WorkingDir", config.working_dir);
  set_unless_empty(object, "User", config.user);
  set_unless_empty(object, "StopSignal", config.stop_signal);
  set_unless_empty(object, "Labels", config.labels);
  for (const std::string& volume : config.volumes) object["Volumes"][volume] = json::object();
  // Strict would throw on text that is not UTF-8; replacing keeps the marker that is looked for.
  const std::string text = object.dump(-1, ' ', false, json::error_handler_t::ignore);
  if (read_json(text) != object) {
    return Error{Code::kFailed, "the image's configuration is not UTF-8 text"};
  }
  return text;
}

Result<BuildReport> build(Workshop& shop, const BuildRequest& request) {
  const auto begin = std::chrono::steady_clock::now();
  THAW_TRY(check_tenant(request.tenant));
  THAW_ASSIGN(SourceImage source, SourceImage::open(request.source, request.read));
  THAW_ASSIGN(ImageDetails details, details_of(source.head(), request.source));
  BuildReport report;
  if (auto unchanged = find_unchanged(shop, request, details)) {
    report = std::move(*unchanged);
  } else {
    THAW_ASSIGN(report, build_anew(shop, request, source, details));
  }
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
  report.seconds = spent.count();
  return report;
}

}  // namespace thaw
