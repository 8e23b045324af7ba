#include "daemon/run/bundle.h"

#include <nlohmann/json.hpp>

#include "test/daemon/run/fake_root.h"

namespace thaw::bundle_test {
namespace {

using Words = std::vector<std::string>;

RunConfig image_of(Words entrypoint, Words cmd) {
  RunConfig image;
  image.entrypoint = std::move(entrypoint);
  image.cmd = std::move(cmd);
  return image;
}

}  // namespace

TEST_CASE("command line and image make the process", "[run]") {
  const FakeRoot root;
  root.write("/bin/sh", "#!", 0755);
  root.write("/bin/ls", "#!", 0755);
  ContainerOptions options;

  CHECK(plan_process(root.path(), image_of({}, {"sh", "-c", "x"}), options).value().args ==
        Words{"/bin/sh", "-c", "x"});
  CHECK(plan_process(root.path(), image_of({"sh"}, {"a"}), options).value().args == Words{"/bin/sh", "a"});
  CHECK(plan_process(root.path(), image_of({}, {}), options).error().code == Code::kUsage);

  options.command = {"b", "c"};
  CHECK(plan_process(root.path(), image_of({"sh"}, {"a"}), options).value().args ==
        Words{"/bin/sh", "b", "c"});
  options.entrypoint = "/bin/ls";
  CHECK(plan_process(root.path(), image_of({"sh"}, {"a"}), options).value().args ==
        Words{"/bin/ls", "b", "c"});
  options.command = {};
  CHECK(plan_process(root.path(), image_of({"sh"}, {"a"}), options).value().args == Words{"/bin/ls"});
  options.entrypoint = "";
  CHECK(plan_process(root.path(), image_of({"sh"}, {"a"}), options).error().code == Code::kUsage);
  options.command = {"ls", "x"};
  CHECK(plan_process(root.path(), image_of({"sh"}, {"a"}), options).value().args == Words{"/bin/ls", "x"});
}

TEST_CASE("environment, folder and user come from the image unless they are given", "[run]") {
  const FakeRoot root;
  root.write("/bin/sh", "#!", 0755);
  RunConfig image = image_of({"sh"}, {});
  image.env = {"A=1", "B=2"};
  image.working_dir = "/srv";
  ContainerOptions options;
  options.env = {"B=3", "C=4"};
  Process process = plan_process(root.path(), image, options).value();
  CHECK(process.env[0] == "A=1");
  CHECK(process.env[1] == "B=3");
  CHECK(process.env[2] == "C=4");
  CHECK(process.working_dir == "/srv");
  options.working_dir = "/tmp";
  options.user = "12:13";
  process = plan_process(root.path(), image, options).value();
  CHECK(process.working_dir == "/tmp");
  CHECK(process.user.gid == 13);

  const auto bundle = nlohmann::json::parse(bundle_text(process, root.path(), Terminal::kNone));
  CHECK(bundle["process"]["args"] == nlohmann::json({"/bin/sh"}));
  CHECK(bundle["process"]["user"]["uid"] == 12);
  CHECK_FALSE(bundle["process"]["capabilities"].contains("effective"));
  process.user.uid = 0;
  const auto of_root = nlohmann::json::parse(bundle_text(process, root.path(), Terminal::kNone));
  CHECK(of_root["process"]["capabilities"]["effective"].size() > 10);
  CHECK(bundle["process"]["terminal"] == false);
  CHECK(bundle["root"]["path"] == root.path());
}

TEST_CASE("a terminal has a name, the image's own first", "[run]") {
  Process process;
  const auto env_on = [&process](Terminal terminal) {
    const auto bundle = nlohmann::json::parse(bundle_text(process, "/", terminal));
    return bundle["process"]["env"].get<Words>();
  };
  process.env = {"A=1"};
  CHECK(env_on(Terminal::kNone) == Words{"A=1"});
  CHECK(env_on(Terminal::kPseudo) == Words{"A=1", "TERM=xterm"});
  process.env = {"TERM=vt100"};
  CHECK(env_on(Terminal::kPseudo) == Words{"TERM=vt100"});
}

TEST_CASE("a folder that is not absolute, and a variable without a value, are said", "[run]") {
  const FakeRoot root;
  root.write("/bin/sh", "#!", 0755);
  const RunConfig image = image_of({"sh"}, {});
  ContainerOptions options;
  options.working_dir = "srv";
  CHECK(plan_process(root.path(), image, options).error().code == Code::kUsage);
  options.working_dir.clear();
  for (const char* entry : {"A", "=1", ""}) {
    INFO(entry);
    options.env = {entry};
    CHECK(plan_process(root.path(), image, options).error().code == Code::kUsage);
  }
}

}  // namespace thaw::bundle_test
