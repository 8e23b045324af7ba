#include "lib/keys/data_key_cache.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "lib/keys/keyring_directory.h"
#include "test/temporary_folder.h"

namespace thaw::data_key_cache_test {
namespace {

class TurnedClock final : public Clock {
 public:
  TimePoint now() const override { return now_; }
  void turn(Duration by) { now_ += by; }

 private:
  TimePoint now_{std::chrono::hours(1)};
};

class CountedKeys final : public KeyService {
 public:
  explicit CountedKeys(KeyService& keys) : keys_(keys) {}
  Result<DataKey> generate_data_key(const std::string& tenant, ByteView context) override {
    return keys_.generate_data_key(tenant, context);
  }
  Result<Secret> unwrap(const WrappedKey& wrapped, ByteView context) override {
    ++asked;
    if (away) return Error{Code::kUnreachable, "away"};
    return keys_.unwrap(wrapped, context);
  }
  Result<WrappedKey> rewrap(const WrappedKey& wrapped, const std::string& tenant, ByteView context) override {
    return keys_.rewrap(wrapped, tenant, context);
  }

  std::atomic<int> asked{0};
  bool away = false;

 private:
  KeyService& keys_;
};

struct CacheFixture {
  TemporaryFolder folder;
  KeyringDirectory keys{folder / "keys", KeyringUse::kBuild};
  CountedKeys service{keys};
  TurnedClock clock;
  DataKeyCache cache{service, clock, {.keys = 2, .age = std::chrono::seconds(60)}};

  WrappedKey make(DataKeyCache& from, std::string_view context = "c") {
    auto made = from.generate_data_key("acme", as_bytes(context));
    REQUIRE(made.ok());
    return made->wrapped;
  }
};

}  // namespace

TEST_CASE("what was unwrapped is not asked for again, also when the service is away", "[keys]") {
  CacheFixture fixture;
  const auto made = fixture.cache.generate_data_key("acme", as_bytes("c"));
  REQUIRE(made.ok());
  CHECK(fixture.cache.unwrap(made->wrapped, as_bytes("c")).ok());
  fixture.service.away = true;
  const auto again = fixture.cache.unwrap(made->wrapped, as_bytes("c"));
  REQUIRE(again.ok());
  CHECK(std::ranges::equal(again->view(), made->plain.view()));
  CHECK(fixture.service.asked == 1);

  // Another question is another answer.
  CHECK(fixture.cache.unwrap(made->wrapped, as_bytes("d")).error().code == Code::kUnreachable);
  CHECK(fixture.cache.unwrap({"acme/2", made->wrapped.wrapped}, as_bytes("c")).error().code ==
        Code::kUnreachable);
  WrappedKey moved = made->wrapped;
  moved.wrapped.push_back('c');
  CHECK(fixture.cache.unwrap(moved, {}).error().code == Code::kUnreachable);
}

TEST_CASE("a data key is forgotten when it is old, and nothing false is remembered", "[keys]") {
  CacheFixture fixture;
  const WrappedKey key = fixture.make(fixture.cache);
  CHECK(fixture.cache.unwrap(key, as_bytes("false")).error().code == Code::kDamaged);
  CHECK(fixture.cache.unwrap(key, as_bytes("false")).error().code == Code::kDamaged);
  CHECK(fixture.service.asked == 2);
  CHECK(fixture.cache.unwrap(key, as_bytes("c")).ok());
  fixture.clock.turn(std::chrono::seconds(59));
  CHECK(fixture.cache.unwrap(key, as_bytes("c")).ok());
  CHECK(fixture.service.asked == 3);
  // Being used does not make it younger.
  fixture.clock.turn(std::chrono::seconds(1));
  CHECK(fixture.cache.unwrap(key, as_bytes("c")).ok());
  CHECK(fixture.service.asked == 4);

  DataKeyCache never(fixture.service, fixture.clock, {.keys = 2, .age = Duration::zero()});
  CHECK(never.unwrap(key, as_bytes("c")).ok());
  CHECK(never.unwrap(key, as_bytes("c")).ok());
  CHECK(fixture.service.asked == 6);
}

TEST_CASE("the oldest data key makes room", "[keys]") {
  CacheFixture fixture;
  std::vector<WrappedKey> keys;
  for (int i = 0; i < 3; ++i) {
    keys.push_back(fixture.make(fixture.cache));
    CHECK(fixture.cache.unwrap(keys.back(), as_bytes("c")).ok());
  }
  fixture.service.away = true;
  CHECK_FALSE(fixture.cache.unwrap(keys[0], as_bytes("c")).ok());
  CHECK(fixture.cache.unwrap(keys[1], as_bytes("c")).ok());
  CHECK(fixture.cache.unwrap(keys[2], as_bytes("c")).ok());
}

TEST_CASE("many threads may ask a cache that is too small for them", "[keys]") {
  CacheFixture fixture;
  std::vector<WrappedKey> keys;
  for (int i = 0; i < 5; ++i) keys.push_back(fixture.make(fixture.cache));
  std::atomic<int> opened{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&fixture, &keys, &opened, i] {
      for (size_t n = 0; n < 50; ++n)
        opened += fixture.cache.unwrap(keys[(n + static_cast<size_t>(i)) % keys.size()], as_bytes("c")).ok()
                      ? 1
                      : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(opened == 300);
}

}  // namespace thaw::data_key_cache_test
