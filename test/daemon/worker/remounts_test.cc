#include "daemon/worker/remounts.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <set>
#include <thread>

namespace thaw::remounts_test {
namespace {

using std::chrono::milliseconds;

class Records final : public RecordKeeper {
 public:
  Status put(Record, Keep) override { return {}; }
  Status remove(const std::string& key) override {
    removed.insert(key);
    return {};
  }
  std::set<std::string> removed;
};

MountRequest request_of(const std::string& id) {
  MountRequest request;
  request.id = id;
  request.name = id + ":1";
  request.target = "/mnt/" + id;
  request.pid = ::getpid();
  return request;
}

// What an earlier daemon had: a, b and c, all of which can be mounted but those that `failures` names.
struct Fixture {
  Fixture() { remounts.add({request_of("a"), request_of("b"), request_of("c")}); }

  Status mount(const MountRequest& request) {
    MutexLock lock(mutex);
    tried.push_back(request.id);
    const auto failure = failures.find(request.id);
    return failure == failures.end() ? Status{} : Status(Error{failure->second, "no " + request.id});
  }
  void let(const std::string& id) {
    MutexLock lock(mutex);
    failures.erase(id);
  }
  std::vector<std::string> tries() {
    MutexLock lock(mutex);
    return tried;
  }
  void run() {
    remounts.run([this](const MountRequest& request) { return mount(request); });
  }
  std::string waiting() const {
    std::string ids;
    for (const auto& one : remounts.waiting()) ids += one.request.id;
    return ids;
  }

  Mutex mutex;
  std::map<std::string, Code> failures;
  std::vector<std::string> tried;
  Records records;
  Remounts remounts{records, {milliseconds(1), milliseconds(4)}};
};

}  // namespace

TEST_CASE("what was mounted is mounted again, and waits until then", "[remounts]") {
  Fixture f;
  CHECK(f.waiting() == "abc");
  CHECK(f.remounts.waiting()[0].why.empty());
  f.run();
  CHECK(f.tried == std::vector<std::string>{"a", "b", "c"});
  CHECK(f.waiting().empty());
  CHECK(f.records.removed.empty());
}

TEST_CASE("while the store is away it is tried again, others first", "[remounts]") {
  Fixture f;
  f.failures = {{"a", Code::kUnreachable}, {"c", Code::kTimedOut}};
  std::thread runner([&f] { f.run(); });
  while (f.tries().size() < 20) std::this_thread::sleep_for(milliseconds(1));
  CHECK(f.tries()[1] == "b");
  CHECK(f.remounts.waiting().size() == 2);
  CHECK(f.remounts.waiting()[0].why.starts_with("no "));
  f.let("a");
  f.let("c");
  runner.join();
  CHECK(f.waiting().empty());
}

// An empty folder in the place of a store that is not mounted yet is a store without images.
TEST_CASE("what fails for another reason is tried again, and holds up nobody", "[remounts]") {
  Fixture f;
  Remounts patient(f.records, {std::chrono::hours(1), std::chrono::hours(1)});
  patient.add({request_of("a"), request_of("b"), request_of("c")});
  f.failures = {{"a", Code::kNotFound}, {"b", Code::kRefused}};
  std::thread runner([&] { patient.run([&f](const MountRequest& request) { return f.mount(request); }); });
  while (f.tries().size() < 3 || patient.waiting().size() > 2) std::this_thread::yield();
  CHECK(patient.waiting()[0].why == "no a");
  CHECK(f.tries() == std::vector<std::string>{"a", "b", "c"});
  f.let("a");
  f.let("b");
  patient.hurry();
  runner.join();
  CHECK(patient.waiting().empty());
}

TEST_CASE("what was mounted in a namespace that has ended is forgotten", "[remounts]") {
  Fixture f;
  MountRequest gone = request_of("d");
  gone.pid = 0;
  f.remounts.add({gone});
  f.run();
  CHECK(f.tried == std::vector<std::string>{"a", "b", "c"});
  CHECK(f.waiting().empty());
  CHECK(f.records.removed == std::set<std::string>{"mount/d"});
}

TEST_CASE("a longer pause ends when settings change", "[remounts]") {
  Fixture f;
  Remounts patient(f.records, {std::chrono::hours(1), std::chrono::hours(1)});
  patient.add({request_of("a")});
  f.failures = {{"a", Code::kUnreachable}};
  std::thread runner([&] { patient.run([&f](const MountRequest& request) { return f.mount(request); }); });
  while (f.tries().empty()) std::this_thread::sleep_for(milliseconds(1));
  f.let("a");
  patient.hurry();
  runner.join();
  CHECK(patient.waiting().empty());
}

TEST_CASE("what nobody wants any more does not come back", "[remounts]") {
  Fixture f;
  CHECK(f.remounts.forget("/mnt/x", ::getpid()).error().code == Code::kNotFound);
  CHECK(f.remounts.forget("", ::getpid()).error().code == Code::kNotFound);
  CHECK(f.remounts.forget("/mnt/a", ::getpid()).ok());
  CHECK(f.remounts.forget("c", ::getpid()).ok());
  CHECK(f.records.removed == std::set<std::string>{"mount/a", "mount/c"});
  f.run();
  CHECK(f.tried == std::vector<std::string>{"b"});
}

TEST_CASE("who does not want what is just mounted is told that it is", "[remounts]") {
  Fixture f;
  std::atomic<bool> begun = false;
  std::atomic<bool> go_on = false;
  std::thread runner([&] {
    f.remounts.run([&](const MountRequest&) {
      begun = true;
      while (!go_on) std::this_thread::yield();
      return Status{};
    });
  });
  while (!begun) std::this_thread::yield();
  std::thread releaser([&go_on] {
    std::this_thread::sleep_for(milliseconds(20));
    go_on = true;
  });
  CHECK(f.remounts.forget("a", ::getpid()).error().code == Code::kNotFound);
  CHECK(f.records.removed.empty());
  releaser.join();
  runner.join();
}

}  // namespace thaw::remounts_test
