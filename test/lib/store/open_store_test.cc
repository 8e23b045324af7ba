#include "lib/store/open_store.h"

#include "test/lib/store/store_fixture.h"

namespace thaw::open_store_test {

TEST_CASE("a URL opens a folder, and a builder makes it", "[store]") {
  TemporaryFolder folder;
  ThreadPool threads(1);
  const std::string url = "file://" + (folder / "deep/store") + "/";
  CHECK(open_object_store(url, StoreUse::kRead, {threads}).ok());
  CHECK_FALSE(std::filesystem::exists(folder / "deep"));
  CHECK(open_object_store(url, StoreUse::kBuild, {threads}).ok());
  CHECK(std::filesystem::is_directory(folder / "deep/store"));
}

TEST_CASE("a bucket is opened without asking for it", "[store]") {
  ThreadPool threads(1);
  HttpClient http({});
  AwsCredentialSource credentials(steady_clock());
  CHECK(open_object_store("s3://bucket/prefix", StoreUse::kBuild, {threads, &http, &credentials}).ok());
  StoreParts parts{threads, &http, &credentials, {"nowhere", "us-east-1", true}};
  CHECK(open_object_store("s3://bucket", StoreUse::kRead, parts).error().code == Code::kUsage);
}

TEST_CASE("a URL that names no store is a usage error", "[store]") {
  ThreadPool threads(1);
  for (const char* url : {"", "/var/store", "file:", "file://", "file://var/store", "file:/var/store",
                          "http://x/y", "s3://", "s3://b", "s3://bucket/../x"}) {
    const auto store = open_object_store(url, StoreUse::kBuild, {threads});
    REQUIRE_FALSE(store.ok());
    CHECK(store.error().code == Code::kUsage);
    CHECK(store.error().message.find('\n') == std::string::npos);
  }
}

}  // namespace thaw::open_store_test
