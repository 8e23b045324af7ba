#include "lib/oci/limits.h"

#include <catch2/catch.hpp>
#include <functional>

#include "test/lib/oci/image_builder.h"

namespace thaw::test::limits_test {
namespace {

// Reads `tar` with one limit changed, and wants it refused for exactly that.
void check_refused(const std::string& tar, const std::string& name, uint64_t Limits::*limit, uint64_t value) {
  CHECK(read_layers({tar}).ok());
  ReadOptions options;
  options.limits.*limit = value;
  const auto image = read_layers({tar}, options);
  INFO(name << ": " << message(image));
  REQUIRE_FALSE(image.ok());
  CHECK(code(image) == Code::kFailed);
  CHECK(message(image).find("limit " + name + " (") != std::string::npos);
}

}  // namespace

TEST_CASE("each limit refuses by its name", "[oci]") {
  check_refused(TarBuilder().file("a", "").file("b", "").finish(), "max_entries", &Limits::max_entries, 1);
  check_refused(TarBuilder().file("a/b/c/d", "").finish(), "max_entries", &Limits::max_entries, 3);
  check_refused(TarBuilder().file("a", std::string(9000, 'a')).finish(), "max_expanded_bytes",
                &Limits::max_expanded_bytes, 9000);
  check_refused(TarBuilder().file("a", std::string(101, 'a')).finish(), "max_file_bytes",
                &Limits::max_file_bytes, 100);
  check_refused(TarBuilder().file("a", "").add({.path = "s", .pax = {{"GNU.sparse.size", "1000"}}}).finish(),
                "max_file_bytes", &Limits::max_file_bytes, 999);
  check_refused(TarBuilder().file("long/path", "").finish(), "max_path_bytes", &Limits::max_path_bytes, 8);
  check_refused(TarBuilder().file("a/b/c", "").finish(), "max_path_depth", &Limits::max_path_depth, 2);
  check_refused(TarBuilder().directory("a/b").symlink("s", "a/b").file("s/c", "").finish(), "max_path_depth",
                &Limits::max_path_depth, 2);
  const PaxList xattr = {{"SCHILY.xattr.user.a", std::string(100, 'x')}};
  const std::string two =
      TarBuilder().add({.path = "a", .pax = xattr}).add({.path = "b", .pax = xattr}).finish();
  check_refused(two, "max_xattr_bytes", &Limits::max_xattr_bytes, 105);
  check_refused(two, "max_xattr_bytes_total", &Limits::max_xattr_bytes_total, 211);
  check_refused(two, "max_header_bytes", &Limits::max_header_bytes, 600);
  check_refused(two, "max_metadata_bytes", &Limits::max_metadata_bytes, 300);
  check_refused(TarBuilder().file("a", "").finish(), "max_json_bytes", &Limits::max_json_bytes, 100);
  check_refused(TarBuilder().file("a", "").finish(), "max_json_depth", &Limits::max_json_depth, 1);
  check_refused(TarBuilder().file("a", "").finish(), "max_layers", &Limits::max_layers, 0);
  const PaxList map = {{"GNU.sparse.map", "0,1,1,1,2,1"}, {"GNU.sparse.size", "9"}};
  check_refused(TarBuilder().add({.path = "a", .content = "abc", .pax = map}).finish(), "max_sparse_ranges",
                &Limits::max_sparse_ranges, 2);
}

TEST_CASE("a layer that expands too far is refused, above the floor only", "[oci]") {
  TemporaryFolder folder;
  ImageBuilder builder(folder.path() + "/layout");
  const std::string tar = TarBuilder().file("zeros", std::string(2'000'000, '\0')).finish();
  const bool with_zstd = GENERATE(false, true);
  builder.only({with_zstd ? Layer::zstandard(tar) : Layer::gzipped(tar)});
  ReadOptions options;
  options.spool_folder = folder.path();
  CHECK(read_image(builder.source(), options).ok());
  options.limits.max_expansion_ratio = 10;
  CHECK(read_image(builder.source(), options).ok());
  options.limits.expansion_floor_bytes = 1'000'000;
  CHECK(message(read_image(builder.source(), options)).find("limit max_expansion_ratio (10)") !=
        std::string::npos);
}

TEST_CASE("a sparse file as large as the limit takes one block of disk", "[oci]") {
  const PaxList pax = {{"GNU.sparse.map", "1099511627000,3"}, {"GNU.sparse.size", "1099511627776"}};
  const auto image = read_layers({TarBuilder().add({.path = "f", .content = "end", .pax = pax}).finish()});
  REQUIRE(image.ok());
  CHECK(at(image->tree, "f")->segments.size() == 1);
  CHECK(image->spool.size() <= 4096);
}

}  // namespace thaw::test::limits_test
