#include "lib/store/retrying_store.h"

#include <catch2/catch.hpp>
#include <deque>

#include "test/fakes/manual_timers.h"

namespace thaw::retrying_store_test {
namespace {

// Answers every call at once with the next error of a list, then with success.
class TroubledStore final : public ObjectStore {
 public:
  std::deque<Code> troubles;
  Duration retry_after = Duration::zero();
  int calls = 0;
  bool holds = false;  // answers with answer_held() only
  std::deque<Task> held;

  void answer_held() {
    while (!held.empty()) {
      Task answer = std::move(held.front());
      held.pop_front();
      answer();
    }
  }

  void get(const std::string&, const GetOptions&, Completion<Object> done) override {
    answer(std::move(done), Object{});
  }
  void size_of(const std::string&, Completion<uint64_t> done) override {
    answer<uint64_t>(std::move(done), 7);
  }
  void list(const ListOptions&, Completion<std::vector<ListedObject>> done) override {
    answer(std::move(done), std::vector<ListedObject>(1));
  }
  void put(const std::string&, ByteView, const PutOptions&, Completion<PutOutcome> done) override {
    answer(std::move(done), PutOutcome::kStored);
  }
  void remove(const std::string&, Completion<bool> done) override { answer(std::move(done), true); }
  void sync(const std::string&, Completion<bool> done) override { answer(std::move(done), true); }
  void copy(const std::string&, const std::string&, const std::string&,
            Completion<PutOutcome> done) override {
    answer(std::move(done), PutOutcome::kStored);
  }
  void remove_all(std::vector<std::string>, Completion<bool> done) override { answer(std::move(done), true); }

 private:
  template <class T>
  void answer(Completion<T> done, T value) {
    ++calls;
    if (holds) {
      held.emplace_back([this, done = std::move(done), value = std::move(value)]() mutable {
        answer_now(std::move(done), std::move(value));
      });
      return;
    }
    answer_now(std::move(done), std::move(value));
  }

  template <class T>
  void answer_now(Completion<T> done, T value) {
    if (troubles.empty()) return done(std::move(value));
    const Code code = troubles.front();
    troubles.pop_front();
    done(Error{code, "trouble", retry_after});
  }
};

struct Fixture {
  TroubledStore below;
  ManualTimers timers;
  RetryingStore store{below, timers, {}};
  std::optional<Result<uint64_t>> size;

  void ask() {
    store.size_of("k", [this](Result<uint64_t> result) { size = std::move(result); });
  }
  void run() {
    while (timers.run_next()) {
    }
  }
};

}  // namespace

TEST_CASE("transport trouble is tried again, anything else is not", "[store]") {
  Fixture f;
  f.below.troubles = {Code::kUnreachable, Code::kTimedOut, Code::kUnreachable};
  f.ask();
  CHECK_FALSE(f.size);
  f.run();
  REQUIRE(f.size);
  CHECK(f.size->value() == 7);
  CHECK(f.below.calls == 4);
  CHECK(f.store.retries() == 3);
  for (const Code code :
       {Code::kFailed, Code::kUsage, Code::kNotFound, Code::kRefused, Code::kDamaged, Code::kCancelled}) {
    f.size.reset();
    f.below.troubles = {code};
    f.ask();
    REQUIRE(f.size);
    CHECK(f.size->error().code == code);
  }
}

TEST_CASE("patience ends, with the last error", "[store]") {
  Fixture f;
  f.below.troubles.assign(100'000, Code::kUnreachable);
  const TimePoint begin = f.timers.now();
  f.ask();
  f.run();
  REQUIRE(f.size);
  CHECK(f.size->error().code == Code::kUnreachable);
  CHECK(f.timers.now() - begin <= StoreRetryLimits{}.patience);
  CHECK(f.below.calls > 5);
  CHECK(f.below.calls < 500);
}

TEST_CASE("a get is not tried again after its deadline", "[store]") {
  Fixture f;
  f.below.troubles.assign(100'000, Code::kUnreachable);
  GetOptions options;
  options.deadline = f.timers.now() + std::chrono::seconds(1);
  std::optional<Result<Object>> got;
  f.store.get("k", options, [&](Result<Object> result) { got = std::move(result); });
  f.run();
  REQUIRE(got);
  CHECK(f.timers.now() <= options.deadline);
}

TEST_CASE("a store that says when to come back is not asked before", "[store]") {
  Fixture f;
  f.below.troubles = {Code::kUnreachable};
  f.below.retry_after = std::chrono::seconds(3);
  f.ask();
  f.timers.advance(std::chrono::milliseconds(2999));
  CHECK(f.below.calls == 1);
  f.run();
  CHECK(f.size->value() == 7);
  CHECK(f.below.calls == 2);

  // Whatever it asks for, there is another try within the patience.
  f.below.troubles = {Code::kUnreachable};
  f.below.retry_after = std::chrono::hours(24);
  f.size.reset();
  f.ask();
  f.run();
  CHECK(f.size->value() == 7);
}

TEST_CASE("every operation is tried again", "[store]") {
  Fixture f;
  int answers = 0;
  const auto troubled = [&] { f.below.troubles = {Code::kUnreachable}; };
  const auto good = [&](const auto& result) { answers += result.ok() ? 1 : 0; };
  troubled();
  f.store.get("k", {}, [&](Result<Object> result) { good(result); });
  troubled();
  f.run();
  f.store.list({}, [&](Result<std::vector<ListedObject>> result) { good(result); });
  f.run();
  troubled();
  f.store.put("k", {}, {}, [&](Result<PutOutcome> result) { good(result); });
  f.run();
  troubled();
  f.store.remove("k", [&](Result<bool> result) { good(result); });
  f.run();
  troubled();
  f.store.sync("", [&](Result<bool> result) { good(result); });
  f.run();
  CHECK(answers == 5);
  CHECK(f.store.retries() >= 5);
}

TEST_CASE("so many operations are under way as the store takes, and none is lost", "[store]") {
  Fixture f;
  f.below.holds = true;
  const uint32_t most = f.store.cap();
  uint32_t done = 0;
  for (uint32_t i = 0; i < 3 * most; ++i)
    f.store.size_of("k", [&done](Result<uint64_t> result) { done += result.ok() ? 1 : 0; });
  CHECK(f.below.held.size() == most);

  // Half of these are refused: the next ones are fewer.
  f.below.troubles.assign(most / 2, Code::kUnreachable);
  std::deque<Task> first;
  first.swap(f.below.held);
  for (Task& answer : first) answer();
  CHECK(f.store.cap() < most);
  CHECK(f.below.held.size() == f.store.cap());

  for (int round = 0; round < 100 && done < 3 * most; ++round) {
    f.below.answer_held();
    f.run();
  }
  CHECK(done == 3 * most);
  CHECK(f.store.retries() == most / 2);
  // It comes back with every answer that is none too many.
  for (uint32_t i = 0; i < 100 * most; ++i) {
    f.ask();
    f.below.answer_held();
  }
  CHECK(f.store.cap() == most);
}

}  // namespace thaw::retrying_store_test
