#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "test/lib/store/store_fixture.h"

namespace thaw::directory_fault_test {
namespace {

namespace fs = std::filesystem;

void make_old(const std::string& path) {
  const timespec times[2] = {{1000, 0}, {1000, 0}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
}

void write_text(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

}  // namespace

TEST_CASE("a store that has gone away is unreachable, and comes back", "[store]") {
  StoreFixture store;
  REQUIRE(store.put("a/x", "1").ok());
  fs::rename(store.path, store.path + ".away");
  CHECK(store.get("a/x").error().code == Code::kUnreachable);
  CHECK(store.size_of("a/x").error().code == Code::kUnreachable);
  CHECK(store.put("a/y", "1").error().code == Code::kUnreachable);
  CHECK(store.remove("a/x").error().code == Code::kUnreachable);
  CHECK(store.list({}).error().code == Code::kUnreachable);

  // An empty mount point in its place is no store without objects.
  fs::create_directory(store.path);
  CHECK(store.get("a/x").error().code == Code::kUnreachable);
  fs::remove(store.path);
  write_text(store.path, "a file");
  CHECK(store.get("a/x").error().code == Code::kUnreachable);
  fs::remove(store.path);

  fs::rename(store.path + ".away", store.path);
  CHECK(store.text_of("a/x") == "1");
  CHECK(store.get("a/none").error().code == Code::kNotFound);
}

TEST_CASE("a fresh store without objects answers not found", "[store]") {
  StoreFixture store;
  CHECK(store.get("store.json").error().code == Code::kNotFound);
  CHECK(store.list({})->empty());
}

TEST_CASE("no symbolic link leads out of the store", "[store]") {
  StoreFixture store;
  const std::string outside = store.folder / "outside";
  fs::create_directory(outside);
  write_text(outside + "/secret", "plain");
  REQUIRE(store.put("a/x", "1").ok());
  fs::create_symlink(outside, store.path + "/link");
  fs::create_symlink(outside + "/secret", store.path + "/a/secret");

  CHECK(store.get("link/secret").error().code == Code::kRefused);
  CHECK(store.get("a/secret").error().code == Code::kRefused);
  CHECK_FALSE(store.size_of("a/secret").ok());
  CHECK_FALSE(store.put("link/new", "1").ok());
  CHECK_FALSE(fs::exists(outside + "/new"));
  REQUIRE(store.put("a/secret", "mine").ok());
  CHECK(fs::file_size(outside + "/secret") == 5);
  const auto listed = store.list({"a/", "", 100});
  REQUIRE(listed->size() == 2);
  CHECK(listed->at(0).key == "a/secret");
  CHECK(listed->at(1).key == "a/x");
}

// Collection would take what it is not shown for unused.
TEST_CASE("what lies behind a symbolic link is not missing from a list", "[store]") {
  StoreFixture store;
  const std::string outside = store.folder / "outside";
  REQUIRE(store.put("tenants/acme/images/web/latest", "1").ok());
  SECTION("the folder that is listed") {
    fs::rename(store.path + "/tenants", outside);
    fs::create_symlink(outside, store.path + "/tenants");
  }
  SECTION("one below it") {
    fs::rename(store.path + "/tenants/acme", outside);
    fs::create_symlink(outside, store.path + "/tenants/acme");
  }
  SECTION("an object") {
    fs::rename(store.path + "/tenants/acme/images/web/latest", outside);
    fs::create_symlink(outside, store.path + "/tenants/acme/images/web/latest");
  }
  const auto listed = store.list({"tenants/", "", 100});
  REQUIRE_FALSE(listed.ok());
  CHECK(listed.error().code == Code::kRefused);
  CHECK(store.get("tenants/acme/images/web/latest").error().code == Code::kRefused);
}

TEST_CASE("keys that are none are refused in every call", "[store]") {
  StoreFixture store;
  write_text(store.folder / "outside", "x");
  for (const char* key : {"", "../outside", "/etc/passwd", "a/../../outside", ".tmp/x", ".lock"}) {
    CHECK(store.get(key).error().code == Code::kUsage);
    CHECK(store.put(key, "x").error().code == Code::kUsage);
    CHECK(store.remove(key).error().code == Code::kUsage);
    CHECK(store.size_of(key).error().code == Code::kUsage);
  }
  CHECK(fs::exists(store.folder / "outside"));
}

TEST_CASE("something else than a file in an object's place is not the object", "[store]") {
  StoreFixture store;
  fs::create_directories(store.path + "/a/folder");
  REQUIRE(::mkfifo((store.path + "/a/fifo").c_str(), 0600) == 0);
  CHECK_FALSE(store.get("a/folder").ok());
  CHECK(store.get("a/fifo").error().code == Code::kNotFound);
  CHECK_FALSE(store.put("a/folder", "x").ok());
  CHECK(store.temporary_files() == 0);
}

TEST_CASE("what killed writers left is listed by nobody and removed once it is old", "[store]") {
  StoreFixture store;
  fs::create_directories(store.path + "/.tmp");
  const std::string stale = store.path + "/.tmp/stale";
  const std::string held = store.path + "/.tmp/held";
  const std::string fresh = store.path + "/.tmp/fresh";
  for (const std::string& path : {stale, held, fresh}) write_text(path, "half");
  make_old(stale);
  make_old(held);
  const Fd writer(::open(held.c_str(), O_RDONLY | O_CLOEXEC));
  REQUIRE(::flock(writer.get(), LOCK_EX) == 0);

  CHECK(store.list({})->empty());
  REQUIRE(store.put("x", "1").ok());
  CHECK_FALSE(fs::exists(stale));
  CHECK(fs::exists(held));
  CHECK(fs::exists(fresh));
}

}  // namespace thaw::directory_fault_test
