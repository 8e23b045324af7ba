#include "lib/oci/image.h"

#include <catch2/catch.hpp>
#include <thread>

#include "lib/crypto/hash.h"
#include "test/lib/oci/image_builder.h"

namespace thaw::test::image_test {
namespace {

struct Shop {
  TemporaryFolder folder;
  ImageBuilder builder{folder.path() + "/layout"};
  std::string lower = TarBuilder().file("a", "lower").file("gone", "x").finish();
  std::string middle = TarBuilder().add({.path = ".wh.gone"}).file("b", "middle").finish();
  std::string upper = TarBuilder().file("a", "upper").finish();

  Result<Image> read(Executor* executor = nullptr) {
    ReadOptions options;
    options.spool_folder = folder.path();
    options.executor = executor;
    return read_image(builder.source(), options);
  }
};

// Runs each task on a thread of its own.
class ThreadExecutor final : public Executor {
 public:
  ~ThreadExecutor() override {
    for (std::thread& thread : threads_) thread.join();
  }
  void post(Task task) override { threads_.emplace_back(std::move(task)); }

 private:
  std::vector<std::thread> threads_;
};

// Is shutting down.
class ClosedExecutor final : public Executor {
 public:
  void post(Task /*task*/) override {}
};

}  // namespace

TEST_CASE("an image of gzip, zstd and plain layers is flattened", "[oci]") {
  Shop shop;
  shop.builder.only({Layer::gzipped(shop.lower), Layer::zstandard(shop.middle), Layer::plain(shop.upper)});
  ThreadExecutor threads;
  for (Executor* executor : {static_cast<Executor*>(nullptr), static_cast<Executor*>(&threads)}) {
    const auto image = shop.read(executor);
    INFO(message(image));
    REQUIRE(image.ok());
    CHECK(content(image.value(), "a") == "upper");
    CHECK(content(image.value(), "b") == "middle");
    CHECK(at(image->tree, "gone") == nullptr);
    CHECK(image->source_digest.starts_with("sha256:"));
    CHECK(image->tree.content_bytes() == 11);
  }
}

TEST_CASE("the config says how to run the image", "[oci]") {
  Shop shop;
  const std::vector<Layer> layers = {Layer::plain(shop.lower)};
  Json config = ImageBuilder::config_for(layers);
  config["config"] = {{"Entrypoint", {"/bin/e", "x"}},
                      {"Cmd", nullptr},
                      {"Env", {"A=1", "B=ü"}},
                      {"WorkingDir", "/w"},
                      {"User", "1000:100"},
                      {"StopSignal", "SIGINT"},
                      {"Labels", {{"l", "v"}}},
                      {"Volumes", {{"/data", Json::object()}}}};
  shop.builder.index({shop.builder.manifest(layers, config)});
  const auto image = shop.read();
  REQUIRE(image.ok());
  CHECK(image->config.entrypoint == std::vector<std::string>{"/bin/e", "x"});
  CHECK(image->config.cmd.empty());
  CHECK(image->config.env == std::vector<std::string>{"A=1", "B=ü"});
  CHECK(image->config.working_dir == "/w");
  CHECK(image->config.user == "1000:100");
  CHECK(image->config.stop_signal == "SIGINT");
  CHECK(image->config.labels == std::map<std::string, std::string>{{"l", "v"}});
  CHECK(image->config.volumes == std::vector<std::string>{"/data"});
}

TEST_CASE("a config of the wrong shape is refused", "[oci]") {
  Shop shop;
  const std::vector<Layer> layers = {Layer::plain(shop.lower)};
  const auto read_with = [&shop, &layers](const char* key, const Json& value) {
    Json config = ImageBuilder::config_for(layers);
    config[key] = value;
    shop.builder.index({shop.builder.manifest(layers, config)});
    return shop.read();
  };
  CHECK(read_with("extra", 1).ok());
  for (const Json& bad :
       {Json(1), Json::array(), Json({{"Env", "A=1"}}), Json({{"Cmd", {1}}}), Json({{"User", 0}}),
        Json({{"Labels", "x"}}), Json({{"Labels", {{"x", 1}}}}), Json({{"Volumes", {1}}})}) {
    // A config that is no object says nothing, as absent.
    if (!bad.is_object()) continue;
    INFO(bad);
    CHECK(code(read_with("config", bad)) == Code::kDamaged);
  }
  CHECK(code(read_with("rootfs", nullptr)) == Code::kDamaged);
  CHECK(code(read_with("rootfs", {{"diff_ids", Json::array()}})) == Code::kDamaged);
  CHECK(code(read_with("rootfs", {{"diff_ids", {"sha512:00"}}})) == Code::kDamaged);
}

TEST_CASE("every blob is checked against its digest and size", "[oci]") {
  Shop shop;
  const Layer layer = Layer::gzipped(shop.lower);
  shop.builder.only({layer});
  REQUIRE(shop.read().ok());
  const std::string blobs = shop.builder.folder() + "/blobs/sha256";
  size_t altered = 0;
  for (const auto& entry : std::filesystem::directory_iterator(blobs)) {
    const std::string path = entry.path().string();
    const std::string good = read_text(path);
    std::string flipped = good;
    // The last digit or byte: JSON stays JSON, gzip stays gzip up to its length field.
    const size_t digit = std::min(flipped.find_last_of("0123456789abcdef"), flipped.size() - 1);
    flipped[digit] = flipped[digit] == '1' ? '2' : '1';
    for (const std::string& bad : {flipped, good + " ", good.substr(0, good.size() - 1), std::string()}) {
      write_file(path, bad);
      const auto image = shop.read();
      INFO(path << ": " << message(image));
      REQUIRE_FALSE(image.ok());
      CHECK(code(image) == Code::kDamaged);
      ++altered;
    }
    std::filesystem::remove(path);
    CHECK(code(shop.read()) == Code::kNotFound);
    write_file(path, good);
  }
  CHECK(altered == 12);
  CHECK(shop.read().ok());
}

TEST_CASE("a layer that is not what its diff id says is refused", "[oci]") {
  Shop shop;
  const std::string tail = shop.lower + "trailing bytes";
  const Layer lying = {gzip(shop.lower), digest_of(shop.upper)};
  const Layer longer = {gzip(tail), digest_of(shop.lower)};
  const Layer shorter = {gzip(shop.lower.substr(0, shop.lower.size() - 512)), digest_of(shop.lower)};
  ThreadExecutor threads;
  for (const Layer& layer : {lying, longer, shorter}) {
    shop.builder.only({layer});
    CHECK(code(shop.read()) == Code::kDamaged);
    CHECK(message(shop.read(&threads)).find("layer 1 of 1: uncompressed: its bytes have the digest") !=
          std::string::npos);
  }
  // Bytes behind the archive that the digests cover are no lie.
  shop.builder.only({Layer::gzipped(tail)});
  CHECK(shop.read().ok());
}

TEST_CASE("a truncated layer with an honest digest is refused", "[oci]") {
  Shop shop;
  const std::string cut = shop.lower.substr(0, 513);
  const std::string stored = gzip(shop.lower);
  shop.builder.only({Layer::plain(cut)});
  CHECK(message(shop.read()).find("ends early") != std::string::npos);
  shop.builder.only({Layer{stored.substr(0, stored.size() - 9), digest_of(shop.lower)}});
  CHECK(message(shop.read()).find("gzip data ends early") != std::string::npos);
}

TEST_CASE("read_image tells how far it is", "[oci]") {
  Shop shop;
  shop.builder.only({Layer::gzipped(shop.lower), Layer::plain(shop.upper)});
  uint64_t last_done = 0;
  uint64_t last_total = 0;
  ReadOptions options;
  options.spool_folder = shop.folder.path();
  options.progress = [&last_done, &last_total](uint64_t done, uint64_t total) {
    CHECK(done > last_done);
    last_done = done;
    last_total = total;
  };
  REQUIRE(read_image(shop.builder.source(), options).ok());
  CHECK(last_done == last_total);
  CHECK(last_total == gzip(shop.lower).size() + shop.upper.size());
}

TEST_CASE("an executor that shuts down ends the reading", "[oci]") {
  Shop shop;
  shop.builder.only({Layer::plain(shop.lower)});
  ClosedExecutor closed;
  CHECK(code(shop.read(&closed)) == Code::kCancelled);
}

TEST_CASE("an error while layers are decoded ahead leaves nothing running", "[oci]") {
  Shop shop;
  // Far more than the queue between the two threads holds.
  const std::string large(20'000'000, 'x');
  shop.builder.only({Layer::plain(TarBuilder().hard_link("a", "missing").file("f", large).finish())});
  ThreadExecutor threads;
  CHECK(message(shop.read(&threads)).find("hard link to missing") != std::string::npos);
}

TEST_CASE("a file of more than 4 GiB is read whole", "[oci][heavy]") {
  // Zeros with a byte behind 4 GiB, as a plain tar: zstd makes it small, the ratio limit has to be told.
  TemporaryFolder folder;
  ImageBuilder builder(folder.path() + "/layout");
  constexpr uint64_t kSize = 4ULL * 1024 * 1024 * 1024 + 5;
  TarBuilder header;
  header.add({.path = "big", .pax = {{"size", std::to_string(kSize)}}});
  std::string frames = zstd(header.bytes());
  Sha256 hash;
  hash.update(as_bytes(header.bytes()));
  const std::string zeros(256 * 1024 * 1024, '\0');
  const std::string frame = zstd(zeros);
  for (int i = 0; i < 16; ++i) {
    frames += frame;
    hash.update(as_bytes(zeros));
  }
  const std::string tail = "12345" + std::string(507 + 1024, '\0');
  frames += zstd(tail);
  hash.update(as_bytes(tail));
  builder.only({Layer{frames, "sha256:" + hash.finish().hex()}});
  ReadOptions options;
  options.spool_folder = folder.path();
  CHECK(message(read_image(builder.source(), options)).find("max_expansion_ratio") != std::string::npos);
  options.limits.max_expansion_ratio = 100'000;
  const auto image = read_image(builder.source(), options);
  INFO(message(image));
  REQUIRE(image.ok());
  const Inode* big = at(image->tree, "big");
  CHECK(big->size == kSize);
  REQUIRE(big->segments.size() == 1);
  CHECK(big->segments[0].offset == 4ULL * 1024 * 1024 * 1024);
  CHECK(big->segments[0].length == 5);
}

}  // namespace thaw::test::image_test
