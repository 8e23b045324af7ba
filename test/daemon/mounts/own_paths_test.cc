#include "daemon/mounts/own_paths.h"

#include <catch2/catch.hpp>

namespace thaw::own_paths_test {

TEST_CASE("no mount may cover what the daemon needs") {
  const std::vector<std::string> own{"/run/thaw/mnt", "/var/lib/thaw"};
  for (const char* target : {"/", "/run", "/run/thaw", "/run/thaw/mnt", "/var/lib/thaw"}) {
    INFO(target);
    REQUIRE_FALSE(require_uncovered(target, own).ok());
    CHECK(require_uncovered(target, own).error().code == Code::kUsage);
  }
  for (const char* target : {"/mnt", "/run/thaw/mnt2", "/run/tha", "/var/lib/thaw/run/1/image"}) {
    INFO(target);
    CHECK(require_uncovered(target, own).ok());
  }
}

}  // namespace thaw::own_paths_test
