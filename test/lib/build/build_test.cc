#include "lib/build/build.h"

#include <catch2/catch.hpp>

namespace thaw::build_test {

TEST_CASE("the runtime configuration is spelled as the image specification does", "[build]") {
  RuntimeConfig config;
  CHECK(runtime_config_json(config).value() == "{}");
  config.entrypoint = {"/bin/sh", "-c"};
  config.cmd = {"echo \"hi\""};
  config.env = {"A=1", "B=ü"};
  config.working_dir = "/srv";
  config.user = "1:2";
  config.volumes = {"/data"};
  CHECK(runtime_config_json(config).value() ==
        R"({"Cmd":["echo \"hi\""],"Entrypoint":["/bin/sh","-c"],"Env":["A=1","B=ü"],"User":"1:2",)"
        R"("Volumes":{"/data":{}},"WorkingDir":"/srv"})");
  config.env = {"A=\xff"};
  CHECK_FALSE(runtime_config_json(config).ok());
}

}  // namespace thaw::build_test
