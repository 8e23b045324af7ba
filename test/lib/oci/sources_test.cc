#include "lib/oci/sources.h"

#include <catch2/catch.hpp>

#include "test/lib/oci/image_builder.h"

namespace thaw::test::sources_test {
namespace {

// One image a tag, each with a file that says which it is.
struct Shelf {
  TemporaryFolder folder;
  ImageBuilder builder{folder.path() + "/layout"};

  Json image(const std::string& text) {
    return builder.image({Layer::gzipped(TarBuilder().file("which", text).finish())});
  }
  Json named(const std::string& text, const std::string& name) {
    Json json = image(text);
    json["annotations"] = {{"org.opencontainers.image.ref.name", name}};
    return json;
  }
  Json on(const std::string& text, const std::string& architecture, const std::string& variant = "") {
    Json config = ImageBuilder::config_for({Layer::plain(TarBuilder().file("which", text).finish())});
    config["architecture"] = architecture;
    Json json = builder.manifest({Layer::plain(TarBuilder().file("which", text).finish())}, config);
    json["platform"] = {{"os", "linux"}, {"architecture", architecture}};
    if (!variant.empty()) json["platform"]["variant"] = variant;
    return json;
  }
  Json index_blob(const std::vector<Json>& manifests) {
    return builder.blob(Json({{"schemaVersion", 2}, {"manifests", manifests}}).dump(),
                        "application/vnd.oci.image.index.v1+json");
  }
  Result<Image> read(const std::string& reference = "", const Platform& platform = this_platform()) {
    ReadOptions options;
    options.spool_folder = folder.path();
    options.platform = platform;
    return read_image(builder.source() + (reference.empty() ? "" : ":" + reference), options);
  }
  std::string which(const std::string& reference = "", const Platform& platform = this_platform()) {
    const auto image = read(reference, platform);
    INFO(message(image));
    REQUIRE(image.ok());
    return content(image.value(), "which");
  }
};

}  // namespace

TEST_CASE("a reference names an image of a layout", "[oci]") {
  Shelf shelf;
  const Json one = shelf.named("1", "one");
  const Json two = shelf.named("2", "a/two:v2");
  shelf.builder.index({one, two});
  CHECK(shelf.which("one") == "1");
  CHECK(shelf.which("a/two:v2") == "2");
  CHECK(shelf.which(two["digest"].get<std::string>()) == "2");
  const auto ambiguous = shelf.read();
  CHECK(code(ambiguous) == Code::kUsage);
  CHECK(message(ambiguous).find("one, a/two:v2") != std::string::npos);
  const auto missing = shelf.read("three");
  CHECK(code(missing) == Code::kNotFound);
  CHECK(message(missing).find("no image \"three\"; it has one, a/two:v2") != std::string::npos);
  shelf.builder.index({one});
  CHECK(shelf.which() == "1");
  shelf.builder.index({});
  CHECK(code(shelf.read()) == Code::kNotFound);
}

TEST_CASE("an index gives the image of this machine, or of the wanted one", "[oci]") {
  Shelf shelf;
  const Json unknown = {{"os", "unknown"}, {"architecture", "unknown"}};
  Json attestation = shelf.image("attestation");
  attestation["platform"] = unknown;
  const Json inner = shelf.index_blob({shelf.on("mips", "mips64le"), attestation,
                                       shelf.on("here", this_platform().architecture),
                                       shelf.on("arm6", "arm", "v6"), shelf.on("arm7", "arm", "v7")});
  shelf.builder.index({shelf.index_blob({inner})});
  CHECK(shelf.which() == "here");
  CHECK(shelf.which("", {"linux", "mips64le", ""}) == "mips");
  CHECK(shelf.which("", {"linux", "arm", "v7"}) == "arm7");
  CHECK(code(shelf.read("", {"linux", "arm", ""})) == Code::kUsage);
  const auto missing = shelf.read("", {"linux", "sparc64", ""});
  CHECK(code(missing) == Code::kNotFound);
  CHECK(message(missing).find("linux/arm/v6, linux/arm/v7") != std::string::npos);
}

TEST_CASE("an image for another machine is refused without an index too", "[oci]") {
  Shelf shelf;
  Json other = shelf.on("other", "mips64le");
  other.erase("platform");
  shelf.builder.index({other});
  const auto image = shelf.read();
  CHECK(code(image) == Code::kNotFound);
  CHECK(message(image).find("the image is for linux/mips64le, not for " + this_platform().text()) !=
        std::string::npos);
}

TEST_CASE("indexes that nest too deeply or say two things are refused", "[oci]") {
  Shelf shelf;
  Json index = shelf.image("x");
  for (int i = 0; i < 5; ++i) index = shelf.index_blob({index});
  shelf.builder.index({index});
  CHECK(message(shelf.read()).find("nested too deeply") != std::string::npos);
  shelf.builder.index({shelf.builder.blob(R"({"manifests":[],"layers":[]})", "x")});
  CHECK(message(shelf.read()).find("ambiguous") != std::string::npos);
  shelf.builder.index({shelf.builder.blob(R"({"fsLayers":[]})", "x")});
  CHECK(code(shelf.read()) == Code::kDamaged);
}

TEST_CASE("an oci-archive is read where it lies, plain or compressed", "[oci]") {
  Shelf shelf;
  shelf.builder.index({shelf.named("1", "one"), shelf.named("2", "two")});
  const std::string file = shelf.folder.path() + "/image.tar";
  const std::string tar = tar_of_folder(shelf.builder.folder());
  ReadOptions options;
  options.spool_folder = shelf.folder.path();
  for (const std::string& bytes : {tar, gzip(tar), zstd(tar)}) {
    write_file(file, bytes);
    const auto image = read_image("oci-archive:" + file + ":two", options);
    INFO(message(image));
    REQUIRE(image.ok());
    CHECK(content(image.value(), "which") == "2");
  }
  write_file(file, tar.substr(0, tar.size() / 2));
  CHECK(code(read_image("oci-archive:" + file + ":two", options)) == Code::kDamaged);
  CHECK(code(read_image("oci-archive:" + file + ".none", options)) == Code::kNotFound);
  write_file(file, std::string("\xfd"
                               "7zXZ\0",
                               6) +
                       tar);
  CHECK(message(read_image("oci-archive:" + file, options)).find("compressed with xz") != std::string::npos);
}

namespace {

// What `docker save` of two images writes, in the layout of its older versions.
struct Saved {
  TemporaryFolder folder;
  std::string layer = TarBuilder().file("which", "docker").finish();
  std::string upper = TarBuilder().file("upper", "yes").finish();
  std::string config = ImageBuilder::config_for({Layer::plain(layer), Layer::plain(upper)}).dump();
  std::string config_name = digest_of(config).substr(7) + ".json";
  Json manifest = {{{"Config", config_name},
                    {"RepoTags", {"web:1", "web:2"}},
                    {"Layers", {"a/layer.tar", "b/layer.tar"}}}};

