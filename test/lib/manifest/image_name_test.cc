#include "lib/manifest/image_name.h"

#include <catch2/catch.hpp>

namespace thaw::image_name_test {

TEST_CASE("an image name has a name, a tag and perhaps a digest", "[manifest]") {
  const std::string hex(64, 'a');
  auto image = ImageName::parse("team/web-1_2.x");
  REQUIRE(image.ok());
  CHECK(image->name == "team/web-1_2.x");
  CHECK(image->tag == "latest");
  CHECK_FALSE(image->digest);
  CHECK(image->text() == "team/web-1_2.x:latest");

  image = ImageName::parse("web:7.0-Slim_x@sha256:" + hex);
  REQUIRE(image.ok());
  CHECK(image->tag == "7.0-Slim_x");
  CHECK(image->digest == Digest::from_hex(hex));
  CHECK(image->text() == "web:7.0-Slim_x@sha256:" + hex);
  CHECK(ImageName::parse("a").ok());
  CHECK(ImageName::parse("web@sha256:" + hex)->tag == "latest");
  std::string longest(kMaxNameBytes, 'a');
  longest.append(":").append(kMaxTagBytes, 'b');
  CHECK(ImageName::parse(longest).ok());
}

TEST_CASE("a name that is not in the grammar is a usage error of one line", "[manifest]") {
  const std::string hex(64, 'a');
  std::vector<std::string> names{"",       ":",       "web:", ":7",        "Web",     "-web",  "web-",
                                 "/web",   "web/",    "..",   "we b",      "we\nb",   "w:a:b", "web:.",
                                 "web:..", "web:a/b", "web@", "w@sha256:", "@sha256:"};
  names[18].append(hex);
  names.emplace_back("web@sha256:").append(hex, 1);
  names.emplace_back("web@sha256:A").append(hex, 1);
  names.emplace_back("web@md5:").append(hex);
  names.emplace_back("web\0x", 5);
  names.emplace_back(kMaxNameBytes + 1, 'a');
  names.emplace_back("web:").append(kMaxTagBytes + 1, 'a');
  for (const std::string& text : names) {
    const auto image = ImageName::parse(text);
    INFO(text);
    REQUIRE_FALSE(image.ok());
    CHECK(image.error().code == Code::kUsage);
    CHECK(image.error().message.find('\n') == std::string::npos);
  }
  CHECK(check_tenant("acme-2").ok());
  for (const char* tenant : {"", "Acme", "a.b", "a/b", "..", "a_b"}) CHECK_FALSE(check_tenant(tenant).ok());
  CHECK_FALSE(check_tenant(std::string(kMaxTenantBytes + 1, 'a')).ok());
}

}  // namespace thaw::image_name_test
