#include "lib/collect/store_capabilities.h"

#include "test/fakes/compares_nothing.h"
#include "test/fakes/memory_object_store.h"
#include "test/lib/collect/collect_fixture.h"

namespace thaw::store_capabilities_test {
namespace {

// A store that takes a condition and does not heed it, like some servers.
class HeedlessStore final : public MemoryObjectStore {
 public:
  explicit HeedlessStore(PutIf heedless) : heedless_(heedless) {}

  void put(const std::string& key, ByteView bytes, const PutOptions& options,
           Completion<PutOutcome> done) override {
    PutOptions taken = options;
    if (taken.condition == heedless_) taken.condition = PutIf::kAlways;
    MemoryObjectStore::put(key, bytes, taken, std::move(done));
  }

 private:
  const PutIf heedless_;
};

// A store whose answers to conditional puts are lost: who tries again finds that it is too late.
class ForgottenAnswers final : public MemoryObjectStore {
 public:
  void put(const std::string& key, ByteView bytes, const PutOptions& options,
           Completion<PutOutcome> done) override {
    if (options.condition == PutIf::kAlways)
      return MemoryObjectStore::put(key, bytes, options, std::move(done));
    MemoryObjectStore::put(key, bytes, options,
                           [](const Result<PutOutcome>& outcome) { REQUIRE(outcome.ok()); });
    done(PutOutcome::kKept);
  }
};

StoreCapabilities probe(ObjectStore& store) {
  Catalog catalog(store);
  ThreadPool threads(1);
  const TrustedBuilders nobody;
  CollectRoom room{catalog, nobody, threads};
  return probe_store(room).value();
}

}  // namespace

TEST_CASE("a directory can do all that deletion needs, and keeps nothing of the probe", "[collect]") {
  CollectFixture fixture;
  CollectRoom room = fixture.room();
  const auto found = probe_store(room);
  REQUIRE(found.ok());
  CHECK((found->can_swap() && found->is_consistent()));
  CHECK(refuse_incapable(found.value()).ok());
  CHECK(fixture.keys_in("collector/") == std::vector<std::string>{"collector/clock"});
}

TEST_CASE("a store that does not heed a condition is found out", "[collect]") {
  HeedlessStore absent(PutIf::kAbsent);
  CHECK_FALSE(probe(absent).put_if_absent);
  HeedlessStore unchanged(PutIf::kUnchanged);
  const StoreCapabilities found = probe(unchanged);
  CHECK((found.put_if_absent && !found.put_if_unchanged));
  CHECK(refuse_incapable(found).error().code == Code::kRefused);
  ComparesNothing never;
  CHECK_FALSE(probe(never).put_if_unchanged);
  HeedlessStore sound(PutIf::kAlways);
  CHECK(refuse_incapable(probe(sound)).ok());
}

TEST_CASE("a store whose answers are lost is not taken for one that heeds no condition", "[collect]") {
  ForgottenAnswers store;
  CHECK(refuse_incapable(probe(store)).ok());
}

}  // namespace thaw::store_capabilities_test