  Result<Image> read(const std::string& upper_bytes, const std::string& reference = "") {
    TarBuilder tar;
    tar.file("b/layer.tar", "replaced by the next").file("b/layer.tar", upper_bytes);
    tar.file("c/layer.tar", layer).symlink("a/layer.tar", "../c/layer.tar");
    tar.file(config_name, config).file("manifest.json", manifest.dump());
    write_file(folder.path() + "/saved.tar", tar.finish());
    ReadOptions options;
    options.spool_folder = folder.path();
    return read_image(
        "docker-archive:" + folder.path() + "/saved.tar" + (reference.empty() ? "" : ":" + reference),
        options);
  }
};

}  // namespace

TEST_CASE("a docker-archive is read with plain, compressed, linked and repeated layers", "[oci]") {
  Saved saved;
  for (const std::string& stored : {saved.upper, gzip(saved.upper)}) {
    const auto image = saved.read(stored);
    INFO(message(image));
    REQUIRE(image.ok());
    CHECK(content(image.value(), "which") == "docker");
    CHECK(content(image.value(), "upper") == "yes");
    CHECK(image->source_digest == digest_of(saved.config));
    CHECK(image->config.cmd == std::vector<std::string>{"/bin/sh"});
  }
  CHECK(saved.read(saved.upper, "web:2").ok());
  const auto missing = saved.read(saved.upper, "web:3");
  CHECK(code(missing) == Code::kNotFound);
  CHECK(message(missing).find("web:1, web:2") != std::string::npos);
  const auto as_oci = read_image("oci-archive:" + saved.folder.path() + "/saved.tar", {});
  CHECK(code(as_oci) == Code::kNotFound);
  CHECK(message(as_oci).find("docker-archive:") != std::string::npos);
  saved.manifest.push_back(saved.manifest[0]);
  CHECK(code(saved.read(saved.upper)) == Code::kUsage);
}

TEST_CASE("each image of a docker-archive can be named", "[oci]") {
  Saved saved;
  saved.manifest[0]["RepoTags"] = {"web:latest"};
  saved.manifest.push_back(saved.manifest[0]);
  saved.manifest[1]["RepoTags"] = nullptr;
  saved.manifest[1]["Layers"] = {"c/layer.tar", "b/layer.tar"};
  CHECK(saved.read(saved.upper, "web").ok());
  CHECK(saved.read(saved.upper, "web:latest").ok());
  CHECK(code(saved.read(saved.upper, "web:1")) == Code::kNotFound);
  // `docker save ID` writes no tag.
  saved.manifest.erase(0);
  saved.manifest.push_back(saved.manifest[0]);
  saved.manifest[1]["Config"] = "other.json";
  const auto which = saved.read(saved.upper);
  CHECK(code(which) == Code::kUsage);
  CHECK(message(which).find("name one of " + saved.config_name + ", other.json") != std::string::npos);
  CHECK(saved.read(saved.upper, saved.config_name).ok());
}

TEST_CASE("a docker-archive's config has the name that its writer gives it", "[oci]") {
  Saved saved;
  // crane, ko and kaniko; containerd; Jib.
  for (const std::string& name :
       {digest_of(saved.config), "blobs/sha256/" + digest_of(saved.config).substr(7),
        std::string("config.json")}) {
    saved.manifest[0]["Config"] = saved.config_name = name;
    const auto image = saved.read(saved.upper);
    INFO(message(image));
    REQUIRE(image.ok());
    CHECK(image->source_digest == digest_of(saved.config));
    CHECK(image->config_digest == digest_of(saved.config));
  }
}

TEST_CASE("a docker-archive that lies is refused", "[oci]") {
  Saved saved;
  CHECK(code(saved.read(TarBuilder().file("upper", "no").finish())) == Code::kDamaged);
  const std::string digest = digest_of(saved.config);
  saved.config += " ";
  for (const std::string& name : {digest.substr(7) + ".json", digest}) {
    saved.manifest[0]["Config"] = saved.config_name = name;
    CHECK(code(saved.read(saved.upper)) == Code::kDamaged);
    CHECK(message(saved.read(saved.upper)).find("digest") != std::string::npos);
  }
  saved.manifest[0]["Config"] = "not-there.json";
  CHECK(code(saved.read(saved.upper)) == Code::kNotFound);
  saved.manifest = Json::object();
  CHECK(code(saved.read(saved.upper)) == Code::kDamaged);
}

TEST_CASE("a source that is none is a usage error", "[oci]") {
  for (const char* source : {"", "web", "/tmp", "docker:web", "oci", "oci:", "docker-archive::web"}) {
    CHECK(code(read_image(source, {})) == Code::kUsage);
  }
  CHECK(code(read_image("oci:/no/such/folder", {})) == Code::kNotFound);
}

}  // namespace thaw::test::sources_test
