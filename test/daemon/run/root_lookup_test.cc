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

TEST_CASE("what the kernel would not execute is refused with the reason", "[run]") {
  const FakeRoot root;
  std::string program(64, '\0');
  program.replace(0, 4,
                  "\x7f"
                  "ELF");
  program[18] = '\x16';  // s390
  root.write("/bin/foreign", program, 0755);
  root.write("/bin/sh", "#!", 0755);
  root.write("/bin/text", "echo hello\n", 0755);
  root.write("/bin/script", "#! /bin/sh -e\n", 0755);
  root.write("/bin/dos", "#!/bin/sh\r\n", 0755);
  root.write("/bin/orphan", "#!/bin/gone\n", 0755);
  const auto refused = [&root](const std::string& name) {
    const auto found = find_program(root.path(), name, "/", {});
    REQUIRE_FALSE(found.ok());
    CHECK(found.error().code == Code::kRefused);
    return found.error().message;
  };
  CHECK(refused("foreign").find("another kind of machine") != std::string::npos);
  CHECK(refused("text").find("begins with #!") != std::string::npos);
  CHECK(refused("dos").find("carriage return") != std::string::npos);
  CHECK(refused("orphan").find("/bin/gone") != std::string::npos);
  CHECK(find_program(root.path(), "script", "/", {}).ok());
  std::filesystem::copy_file("/proc/self/exe", root.path() + "/bin/own");
  CHECK(find_program(root.path(), "own", "/", {}).ok());
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
