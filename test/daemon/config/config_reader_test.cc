#include "daemon/config/config_reader.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "daemon/config/config_json.h"
#include "daemon/config/settings.h"
#include "test/temporary_folder.h"

namespace thaw::config_reader_test {

TEST_CASE("every value tells where it comes from", "[config]") {
  const ConfigReading reading = read_config(R"({
  // a comment
  "tenant": "acme",
  "memory": {
    "size": "2GiB"
  }, "read": {"deadline": "5s",
    "outage": "wait"}
})",
                                            "/etc/thaw.json");
  CHECK(reading.problems.empty());
  CHECK(reading.origins.at("tenant") == "/etc/thaw.json:3");
  CHECK(reading.origins.at("memory.size") == "/etc/thaw.json:5");
  CHECK(reading.origins.at("read.deadline") == "/etc/thaw.json:6");
  CHECK(reading.origins.at("read.outage") == "/etc/thaw.json:7");
  CHECK(reading.origins.at("run_dir") == "default");
  CHECK(reading.origins.size() == settings().size());
}

TEST_CASE("all problems of a file are told at once, each with its line", "[config]") {
  const ConfigReading reading = read_config(R"({
  "memmory": {"size": "1GiB"},
  "read": {"deadline": 5, "outtage": "wait"},
  "run_dir": "relative",
  "trust": {"builders": ["ab"]},
  "keys": {"url": "vault:x"},
  "zone": {"nodes": ["a:1", "b"]}
})",
                                            "t.json");
  const auto told = [&](const std::string& text) {
    return std::ranges::any_of(reading.problems, [&](const std::string& problem) {
      return problem.starts_with(text) && problem.find('\n') == std::string::npos;
    });
  };
  CHECK(told("t.json:2: unknown key \"memmory.size\"; did you mean \"memory.size\"?"));
  CHECK(told("t.json:3: \"read.deadline\": "));
  CHECK(told("t.json:3: unknown key \"read.outtage\"; did you mean \"read.outage\"?"));
  CHECK(told("t.json:4: \"run_dir\": "));
  CHECK(told("t.json:5: \"trust.builders\": "));
  CHECK(told("t.json:6: \"keys.url\": "));
  CHECK(told("t.json:7: \"zone.nodes\": 2 nodes for 5 shards"));
  CHECK(told("t.json:7: \"zone.nodes\": zone node \"b\": it has no port"));
  CHECK(reading.problems.size() == 8);
  const auto refused = accepted(reading);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Code::kUsage);
  CHECK(refused.error().message.find("7 more") != std::string::npos);
}

TEST_CASE("a key that stands twice is no setting without effect", "[config]") {
  const auto twice = read_config("{\"tenant\": \"a\",\n\"tenant\": \"b\"}", "t");
  REQUIRE(twice.problems.size() == 1);
  CHECK(twice.problems[0].starts_with("t:2: \"tenant\": stands here and on line 1"));
  CHECK(read_config(R"({"memory": {"size": "1GiB", "size": "2GiB"}})", "t").problems.size() == 1);
  // The second group would replace the first.
  CHECK(read_config(R"({"memory": {"size": "1GiB"}, "memory": {}})", "t").problems.size() == 1);
}

TEST_CASE("a file that is no JSON says where", "[config]") {
  const auto broken = read_config("{\n\"tenant\": \n]", "t");
  REQUIRE(broken.problems.size() == 1);
  CHECK(broken.problems[0].find("line 3") != std::string::npos);
  CHECK(broken.problems[0].find("json.exception") == std::string::npos);
}

TEST_CASE("the file that is named wins over the environment, and a default file may be missing", "[config]") {
  TemporaryFolder folder;
  std::ofstream(folder / "a.json") << R"({"tenant": "a"})";
  std::ofstream(folder / "b.json") << R"({"tenant": "b"})";
  ::setenv("THAW_CONFIG", (folder / "b.json").c_str(), 1);
  const auto named = read_config_file(folder / "a.json");
  CHECK(named->config.tenant == "a");
  CHECK(named->file_by == "--config");
  const auto environment = read_config_file("");
  CHECK(environment->config.tenant == "b");
  CHECK(environment->file_by == "THAW_CONFIG");
  CHECK(environment->file == folder / "b.json");
  ::unsetenv("THAW_CONFIG");
  CHECK(read_config_file(folder / "none.json").error().code == Code::kUsage);
}

TEST_CASE("the configuration to start from is accepted, commented, and the default", "[config]") {
  const std::string text = commented_config_text(Config{});
  const ConfigReading reading = read_config(text, "default");
  CHECK(reading.problems.empty());
  CHECK(changed_keys(Config{}, reading.config).empty());
  for (const Setting& setting : settings()) {
    INFO(setting.key);
    CHECK_FALSE(setting.about.empty());
    CHECK(reading.origins.at(setting.key).starts_with("default:"));  // the file names it
    CHECK(text.find("// " + setting.about) != std::string::npos);
  }
}

TEST_CASE("a configuration with its origins passes through JSON", "[config]") {
  const ConfigReading reading = read_config(R"({"memory": {"size": "2GiB"}})", "/f.json");
  const auto again = read_config_json(config_json(reading));
  REQUIRE(again.ok());
  CHECK(changed_keys(reading.config, again->config).empty());
  CHECK(again->origins == reading.origins);
  CHECK(again->file == "/f.json");
  CHECK_FALSE(read_config_json(nlohmann::json::array()).ok());
  CHECK_FALSE(read_config_json({{"origins", 1}}).ok());
  CHECK_FALSE(read_config_json({{"origins", nlohmann::json::object()}, {"other", 1}}).ok());
}

}  // namespace thaw::config_reader_test
