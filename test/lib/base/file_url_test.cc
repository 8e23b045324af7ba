#include "lib/base/file_url.h"

#include <catch2/catch.hpp>

namespace thaw::file_url_test {

TEST_CASE("a file URL has a path, and others have none") {
  CHECK(path_of_file_url("file:///var/lib/thaw") == "/var/lib/thaw");
  CHECK(path_of_file_url("file://relative/x") == "relative/x");
  CHECK(path_of_file_url("file://") == "");
  CHECK_FALSE(path_of_file_url("file:/var"));
  CHECK_FALSE(path_of_file_url("s3://bucket/prefix"));
}

}  // namespace thaw::file_url_test
