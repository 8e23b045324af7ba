#include "lib/collect/store_capabilities.h"

#include "test/fakes/memory_object_store.h"
#include "test/lib/collect/collect_fixture.h"

namespace thaw::store_capabilities_test {
namespace {

// A store that takes a condition and does not heed it, like some servers.
class HeedlessStore final : public ObjectStore {
 public:
  explicit HeedlessStore(PutIf heedless) : heedless_(heedless) {}

  void get(const std::string& key, const GetOptions& options, Completion<Object> done) override {
    below_.get(key, options, std::move(done));
  }
  void size_of(const std::string& key, Completion<uint64_t> done) override {
    below_.size_of(key, std::move(done));
  }
  void list(const ListOptions& options, Completion<std::vector<ListedObject>> done) override {
    below_.list(options, std::move(done));
  }
  void put(const std::string& key, ByteView bytes, const PutOptions& options,
           Completion<PutOutcome> done) override {
    PutOptions taken = options;
    if (taken.condition == heedless_) taken.condition = PutIf::kAlways;
    below_.put(key, bytes, taken, std::move(done));
  }
  void remove(const std::string& key, Completion<bool> done) override { below_.remove(key, std::move(done)); }
  void sync(const std::string& prefix, Completion<bool> done) override {
    below_.sync(prefix, std::move(done));
  }
  void copy(const std::string& from, const std::string& version, const std::string& to,
            Completion<PutOutcome> done) override {
    below_.copy(from, version, to, std::move(done));
  }
  void remove_all(std::vector<std::string> keys, Completion<bool> done) override {
    below_.remove_all(std::move(keys), std::move(done));
  }

 private:
  const PutIf heedless_;
  MemoryObjectStore below_;
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
  HeedlessStore sound(PutIf::kAlways);
  CHECK(refuse_incapable(probe(sound)).ok());
}

}  // namespace thaw::store_capabilities_test
