#include "lib/oci/registry_source.h"

#include <catch2/catch.hpp>
#include <map>

#include "lib/oci/context.h"
#include "test/fakes/executors.h"
#include "test/lib/oci/registry_fixture.h"

namespace thaw::test::registry_source_test {

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
  says(trouble, "refused", "does not accept the login of user;");
  CHECK(trouble.find("pass;") == std::string::npos);

  const Registry circle([](const ScriptedRequest& request) {
    return answer_with(302, "", "Location: " + request.target + "\r\n");
  });
  says(reader.trouble(circle), "failed", "from address to address");
  const Registry nowhere(
      [](const ScriptedRequest&) { return answer_with(302, "", "Location: file:///etc/passwd\r\n"); });
  says(reader.trouble(nowhere), "failed", "no address");
}

}  // namespace thaw::test::registry_source_test
