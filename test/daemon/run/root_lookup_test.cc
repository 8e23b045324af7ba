#include "daemon/run/root_lookup.h"

#include "test/daemon/run/fake_root.h"

namespace thaw::root_lookup_test {

TEST_CASE("a program is found as the container would find it", "[run]") {
  const FakeRoot root;
  root.write("/usr/bin/env", "#!", 0755);
  root.write("/usr/bin/data", "text", 0644);
  root.write("/opt/tool", "#!", 0755);
  root.link("/usr/bin", "/bin");
  root.link("../../../../../../../../etc/passwd", "/usr/bin/escape");

  CHECK(find_program(root.path(), "env", "/", {}).value() == "/usr/bin/env");
  CHECK(find_program(root.path(), "env", "/", {"PATH=/bin"}).value() == "/bin/env");
  CHECK(find_program(root.path(), "/bin/env", "/", {}).value() == "/bin/env");
  CHECK(find_program(root.path(), "./tool", "/opt", {}).value() == "./tool");
  CHECK(find_program(root.path(), "none", "/", {}).error().code == Code::kNotFound);
  CHECK(find_program(root.path(), "env", "/", {"PATH=/sbin"}).error().code == Code::kNotFound);
  CHECK(find_program(root.path(), "data", "/", {}).error().code == Code::kRefused);
  CHECK(find_program(root.path(), "/usr/bin", "/", {}).error().code == Code::kRefused);
  CHECK(find_program(root.path(), "escape", "/", {}).error().code == Code::kNotFound);
}

TEST_CASE("a link in the image never leads to the host's files", "[run]") {
  const FakeRoot root;
  root.write("/etc/passwd", "inside");
  root.link("/etc/passwd", "/absolute");
  root.link("/proc/self/root/etc/hostname", "/magic");
  CHECK(read_in_root(root.path(), "/absolute").value() == "inside");
  CHECK(read_in_root(root.path(), "/../../../etc/passwd").value() == "inside");
  CHECK_FALSE(read_in_root(root.path(), "/magic").ok());
}

}  // namespace thaw::root_lookup_test
