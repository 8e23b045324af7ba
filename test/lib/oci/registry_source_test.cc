#include "lib/oci/registry_source.h"

#include <catch2/catch.hpp>
#include <map>

#include "lib/base/base64.h"
#include "lib/oci/context.h"
#include "test/fakes/executors.h"
#include "test/fakes/scripted_server.h"
#include "test/lib/oci/image_builder.h"

namespace thaw::test {
namespace {

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
ScriptedAnswer cut(ScriptedAnswer answer, size_t body_bytes) {
  answer.bytes.resize(answer.bytes.find("\r\n\r\n") + 4 + body_bytes);
  answer.after = AfterAnswer::kClose;
  return answer;
}

std::string header_of(const ScriptedRequest& request, const std::string& name) {
  const size_t at = request.head.find(name + ": ");
  if (at == std::string::npos) return {};
  const size_t begin = at + name.size() + 2;
  return request.head.substr(begin, request.head.find('\r', begin) - begin);
}

struct Reader {
  TemporaryFolder folder;
  RegistryOptions options;

  Reader() {
    options.transport = RegistryTransport::kPlainHttp;
    options.retries.first_backoff = options.retries.longest_backoff = std::chrono::milliseconds(1);
    options.http.stall_timeout = std::chrono::milliseconds(500);
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

bool says(const std::string& trouble, const std::string& beginning, const std::string& part) {
  INFO(trouble);
  CHECK(trouble.starts_with(beginning + ": image docker://"));
  CHECK(trouble.find(part) != std::string::npos);
  CHECK(trouble.find('\n') == std::string::npos);
  return true;
}

}  // namespace

TEST_CASE("an image is read from a registry, its layers ahead or one after the other", "[registry]") {
  const Registry registry;
  Reader reader;
  CHECK(reader.trouble(registry) == "");
  CHECK(reader.trouble(registry, "web@" + digest_of(registry.manifest)) == "");
  ThreadPool executor(3);
  reader.options.executor = &executor;
  CHECK(reader.trouble(registry) == "");
}

TEST_CASE("a broken layer goes on where it broke, as often as it gets further", "[registry]") {
  std::atomic<size_t> asked{0};
  Registry registry;
  const Registry cutting([&](const ScriptedRequest& request) -> std::optional<ScriptedAnswer> {
    if (!registry.is_layer(request)) return std::nullopt;
    const std::string range = header_of(request, "range");
    const size_t offset = range.empty() ? 0 : std::stoul(range.substr(6));
    if (offset > 2'500'000) return std::nullopt;
    ++asked;
    return cut(registry.layer_from(offset), 100'000);
  });
  Reader reader;
  ThreadPool executor(3);
  reader.options.executor = &executor;
  CHECK(reader.trouble(cutting) == "");
  CHECK(asked == 26);
}

TEST_CASE("an answer that starts anew is passed over up to where the last one broke", "[registry]") {
  std::atomic<int> asked{0};
  Registry registry;
  const Registry forgetful([&](const ScriptedRequest& request) -> std::optional<ScriptedAnswer> {
    if (!registry.is_layer(request)) return std::nullopt;
    return ++asked == 1 ? cut(registry.layer_from(0), 1'234'567) : registry.layer_from(0);
  });
  CHECK(Reader().trouble(forgetful) == "");
  CHECK(asked == 2);
}

TEST_CASE("a layer that does not get further is given up", "[registry]") {
  std::atomic<unsigned> asked{0};
  Registry registry;
  const Registry stuck([&](const ScriptedRequest& request) -> std::optional<ScriptedAnswer> {
    if (!registry.is_layer(request)) return std::nullopt;
    ++asked;
    return cut(registry.layer_from(0), 1000);
  });
  Reader reader;
  says(reader.trouble(stuck), "unreachable", "layer 1 of 2");
  CHECK(asked == reader.options.retries.failures);

  const Registry wrong_part([&](const ScriptedRequest& request) -> std::optional<ScriptedAnswer> {
    if (!registry.is_layer(request)) return std::nullopt;
    if (header_of(request, "range").empty()) return cut(registry.layer_from(0), 1000);
    return registry.layer_from(5);
  });
  says(reader.trouble(wrong_part), "unreachable", "another part");
}

TEST_CASE("a connection that breaks behind the last byte breaks nothing", "[registry]") {
  std::atomic<int> asked{0};
  Registry registry;
  const Registry endless([&](const ScriptedRequest& request) -> std::optional<ScriptedAnswer> {
    if (!registry.is_layer(request)) return std::nullopt;
    ++asked;
    char length[32];
    std::snprintf(length, sizeof length, "%zx\r\n", registry.layer().size());
    // Chunks, of which the last one that says so is missing.
    return ScriptedAnswer{
        "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n" + (length + registry.layer()) + "\r\n",
        AfterAnswer::kClose};
  });
  CHECK(Reader().trouble(endless) == "");
  CHECK(asked == 1);
}

TEST_CASE("more or fewer bytes than promised, and other ones, are damage", "[registry]") {
  Registry registry;
  const auto with_layer = [&registry](const std::function<ScriptedAnswer(const ScriptedRequest&)>& answer) {
    return [&registry, answer](const ScriptedRequest& request) -> std::optional<ScriptedAnswer> {
      if (!registry.is_layer(request)) return std::nullopt;
      return answer(request);
    };
  };
  Reader reader;
  const Registry longer(with_layer(
      [&](const ScriptedRequest&) { return answer_with(200, registry.layer() + std::string(512, '\0')); }));
  says(reader.trouble(longer), "damaged", "more than the");
  const Registry shorter(with_layer([&](const ScriptedRequest& request) {
    return header_of(request, "range").empty() ? answer_with(200, "short") : answer_with(416, "");
  }));
  says(reader.trouble(shorter), "damaged", "fewer bytes");
  const Registry other(with_layer([&](const ScriptedRequest&) {
    ScriptedAnswer answer = registry.layer_from(0);
    answer.bytes[1'000'000] ^= 1;
    return answer;
  }));
  says(reader.trouble(other), "damaged", "digest");
}

TEST_CASE("a manifest is what its digest says, whatever the registry says", "[registry]") {
  Registry registry;
  const Registry liar([&](const ScriptedRequest& request) -> std::optional<ScriptedAnswer> {
    if (request.target.find("/manifests/") == std::string::npos) return std::nullopt;
    return answer_with(200, registry.manifest + " ",
                       "Docker-Content-Digest: " + digest_of(registry.manifest) + "\r\n");
  });
  Reader reader;
  says(reader.trouble(liar, "web@" + digest_of(registry.manifest)), "damaged", "do not trust it");
}

TEST_CASE("documents are bounded, and of a kind that is known", "[registry]") {
  Registry registry;
  Reader reader;
  registry.set_manifest(R"({"schemaVersion": 1, "name": "web", "tag": "1", "fsLayers": []})");
  says(reader.trouble(registry), "damaged", "schema 1");
  registry.set_manifest("<html>");
  says(reader.trouble(registry), "damaged", "not a JSON document");
  registry.set_manifest(std::string(9 * kMiB, ' '));
  says(reader.trouble(registry), "failed", "max_json_bytes");
}

TEST_CASE("a token that ends in the middle of a layer is replaced", "[registry]") {
  std::atomic<int> tokens{0};
  std::string url;
  Registry registry;
  const Registry guarded([&](const ScriptedRequest& request) -> std::optional<ScriptedAnswer> {
    if (request.target.starts_with("/token?"))
      return answer_with(200, Json({{"token", "t" + std::to_string(++tokens)}}).dump());
    const bool resumed = !header_of(request, "range").empty();
    // The first token opens everything until the layer breaks.
    if (header_of(request, "authorization") != (resumed ? "Bearer t2" : "Bearer t1") && tokens < 2)
      return answer_with(401, "", "WWW-Authenticate: Bearer realm=\"" + url + "/token\",service=\"s p\"\r\n");
    if (registry.is_layer(request) && !resumed) return cut(registry.layer_from(0), 1'000'000);
    return std::nullopt;
  });
  url = guarded.url();
  CHECK(Reader().trouble(guarded) == "");
  CHECK(tokens == 2);
}

TEST_CASE("a login goes to the registry and its token server, and nowhere else", "[registry]") {
  std::atomic<int> logins_at_storage{0};
  std::atomic<int> seen_at_storage{0};
  Registry registry;
  const Registry storage([&](const ScriptedRequest& request) -> std::optional<ScriptedAnswer> {
    ++seen_at_storage;
    if (!header_of(request, "authorization").empty()) ++logins_at_storage;
    return std::nullopt;
  });
  std::string asked_with;
  ScriptedServer tokens([&](const ScriptedRequest& request) {
    asked_with = request.target + " " + header_of(request, "authorization");
    return answer_with(200, R"({"access_token": "abc"})");
  });
  const Registry front([&](const ScriptedRequest& request) -> std::optional<ScriptedAnswer> {
    if (header_of(request, "authorization") != "Bearer abc")
      return answer_with(401, "",
                         "WWW-Authenticate: Bearer realm=\"" + tokens.url() + "/t?x=y\",service=\"s\"\r\n");
    if (request.target.find("/blobs/") == std::string::npos) return std::nullopt;
    return answer_with(307, "", "Location: " + storage.url() + request.target + "\r\n");
  });
  Reader reader;
  reader.log_in(front.host(), "user:pass");
  CHECK(reader.trouble(front) == "");
  CHECK(asked_with == "/t?x=y&service=s&scope=repository%3Aweb%3Apull Basic dXNlcjpwYXNz");
  CHECK(seen_at_storage == 3);
  CHECK(logins_at_storage == 0);
}

TEST_CASE("a registry that refuses is not asked without end", "[registry]") {
  const auto refusing = [](const std::string& challenge) {
    return [challenge](const ScriptedRequest&) {
      return answer_with(401, "", "WWW-Authenticate: " + challenge + "\r\n");
    };
  };
  Reader reader;
  for (const auto& [challenge, words] : std::map<std::string, std::string>{
           {"Basic realm=\"x\"", "there is none"}, {"Negotiate", "not known"}, {"", "not known"}}) {
    const Registry registry(refusing(challenge));
    says(reader.trouble(registry), "refused", words);
  }
  const Registry registry(refusing("Basic realm=\"x\""));
  reader.log_in(registry.host(), "user:pass");
  const std::string trouble = reader.trouble(registry);
  says(trouble, "refused", "docker login");
  CHECK(trouble.find("pass;") == std::string::npos);

  const Registry circle([](const ScriptedRequest& request) {
    return answer_with(302, "", "Location: " + request.target + "\r\n");
  });
  says(reader.trouble(circle), "failed", "from address to address");
  const Registry nowhere(
      [](const ScriptedRequest&) { return answer_with(302, "", "Location: file:///etc/passwd\r\n"); });
  says(reader.trouble(nowhere), "failed", "no address");
}

TEST_CASE("mirrors are asked in their order, and the registry last", "[registry]") {
  const Registry registry;
  std::atomic<int> asked_dead{0};
  const Registry dead([&](const ScriptedRequest&) {
    ++asked_dead;
    return answer_with(500, "");
  });
  std::atomic<int> asked_lying{0};
  const Registry lying([&](const ScriptedRequest&) {
    ++asked_lying;
    return answer_with(200, "lies");
  });
  const Registry empty([](const ScriptedRequest&) { return answer_with(404, ""); });
  Reader reader;
  reader.options.mirrors[registry.host()] = {dead.url(), empty.url(), lying.url()};
  CHECK(reader.trouble(registry, "web@" + digest_of(registry.manifest)) == "");
  // Given up after the manifest.
  CHECK(asked_dead == 2);
  CHECK(asked_lying == 1);
  reader.options.mirrors[registry.host()] = {"https://h/path"};
  says(reader.trouble(registry), "usage", "mirror");
}

}  // namespace thaw::test
