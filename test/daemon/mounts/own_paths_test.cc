#include "daemon/mounts/own_paths.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

namespace thaw::own_paths_test {

TEST_CASE("no mount may cover what the daemon needs") {
  const OwnPaths own{.paths = {"/run/thaw/mnt", "/var/lib/thaw"}};
  for (const char* target : {"/", "/run", "/run/thaw", "/run/thaw/mnt", "/var/lib/thaw"}) {
    INFO(target);
    REQUIRE_FALSE(require_foreign(target, own).ok());
    CHECK(require_foreign(target, own).error().code == Code::kUsage);
  }
  for (const char* target : {"/mnt", "/run/thaw/mnt2", "/run/tha", "/var/lib/thaw/run/1/image"}) {
    INFO(target);
    CHECK(require_foreign(target, own).ok());
  }
}

TEST_CASE("no mount may hide what lies in the daemon's own folders") {
  const OwnPaths own{.folders = {"/srv/store", "/var/lib/thaw/run"}};
  for (const char* target : {"/srv/store", "/srv/store/roots", "/var/lib/thaw/run/thaw-1/image"}) {
    INFO(target);
    REQUIRE_FALSE(require_foreign(target, own).ok());
    CHECK(require_foreign(target, own).error().code == Code::kUsage);
  }
  for (const char* target : {"/", "/srv", "/srv/store2", "/var/lib/thaw", "/var/lib/thaw/runs"}) {
    INFO(target);
    CHECK(require_foreign(target, own).ok());
  }
}

TEST_CASE("a namespace of its own sees the daemon's folders elsewhere") {
  const OwnPaths own{.paths = {"/run/thaw"}, .folders = {"/srv/store"}};
  CHECK(own_paths_for(::getpid(), own).folders == own.folders);
  const pid_t other = ::fork();
  if (other == 0) {
    static_cast<void>(::unshare(CLONE_NEWNS));
    ::kill(::getpid(), SIGSTOP);
    ::_exit(0);
  }
  REQUIRE(::waitpid(other, nullptr, WUNTRACED) == other);
  const OwnPaths theirs = own_paths_for(other, own);
  ::kill(other, SIGKILL);
  ::waitpid(other, nullptr, 0);
  CHECK(theirs.folders.empty());
  CHECK(theirs.paths == own.paths);
}

}  // namespace thaw::own_paths_test
