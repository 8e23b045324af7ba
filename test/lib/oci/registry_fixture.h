// A registry with a small image and a script that spoils it, and who reads that image.
#pragma once

#include <catch2/catch.hpp>
#include <map>
#include <utility>

#include "lib/base/base64.h"
#include "lib/base/mutex.h"
#include "lib/oci/registry_source.h"
#include "test/fakes/scripted_server.h"
#include "test/lib/oci/image_builder.h"

namespace thaw::test {

// A registry that has one image of two layers, "web:1", and a script that answers first.
class Registry {
 public:
  using Script = std::function<std::optional<ScriptedAnswer>(const ScriptedRequest&)>;

  explicit Registry(Script script = {}) : script_(std::move(script)) {
    const std::vector<Layer> layers = {Layer::plain(TarBuilder().file("a", kBytes).finish()),
                                       Layer::plain(TarBuilder().file("b", "second").finish())};
    add_blob(layers[0].stored);
    add_blob(layers[1].stored);
    const std::string config = ImageBuilder::config_for(layers).dump();
    add_blob(config);
    Json document = {{"schemaVersion", 2}, {"config", descriptor(config)}};
    for (const Layer& layer : layers) document["layers"].push_back(descriptor(layer.stored));
    first_layer = digest_of(layers[0].stored);
    set_manifest(document.dump());
  }

  void set_manifest(const std::string& text) {
    contents_["/v2/web/manifests/1"] = text;
    contents_["/v2/web/manifests/" + digest_of(text)] = text;
    manifest = text;
  }
  std::string url() const { return server_.url(); }
  std::string host() const { return url().substr(std::string("http://").size()); }
  const std::string& layer() const { return contents_.at("/v2/web/blobs/" + first_layer); }
  // The first layer's answer, the whole of it or from an offset.
  ScriptedAnswer layer_from(size_t offset) const {
    const std::string& all = layer();
    return answer_with(offset == 0 ? 200 : 206, all.substr(offset),
                       "Content-Range: bytes " + std::to_string(offset) + "-" +
                           std::to_string(all.size() - 1) + "/" + std::to_string(all.size()) + "\r\n");
  }
  bool is_layer(const ScriptedRequest& request) const { return request.target.ends_with(first_layer); }

  std::string manifest;
  std::string first_layer;  // its digest
  static inline const std::string kBytes = [] {
    std::string text;
    while (text.size() < 3'000'000) text += std::to_string(text.size()) + "\n";
    return text;
  }();

 private:
  static Json descriptor(const std::string& bytes) {
    return {{"digest", digest_of(bytes)}, {"size", bytes.size()}};
  }
  void add_blob(const std::string& bytes) { contents_["/v2/web/blobs/" + digest_of(bytes)] = bytes; }

  ScriptedAnswer answer(const ScriptedRequest& request) const {
    if (script_) {
      if (auto scripted = script_(request)) return *scripted;
    }
    const auto found = contents_.find(request.target);
    if (found == contents_.end()) return answer_with(404, R"({"errors": [{"code": "MANIFEST_UNKNOWN"}]})");
    const size_t range = request.head.find("bytes=");
    const size_t offset = range == std::string::npos ? 0 : std::stoul(request.head.substr(range + 6));
    if (offset == 0) return answer_with(200, found->second);
    return answer_with(206, found->second.substr(offset),
                       "Content-Range: bytes " + std::to_string(offset) + "-\r\n");
  }

  std::map<std::string, std::string> contents_;
  const Script script_;
  ScriptedServer server_{[this](const ScriptedRequest& request) { return answer(request); }};
};

// The part of an answer that comes before its connection ends.
inline ScriptedAnswer cut(ScriptedAnswer answer, size_t body_bytes) {
  answer.bytes.resize(answer.bytes.find("\r\n\r\n") + 4 + body_bytes);
  answer.after = AfterAnswer::kClose;
  return answer;
}

inline std::string header_of(const ScriptedRequest& request, const std::string& name) {
  const size_t at = request.head.find(name + ": ");
  if (at == std::string::npos) return {};
  const size_t begin = at + name.size() + 2;
  return request.head.substr(begin, request.head.find('\r', begin) - begin);
}

struct Reader {
  TemporaryFolder folder;
  RegistryOptions options;
  Mutex mutex;
  std::vector<std::string> warnings GUARDED_BY(mutex);

  Reader() {
    options.transport = RegistryTransport::kPlainHttp;
    options.retries.first_backoff = options.retries.longest_backoff = std::chrono::milliseconds(1);
    options.http.stall_timeout = std::chrono::milliseconds(500);
    options.warn = [this](const std::string& line) {
      const MutexLock lock(mutex);
      warnings.push_back(line);
    };
  }
  void log_in(const std::string& host, const std::string& login) {
    const std::string file = folder.path() + "/config.json";
    write_file(file, Json({{"auths", {{host, {{"auth", to_base64(as_bytes(login))}}}}}}).dump());
    options.credential_files = {file};
  }
  Result<Image> read(const Registry& registry, const std::string& what = "web:1") {
    ReadOptions read;
    read.spool_folder = folder.path();
    read.registry = options;
    return read_image("docker://" + registry.host() + "/" + what, read);
  }
  std::vector<std::string> take_warnings() {
    const MutexLock lock(mutex);
    return std::exchange(warnings, {});
  }
  // "" when the image is right, else why not.
  std::string trouble(const Registry& registry, const std::string& what = "web:1") {
    const auto image = read(registry, what);
    if (!image.ok()) return std::string(code_name(image.error().code)) + ": " + image.error().message;
    const bool right = content(image.value(), "a") == Registry::kBytes &&
                       content(image.value(), "b") == "second" &&
                       image->source_digest == digest_of(registry.manifest);
    return right ? "" : "the image is another one";
  }
};

inline bool says(const std::string& trouble, const std::string& beginning, const std::string& part) {
  INFO(trouble);
  CHECK(trouble.starts_with(beginning + ": image docker://"));
  CHECK(trouble.find(part) != std::string::npos);
  CHECK(trouble.find('\n') == std::string::npos);
  return true;
}

}  // namespace thaw::test
