// A directory store whose disk is full: a small tmpfs, so for root only.
#include <sys/mount.h>
#include <unistd.h>

#include "test/lib/store/store_fixture.h"

namespace thaw::directory_full_test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSmall = "size=256k,nr_inodes=64";

class FullStore : public StoreFixture {
 public:
  FullStore() { mounted_ = ::mount("tmpfs", path.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, kSmall) == 0; }
  ~FullStore() {
    if (mounted_) ::umount2(path.c_str(), MNT_DETACH);
  }
  FullStore(const FullStore&) = delete;
  FullStore& operator=(const FullStore&) = delete;

  bool mounted() const { return mounted_; }

 private:
  bool mounted_ = false;
};

const std::string kTooLarge(1024 * 1024, 'x');

void check_refusal(const Result<PutOutcome>& put) {
  REQUIRE_FALSE(put.ok());
  CHECK(put.error().code == Code::kFailed);  // not transport trouble: nobody tries again
  CHECK(put.error().message.find("No space left on device") != std::string::npos);
  CHECK(put.error().message.find('\n') == std::string::npos);
}

}  // namespace

TEST_CASE("a full disk leaves no half object and no temporary file behind", "[store]") {
  FullStore store;
  if (!store.mounted()) {
    REQUIRE(::geteuid() != 0);
    WARN("not root: no filesystem can be made full");
    return;
  }
  REQUIRE(store.put("a/old", "as it was").ok());
  for (const PutIf condition : {PutIf::kAlways, PutIf::kAbsent}) {
    check_refusal(store.put("a/new", kTooLarge, {condition, {}, Durability::kNow}));
    CHECK(store.get("a/new").error().code == Code::kNotFound);
    CHECK(store.temporary_files() == 0);
  }
  // What was there stays as it was, whole.
  check_refusal(store.put("a/old", kTooLarge));
  const std::string version = store.get("a/old")->version;
  check_refusal(store.put("a/old", kTooLarge, {PutIf::kUnchanged, version, Durability::kNow}));
  CHECK(store.text_of("a/old") == "as it was");
  CHECK(store.temporary_files() == 0);
  CHECK(store.list({})->size() == 1);
  // With room again, the same put succeeds; nothing was half done that stands in its way.
  CHECK(store.put("a/new", "small").ok());
}

TEST_CASE("a disk without inodes leaves no half object behind", "[store]") {
  FullStore store;
  if (!store.mounted()) return;
  int made = 0;
  Result<PutOutcome> last = PutOutcome::kStored;
  for (; made < 100 && last.ok(); ++made) last = store.put("a/" + std::to_string(made), "1");
  check_refusal(last);
  CHECK(store.temporary_files() == 0);
  CHECK(store.list({})->size() == static_cast<size_t>(made) - 1);
  REQUIRE(store.remove("a/0").ok());
  CHECK(store.put("a/again", "1").ok());
}

}  // namespace thaw::directory_full_test
