#include "lib/store/paths.h"

#include <catch2/catch.hpp>

namespace thaw::paths_test {

TEST_CASE("keys say where objects lie", "[store]") {
  const ChunkId id = *Digest::from_hex("ab" + std::string(62, '0'));
  CHECK(chunk_key("3", id) == "roots/3/chunks/ab/" + id.hex());
  CHECK(chunk_folder("3") == "roots/3/chunks/");
  CHECK(manifest_key("3", id) == "roots/3/manifests/" + id.hex());
  CHECK(envelope_key("3", id) == "roots/3/envelopes/" + id.hex());
  CHECK(root_key("3") == "roots/3/root.json");
  CHECK(name_key("acme", "web", "7") == "tenants/acme/images/web/7");
  CHECK(tenant_of_key(name_key("acme", "web", "7")) == "acme");
  for (const char* key : {"tenants/", "tenants/A/images/a/b", "roots/1/root.json", ""})
    CHECK(tenant_of_key(key).empty());
  const Identifier holder = Identifier::random();
  CHECK(lease_key(holder) == "leases/" + holder.hex());
  CHECK(alarm_key("3", holder) == "alarms/3/" + holder.hex());
}

TEST_CASE("a name with slashes is one folder, and comes back from its key", "[store]") {
  CHECK(name_key("acme", "web", "x") != name_key("acme", "web/x", "latest"));
  CHECK_FALSE(name_key("acme", "web/x", "latest").starts_with(name_key("acme", "web", "x") + "/"));
  for (const char* name : {"a", "team/web", "a/../b", "a//b", "x.y_z-1"}) {
    const std::string key = name_key("acme", name, "Tag.1");
    CHECK(is_object_key(key));
    const auto parsed = parse_name_key("acme", key);
    REQUIRE(parsed);
    CHECK(parsed->name == name);
    CHECK(parsed->tag == "Tag.1");
  }
  for (const char* key :
       {"", "tenants/acme/images/", "tenants/acme/images/web", "tenants/acme/images/web/",
        "tenants/acme/images/Web/1", "tenants/acme/images/web/a/b", "tenants/other/images/web/1"}) {
    CHECK_FALSE(parse_name_key("acme", key));
  }
}

TEST_CASE("keys that could leave the store are none", "[store]") {
  for (const char* key : {"a", "store.json", "a/b.c/~d-e_F", "a/.hidden"}) CHECK(is_object_key(key));
  for (const char* key : {"", "/", "/a", "a/", "a//b", ".", "..", "a/..", "a/./b", "../a", ".tmp/x", ".lock",
                          "a b", "a\nb", "a\\b", "ä"}) {
    CHECK_FALSE(is_object_key(key));
  }
  CHECK_FALSE(is_object_key(std::string_view("a\0b", 3)));
  CHECK_FALSE(is_object_key(std::string(256, 'a')));
  std::string deep = "a";
  while (deep.size() < 1100) deep += "/a";
  CHECK_FALSE(is_object_key(deep));
}

}  // namespace thaw::paths_test
