#include "daemon/run/process_user.h"

#include "test/daemon/run/fake_root.h"

namespace thaw::process_user_test {

TEST_CASE("users and groups come from the image's own files", "[run]") {
  const FakeRoot root;
  root.write("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nwww:x:33:34:web:/srv/www:/bin/sh\n");
  root.write("/etc/group", "root:x:0:\nwww:x:34:\nlogs:x:50:other,www\n");

  const ProcessUser nobody = resolve_user(root.path(), "").value();
  CHECK(nobody.uid == 0);
  CHECK(nobody.home == "/root");
  for (const char* user : {"www", "33"}) {
    const ProcessUser www = resolve_user(root.path(), user).value();
    CHECK(www.uid == 33);
    CHECK(www.gid == 34);
    CHECK(www.home == "/srv/www");
    CHECK(www.extra_gids == std::vector<uint32_t>{50});
  }
  const ProcessUser other = resolve_user(root.path(), "www:logs").value();
  CHECK(other.gid == 50);
  CHECK(other.extra_gids.empty());
  const ProcessUser unknown = resolve_user(root.path(), "70000:70001").value();
  CHECK(unknown.uid == 70000);
  CHECK(unknown.gid == 70001);
  CHECK(resolve_user(root.path(), "stranger").error().code == Code::kUsage);
  CHECK(resolve_user(root.path(), "www:strangers").error().code == Code::kUsage);
}

TEST_CASE("an image without /etc/passwd runs as numbers", "[run]") {
  const FakeRoot root;
  CHECK(resolve_user(root.path(), "").value().uid == 0);
  CHECK(resolve_user(root.path(), "1000").value().uid == 1000);
  CHECK_FALSE(resolve_user(root.path(), "www").ok());
}

}  // namespace thaw::process_user_test
