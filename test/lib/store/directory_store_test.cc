#include "lib/store/directory_store.h"

#include <fcntl.h>
#include <sys/file.h>

#include <thread>

#include "test/lib/store/store_fixture.h"

namespace thaw::directory_store_test {
namespace {

PutOptions absent() { return {PutIf::kAbsent, {}, Durability::kNow}; }
PutOptions unchanged(const std::string& version) { return {PutIf::kUnchanged, version, Durability::kNow}; }

std::vector<std::string> keys_of(const std::vector<ListedObject>& listed) {
  std::vector<std::string> keys;
  for (const ListedObject& object : listed) keys.push_back(object.key);
  return keys;
}

}  // namespace

TEST_CASE("an object comes back, is replaced, is removed", "[store]") {
  StoreFixture store;
  CHECK(store.put("a/b/c", "one").value() == PutOutcome::kStored);
  CHECK(store.text_of("a/b/c") == "one");
  CHECK(store.size_of("a/b/c").value() == 3);
  CHECK(store.put("a/b/c", "second").value() == PutOutcome::kStored);
  CHECK(store.text_of("a/b/c") == "second");
  CHECK(store.put("empty", "").value() == PutOutcome::kStored);
  CHECK(store.text_of("empty").empty());
  CHECK(store.remove("a/b/c").ok());
  CHECK(store.get("a/b/c").error().code == Code::kNotFound);
  CHECK(store.size_of("a/b/c").error().code == Code::kNotFound);
  CHECK(store.remove("a/b/c").ok());
  CHECK(store.remove("no/such/folder").ok());
  CHECK(store.temporary_files() == 0);
}

TEST_CASE("kAbsent keeps what is there", "[store]") {
  StoreFixture store;
  CHECK(store.put("x/y", "one", absent()).value() == PutOutcome::kStored);
  CHECK(store.put("x/y", "two", absent()).value() == PutOutcome::kKept);
  CHECK(store.text_of("x/y") == "one");
  CHECK(store.temporary_files() == 0);
}

TEST_CASE("kUnchanged replaces the version that was read and nothing else", "[store]") {
  StoreFixture store;
  CHECK(store.put("x", "one", unchanged("")).value() == PutOutcome::kKept);
  CHECK(store.get("x").error().code == Code::kNotFound);
  REQUIRE(store.put("x", "one").ok());
  const std::string version = store.get("x")->version;
  CHECK(store.put("x", "two", unchanged(version)).value() == PutOutcome::kStored);
  CHECK(store.put("x", "three", unchanged(version)).value() == PutOutcome::kKept);
  CHECK(store.put("x", "three", unchanged("")).value() == PutOutcome::kKept);
  CHECK(store.text_of("x") == "two");
}

TEST_CASE("who stands still with the store's lock holds others up, but not for ever", "[store]") {
  StoreFixture fixture;
  DirectoryStore store(fixture.path, fixture.threads, std::chrono::milliseconds(300));
  REQUIRE(fixture.put("x", "one").ok());
  const PutOptions options = unchanged(fixture.get("x")->version);
  const auto put = [&options](DirectoryStore& into) {
    return await<PutOutcome>(
        [&](Completion<PutOutcome> done) { into.put("x", as_bytes("two"), options, std::move(done)); });
  };
  Fd lock(::open((fixture.path + "/.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  REQUIRE(::flock(lock.get(), LOCK_EX) == 0);
  const auto refused = put(store);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Code::kTimedOut);
  CHECK(fixture.text_of("x") == "one");
  CHECK(fixture.temporary_files() == 0);
  SECTION("who comes back in time") {
    std::thread holder([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      lock.reset();
    });
    // The patience of 30 s, not 300 ms: on a busy machine the holder may sleep for longer.
    CHECK(put(fixture.store).value() == PutOutcome::kStored);
    holder.join();
  }
  SECTION("who lost meanwhile") {
    lock.reset();
    REQUIRE(fixture.put("x", "three").ok());
    CHECK(put(store).value() == PutOutcome::kKept);
    CHECK(fixture.text_of("x") == "three");
  }
  CHECK(fixture.temporary_files() == 0);
}

TEST_CASE("of many writers at once, in two processes' stores, exactly one wins each round", "[store]") {
  StoreFixture fixture;
  DirectoryStore other(fixture.path, fixture.threads);
  REQUIRE(fixture.put("counter", "0").ok());
  constexpr int kWriters = 6;
  for (int round = 0; round < 10; ++round) {
    const PutOptions options = unchanged(fixture.get("counter")->version);
    std::vector<std::string> texts;
    for (int i = 0; i < kWriters; ++i) texts.push_back(std::to_string(round) + "/" + std::to_string(i));
    std::vector<std::promise<Result<PutOutcome>>> promises(kWriters);
    for (size_t i = 0; i < kWriters; ++i) {
      ObjectStore& store = i % 2 == 0 ? fixture.store : other;
      store.put("counter", as_bytes(texts[i]), options,
                [&promises, i](Result<PutOutcome> result) { promises[i].set_value(std::move(result)); });
    }
    std::vector<std::string> winners;
    for (size_t i = 0; i < kWriters; ++i) {
      const auto result = promises[i].get_future().get();
      REQUIRE(result.ok());
      if (result.value() == PutOutcome::kStored) winners.push_back(texts[i]);
    }
    REQUIRE(winners.size() == 1);
    CHECK(fixture.text_of("counter") == winners[0]);
  }
}

TEST_CASE("list goes through all levels in the order of the keys, page by page", "[store]") {
  StoreFixture store;
  std::vector<std::string> keys{"p/a",  "p/a-b",   "p/a.b", "p/a/b", "p/a/c/d",
                                "p/a0", "p/b/x~y", "p/z",   "p0/a",  "q/a"};
  for (const std::string& key : keys) {
    if (key != "p/a") REQUIRE(store.put(key, key).ok());
  }
  keys.erase(keys.begin());
  std::sort(keys.begin(), keys.end());
  CHECK(keys_of(store.list({}).value()) == keys);
  for (size_t limit = 1; limit <= keys.size(); ++limit) {
    std::vector<std::string> paged;
    ListOptions options;
    options.limit = limit;
    for (;;) {
      const auto page = store.list(options);
      REQUIRE(page.ok());
      for (const auto& object : page.value()) {
        CHECK(object.size == object.key.size());
        CHECK(object.modified + 3600 > static_cast<uint64_t>(std::time(nullptr)));
        paged.push_back(object.key);
      }
      if (page->size() < limit) break;
      options.start_after = page->back().key;
    }
    CHECK(paged == keys);
  }
  ListOptions below;
  below.prefix = "p/a/";
  CHECK(keys_of(store.list(below).value()) == std::vector<std::string>{"p/a/b", "p/a/c/d"});
  below.prefix = "none/";
  CHECK(store.list(below)->empty());
  below.prefix = "p/../";
  CHECK(store.list(below).error().code == Code::kUsage);
  below.prefix = "p";
  CHECK(store.list(below).error().code == Code::kUsage);
}

TEST_CASE("an object larger than asked for is damage, before it is read", "[store]") {
  StoreFixture store;
  REQUIRE(store.put("x", "12345").ok());
  CHECK(store.get("x", 5).ok());
  CHECK(store.get("x", 4).error().code == Code::kDamaged);
  std::filesystem::resize_file(store.path + "/x", uint64_t{1} << 40);
  CHECK(store.get("x").error().code == Code::kDamaged);
}

TEST_CASE("who left or is late gets no object", "[store]") {
  StoreFixture store;
  REQUIRE(store.put("x", "1").ok());
  GetOptions options;
  options.max_bytes = 10;
  options.deadline = TimePoint::min();
  const auto late =
      await<Object>([&](Completion<Object> done) { store.store.get("x", options, std::move(done)); });
  CHECK(late.error().code == Code::kTimedOut);
  std::stop_source stop;
  stop.request_stop();
  options.deadline = TimePoint::max();
  options.stop = stop.get_token();
  const auto left =
      await<Object>([&](Completion<Object> done) { store.store.get("x", options, std::move(done)); });
  CHECK(left.error().code == Code::kCancelled);
}

TEST_CASE("what is put for a later sync is there at once, and sync accepts any folder", "[store]") {
  StoreFixture store;
  PutOptions later = absent();
  later.durability = Durability::kWithSync;
  REQUIRE(store.put("roots/1/chunks/aa/x", "1", later).ok());
  CHECK(store.text_of("roots/1/chunks/aa/x") == "1");
  for (const char* prefix : {"", "roots/1/chunks/", "no/such/"}) {
    CHECK(await<bool>([&](Completion<bool> done) { store.store.sync(prefix, std::move(done)); }).ok());
  }
  CHECK_FALSE(await<bool>([&](Completion<bool> done) { store.store.sync("../", std::move(done)); }).ok());
}

}  // namespace thaw::directory_store_test
