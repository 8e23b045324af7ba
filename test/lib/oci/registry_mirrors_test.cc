#include <catch2/catch.hpp>

#include "test/fakes/executors.h"
#include "test/lib/oci/registry_fixture.h"

namespace thaw::test::registry_mirrors_test {
namespace {

// The answer with one bit of its body's byte `at` another.
ScriptedAnswer flipped(ScriptedAnswer answer, size_t at) {
  answer.bytes[answer.bytes.find("\r\n\r\n") + 4 + at] ^= 1;
  return answer;
}

// A mirror of `registry` that spoils its first layer, and counts how often it was asked for it.
struct LayerMirror {
  using Spoil = std::function<ScriptedAnswer(size_t offset, ScriptedAnswer right)>;
  LayerMirror(const Registry& registry, const Spoil& spoil)
      : server([this, &registry, spoil](const ScriptedRequest& request) -> std::optional<ScriptedAnswer> {
          if (!registry.is_layer(request)) return std::nullopt;
          ++asked;
          const std::string range = header_of(request, "range");
          const size_t offset = range.empty() ? 0 : std::stoul(range.substr(6));
          return spoil(offset, registry.layer_from(offset));
        }) {}

  std::atomic<int> asked{0};
  Registry server;
};

ScriptedAnswer with_a_flipped_bit(size_t offset, ScriptedAnswer right) {
  return offset == 0 ? flipped(std::move(right), 1'000'000) : right;
}

struct MirrorReader : Reader {
  explicit MirrorReader(const Registry& registry, std::vector<std::string> mirrors) {
    options.mirrors[registry.host()] = std::move(mirrors);
    options.executor = &executor;
  }
  ThreadPool executor{3};
};

}  // namespace

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

TEST_CASE("a layer that a mirror lies about comes from the next one, which has it right", "[registry]") {
  const Registry registry;
  LayerMirror lying(registry, with_a_flipped_bit);
  LayerMirror right(registry, [](size_t, ScriptedAnswer answer) { return answer; });
  MirrorReader reader(registry, {lying.server.url(), right.server.url()});
  if (GENERATE(false, true)) reader.options.executor = nullptr;
  CHECK(reader.trouble(registry) == "");
  CHECK(lying.asked == 1);
  CHECK(right.asked == 1);
  CHECK(reader.take_warnings() ==
        std::vector<std::string>{"mirror " + lying.server.host() + " has other bytes under blobs/" +
                                 registry.first_layer + "; it is asked no more, but " + right.server.host()});
}

TEST_CASE("of other lengths than promised the registry has the right one", "[registry]") {
  const Registry registry;
  const auto spoil =
      GENERATE(LayerMirror::Spoil([](size_t, const ScriptedAnswer& right) {
                 return answer_with(200, right.bytes.substr(right.bytes.find("\r\n\r\n") + 4) + "more");
               }),
               LayerMirror::Spoil([](size_t offset, const ScriptedAnswer&) {
                 return offset == 0 ? answer_with(200, "short") : answer_with(416, "");
               }),
               LayerMirror::Spoil([](size_t, const ScriptedAnswer&) { return answer_with(200, "short"); }),
               LayerMirror::Spoil([](size_t, const ScriptedAnswer&) { return answer_with(200, ""); }));
  LayerMirror lying(registry, spoil);
  MirrorReader reader(registry, {lying.server.url()});
  CHECK(reader.trouble(registry) == "");
}

TEST_CASE("two servers that have a part each in wrong bytes are told apart", "[registry]") {
  const Registry registry;
  // Breaks off after a wrong byte; the registry gives the rest, and then all of it.
  std::atomic<int> asked{0};
  Registry plain;
  const Registry counting([&](const ScriptedRequest& request) -> std::optional<ScriptedAnswer> {
    if (plain.is_layer(request)) ++asked;
    return std::nullopt;
  });
  LayerMirror breaking(counting, [](size_t offset, ScriptedAnswer right) {
    return offset == 0 ? cut(flipped(std::move(right), 5), 1'000'000) : answer_with(500, "");
  });
  MirrorReader reader(counting, {breaking.server.url()});
  CHECK(reader.trouble(counting) == "");
  CHECK(asked == 2);
  const auto warnings = reader.take_warnings();
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].find(breaking.server.host() + " broke off") != std::string::npos);
  CHECK(warnings[0].find(registry.first_layer) != std::string::npos);
}

TEST_CASE("when mirrors and the registry lie the image is damaged", "[registry]") {
  Registry registry;
  LayerMirror lying(registry, with_a_flipped_bit);
  LayerMirror last(registry, with_a_flipped_bit);
  MirrorReader reader(last.server, {lying.server.url()});
  says(reader.trouble(last.server), "damaged", "digest");
  CHECK(lying.asked == 1);
  CHECK(last.asked == 1);
  CHECK(reader.take_warnings().size() == 1);
}

TEST_CASE("manifests and configs that a mirror lies about come from the registry", "[registry]") {
  const Registry registry;
  const std::string part = GENERATE("/manifests/", "/blobs/");
  const Registry lying([&](const ScriptedRequest& request) -> std::optional<ScriptedAnswer> {
    if (request.target.find(part) == std::string::npos) return std::nullopt;
    std::string text = part == "/blobs/" ? R"({"architecture": "x"})" : registry.manifest + " ";
    // Of a tag's manifest a mirror says what the registry said, which it is not.
    return answer_with(200, text, "Docker-Content-Digest: " + digest_of(registry.manifest) + "\r\n");
  });
  const bool by_digest = GENERATE(false, true);
  MirrorReader reader(registry, {lying.url()});
  CHECK(reader.trouble(registry, by_digest ? "web@" + digest_of(registry.manifest) : "web:1") == "");
  const auto warnings = reader.take_warnings();
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].starts_with("mirror " + lying.host() + " has other bytes under "));
}

}  // namespace thaw::test::registry_mirrors_test
