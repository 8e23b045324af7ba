// A store of ten million chunks, made up as it is listed.
#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <cstdio>

#include "lib/collect/remove_objects.h"
#include "lib/collect/root_contents.h"
#include "test/fakes/executors.h"

namespace thaw::scale_test {
namespace {

constexpr uint64_t kEntries = 10'000'000;
constexpr uint64_t kPerPrefix = kEntries / 256;
constexpr uint64_t kBytes = 4096;

// Chunk `number` of each of the 256 prefixes; all are listed in the order of their keys.
std::string key_of(unsigned prefix, uint64_t number) {
  char key[128];
  std::snprintf(key, sizeof key, "roots/1/chunks/%02x/%02x%062llx", prefix, prefix,
                static_cast<unsigned long long>(number));
  return key;
}

class HugeStore final : public ObjectStore {
 public:
  std::atomic<uint64_t> lists{0};
  std::atomic<uint64_t> lists_of_one_prefix{0};
  std::atomic<uint64_t> removed{0};
  std::atomic<uint64_t> largest_page{0};

  void get(const std::string& key, const GetOptions&, Completion<Object> done) override {
    done(Error{Code::kNotFound, key});
  }
  void size_of(const std::string& key, Completion<uint64_t> done) override {
    done(Error{Code::kNotFound, key});
  }
  void put(const std::string&, ByteView, const PutOptions&, Completion<PutOutcome> done) override {
    done(PutOutcome::kStored);
  }
  void remove(const std::string&, Completion<bool> done) override { done(false); }
  void copy(const std::string&, const std::string&, const std::string&,
            Completion<PutOutcome> done) override {
    done(PutOutcome::kKept);
  }
  void remove_all(std::vector<std::string> keys, Completion<bool> done) override {
    removed += keys.size();
    // They come in their order.
    if (!keys.empty()) first_left_.at(number_of(keys.back()) / kPerPrefix) = number_of(keys.back()) + 1;
    done(keys.size() <= kMaxRemovedAtOnce);
  }
  void sync(const std::string&, Completion<bool> done) override { done(true); }

  void list(const ListOptions& options, Completion<std::vector<ListedObject>> done) override {
    ++lists;
    if (is_of_one_prefix(options.prefix)) ++lists_of_one_prefix;
    std::vector<ListedObject> page;
    uint64_t next = first_of(options);
    const uint64_t end = end_of(options.prefix);
    for (; next < end && page.size() < options.limit; ++next) {
      const auto prefix = static_cast<unsigned>(next / kPerPrefix);
      next = std::max<uint64_t>(next, first_left_.at(prefix));
      if (next / kPerPrefix != prefix)
        --next;  // all of it is removed
      else
        page.push_back({key_of(prefix, next % kPerPrefix), kBytes, 1});
    }
    if (page.size() > largest_page) largest_page = page.size();
    done(std::move(page));
  }

 private:
  static constexpr size_t kPrefixAt = sizeof("roots/1/chunks/") - 1;

  static uint64_t hex(std::string_view text) {
    uint64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number, 16);
    return number;
  }
  static bool is_of_one_prefix(const std::string& prefix) { return prefix.size() == kPrefixAt + 3; }

  static uint64_t number_of(std::string_view key) {
    const std::string_view id = key.substr(kPrefixAt + 3);
    return hex(id.substr(0, 2)) * kPerPrefix + hex(id.substr(2));
  }
  static uint64_t first_of(const ListOptions& options) {
    if (options.start_after.starts_with("roots/1/chunks/")) return number_of(options.start_after) + 1;
    return is_of_one_prefix(options.prefix) ? hex(options.prefix.substr(kPrefixAt, 2)) * kPerPrefix : 0;
  }
  static uint64_t end_of(const std::string& prefix) {
    if (prefix.starts_with("alarms/")) return 0;
    if (is_of_one_prefix(prefix)) return (hex(prefix.substr(kPrefixAt, 2)) + 1) * kPerPrefix;
    return 256 * kPerPrefix;
  }

  std::array<std::atomic<uint64_t>, 256> first_left_{};  // of each prefix
};

}  // namespace

TEST_CASE("ten million chunks are counted and removed, a page at a time", "[collect][heavy]") {
  HugeStore store;
  Catalog catalog(store);
  ThreadPool threads(4);
  const TrustedBuilders nobody;
  CollectRoom room{catalog, nobody, threads};
  const auto counted = count_root(room, "1", {});
  REQUIRE(counted.ok());
  CHECK((counted->chunks == 256 * kPerPrefix && counted->bytes == 256 * kPerPrefix * kBytes));
  CHECK(store.lists <= 256 * (kPerPrefix / 1000 + 1));

  store.lists_of_one_prefix = 0;
  const auto removed = remove_objects(room, "1", {});
  REQUIRE(removed.ok());
  CHECK(removed->objects == 256 * kPerPrefix);
  CHECK(store.removed == 256 * kPerPrefix);
  CHECK(store.largest_page <= 1000);
  CHECK(store.lists_of_one_prefix > 250 * (kPerPrefix / 1000));
}

}  // namespace thaw::scale_test
