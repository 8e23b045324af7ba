#include "daemon/config/config.h"

#include <catch2/catch.hpp>

namespace thaw::config_test {
namespace {

std::string error_of(const std::string& text) {
  const auto config = parse_config(text, "thaw.json");
  REQUIRE_FALSE(config.ok());
  CHECK(config.error().code == Code::kUsage);
  return config.error().message;
}

}  // namespace

TEST_CASE("a configuration is read with comments, units and defaults", "[config]") {
  const auto config = parse_config(R"({
    // where the chunks are
    "store": {"url": "file:///srv/store"},
    "memory": {"size": "2GiB"}, "read": {"deadline": "5s", "outage": "wait"}, "tenant": "acme"
  })",
                                   "thaw.json");
  REQUIRE(config.ok());
  CHECK(config.value().store_url == "file:///srv/store");
  CHECK(config.value().memory_bytes == 2 * kGiB);
  CHECK(config.value().read_deadline == std::chrono::seconds(5));
  CHECK(config.value().read_outage == "wait");
  CHECK(config.value().run_dir == Config{}.run_dir);
}

TEST_CASE("an unknown key names the nearest known one", "[config]") {
  CHECK(error_of(R"({"memmory": {"size": "1GiB"}})").find("\"memory.size\"") != std::string::npos);
  CHECK(error_of(R"({"memory": {"sizes": "1GiB"}})").find("\"memory.size\"") != std::string::npos);
  CHECK(error_of(R"({"tenants": "a"})").find("\"tenant\"") != std::string::npos);
}

TEST_CASE("wrong values say what is right", "[config]") {
  CHECK(error_of(R"({"memory": {"size": "32MiB"}})").find("at least 64MiB") != std::string::npos);
  CHECK(error_of(R"({"memory": {"size": 5}})").find("size such as") != std::string::npos);
  CHECK(error_of(R"({"read": {"outage": "never"}})").find("\"wait\"") != std::string::npos);
  CHECK(error_of(R"({"memory": {"eviction": "lru"}})").find(R"("s3-fifo", "lru-k")") != std::string::npos);
  CHECK(error_of(R"({"read": 3})").find("must be an object") != std::string::npos);
  CHECK(error_of(R"({"registry": {"mirrors": {"DOCKER io": []}}})").find("docker.io") != std::string::npos);
  CHECK(error_of(R"({"registry": {"mirrors": {"https://docker.io": []}}})").find("docker.io") !=
        std::string::npos);
  CHECK(error_of(R"({"zone": {"nodes": ["127.0.0.1:11211"]}})").find("1 nodes for 5 shards") !=
        std::string::npos);
  CHECK(error_of(R"({"zone": {"nodes": ["a:1", "b"], "data_shards": 1}})").find("HOST:PORT") !=
        std::string::npos);
  CHECK(error_of(R"({"zone": {"nodes": ["a:1"], "data_shards": 1, "parity_shards": 0, "ca_file": "/ca"}})")
            .find("set zone.tls to true") != std::string::npos);
  CHECK(error_of(R"({"zone": {"nodes": ["a:1@x", "a:1@y"], "data_shards": 1}})").find("it is named twice") !=
        std::string::npos);
  CHECK(error_of(R"({"zone": {"nodes": ["a:1@rack 2"], "data_shards": 1, "parity_shards": 0}})")
            .find("its domain is not made of") != std::string::npos);
  std::string many = "\"a:1\"";
  for (int port = 2; port <= 257; ++port) many += ",\"a:" + std::to_string(port) + "\"";
  CHECK(error_of("{\"zone\": {\"nodes\": [" + many + "]}}").find("at most 256") != std::string::npos);
  CHECK(error_of(R"({"run_dir": "/run/my thaw"})").find("letters, digits") != std::string::npos);
  CHECK(error_of(R"({"run_dir": "/)" + std::string(97, 'x') + "\"}").find("at most 97 bytes") !=
        std::string::npos);
  CHECK(parse_config(R"({"run_dir": "/)" + std::string(96, 'x') + "\"}", "text").ok());
  CHECK(error_of(R"({"read": {"deadline": "100001d"}})").find("more than 100000d") != std::string::npos);
  CHECK(error_of(R"({"tenant": )").find("not valid JSON") != std::string::npos);
  CHECK(error_of("[]").find("one JSON object") != std::string::npos);
}

TEST_CASE("the flash tier is off without a path, and its path is absolute", "[config]") {
  CHECK(parse_config(R"({"flash": {"size": "1GiB"}})", "text").value().flash_path.empty());
  CHECK(error_of(R"({"flash": {"path": "flash.log"}})").find("absolute path") != std::string::npos);
  CHECK(error_of(R"({"flash": {"path": "/x", "size": "1MiB"}})").find("at least 64MiB") != std::string::npos);
  CHECK(error_of(R"({"flash": {"path": "/x", "admit": "none"}})").find("\"second\"") != std::string::npos);
}

TEST_CASE("an address to listen on has a host and a port", "[config]") {
  CHECK(parse_config(R"({"metrics": {"listen": "127.0.0.1:9464"}})", "text").ok());
  for (const std::string wrong :
       {"9464", ":9464", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:x", "127.0.0.1:65536"}) {
    CHECK(error_of(R"({"metrics": {"listen": ")" + wrong + R"("}})").find("HOST:PORT") != std::string::npos);
  }
}

TEST_CASE("what config show prints is read back as the same configuration", "[config]") {
  Config config;
  config.memory_bytes = 3 * kGiB;
  config.trusted_builders = {std::string(64, 'a')};
  const auto again = parse_config(config_text(config), "text");
  REQUIRE(again.ok());
  CHECK(changed_keys(config, again.value()).empty());
  CHECK(changed_keys(Config{}, again.value()) == std::vector<std::string>{"trust.builders", "memory.size"});
}

TEST_CASE("each limit of a build has a key of its name", "[config]") {
  const auto config = parse_config(R"({"build": {
    "max_layers": 2, "max_entries": 3, "max_expanded_bytes": "4KiB", "max_expansion_ratio": 5,
    "expansion_floor_bytes": "6KB", "max_file_bytes": "7B", "max_path_bytes": 8, "max_path_depth": 9,
    "max_xattr_bytes": "0B", "max_xattr_bytes_total": "11B", "max_header_bytes": "12KiB",
    "max_sparse_ranges": 13, "max_metadata_bytes": "14MB", "max_json_bytes": "15KiB", "max_json_depth": 16
  }})",
                                   "thaw.json");
  REQUIRE(config.ok());
  const Limits& limits = config.value().build_limits;
  CHECK(limits.max_layers == 2);
  CHECK(limits.max_entries == 3);
  CHECK(limits.max_expanded_bytes == 4096);
  CHECK(limits.max_expansion_ratio == 5);
  CHECK(limits.expansion_floor_bytes == 6000);
  CHECK(limits.max_file_bytes == 7);
  CHECK(limits.max_path_bytes == 8);
  CHECK(limits.max_path_depth == 9);
  CHECK(limits.max_xattr_bytes == 0);
  CHECK(limits.max_xattr_bytes_total == 11);
  CHECK(limits.max_header_bytes == 12 * kKiB);
  CHECK(limits.max_sparse_ranges == 13);
  CHECK(limits.max_metadata_bytes == 14'000'000);
  CHECK(limits.max_json_bytes == 15 * kKiB);
  CHECK(limits.max_json_depth == 16);
}

}  // namespace thaw::config_test
