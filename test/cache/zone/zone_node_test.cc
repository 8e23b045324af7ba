#include "cache/zone/zone_node.h"

#include <catch2/catch.hpp>

namespace thaw::zone_node_test {

TEST_CASE("nodes are named HOST:PORT[@DOMAIN]", "[zone_node]") {
  const auto nodes = parse_zone_nodes({"127.0.0.1:11211", "[::1]:11212@rack-2", "localhost:1@a"}).value();
  REQUIRE(nodes.size() == 3);
  CHECK(nodes[0].name == "127.0.0.1:11211");
  CHECK(nodes[0].domain.empty());
  CHECK(nodes[0].address.has_value());
  CHECK(nodes[1].name == "[::1]:11212");
  CHECK(nodes[1].domain == "rack-2");
  CHECK(nodes[1].address.has_value());
  CHECK(nodes[2].domain == "a");
}

TEST_CASE("a name is not looked up where nodes are read", "[zone_node]") {
  const auto nodes = parse_zone_nodes({"localhost:11211"}).value();
  CHECK_FALSE(nodes[0].address.has_value());
  CHECK(nodes[0].host == "localhost");
  CHECK(nodes[0].port == 11211);
}

TEST_CASE("what is no node is refused by name", "[zone_node]") {
  for (const char* text : {"", "host", "host:", ":11211", "host:0", "host:65536", "host:12x", "host:1@",
                           "::1:5", "host:1@a b", "ho st:1", "[::1:5", "host:1@a@b", "a\r\nb:1"}) {
    const auto nodes = parse_zone_nodes({text});
    CAPTURE(text);
    REQUIRE_FALSE(nodes.ok());
    CHECK(nodes.error().code == Code::kUsage);
    CHECK(nodes.error().message.starts_with("zone node \"" + std::string(text) + "\": "));
  }
  CHECK(parse_zone_nodes({"a:1", "a:1@x"}).error().message ==
        "zone node \"a:1@x\": it is named twice; a node is HOST:PORT or HOST:PORT@DOMAIN, like "
        "10.0.0.7:11211@rack-2");
  CHECK(parse_zone_nodes(std::vector<std::string>(257, "a:1")).error().code == Code::kUsage);
}

}  // namespace thaw::zone_node_test
