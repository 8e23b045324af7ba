// FakeObjectReader: an object store in memory that fails as its seed says: late, lost, refused, torn, with
// wrong bits, with another object's bytes, empty of what it has. One seed replays a run. One thread.
//
// Every get() is answered exactly once, at a manual time after the call, and a lost one at its deadline
// (which is what ObjectReader promises); with `latency` 0 inside the call.
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/timers.h"
#include "lib/store/object_store.h"

namespace thaw {

// Chances in 1/1000 of a get().
struct StoreFaults {
  unsigned lost = 0;
  unsigned failed = 0;
  unsigned missing = 0;  // says kNotFound of an object that it has
  unsigned flipped = 0;
  unsigned torn = 0;
  unsigned misdirected = 0;
  std::chrono::microseconds latency{0};  // at most; drawn for each get
};

class FakeObjectReader final : public ObjectReader {
 public:
  FakeObjectReader(Timers& timers, uint64_t seed) : timers_(timers), random_(seed) {}

  void add(const std::string& key, const Bytes& bytes) { objects_[key] = bytes; }
  void set_faults(const StoreFaults& faults) { faults_ = faults; }
  // Every get() fails with kUnreachable.
  void go_away() { away_ = true; }
  void come_back() { away_ = refuses_ = false; }
  // Every get() fails with kRefused.
  void refuse() { refuses_ = true; }
  // What it says then of when to come back.
  void set_retry_after(Duration wait) { retry_after_ = wait; }

  size_t gets = 0;
  size_t in_flight = 0;
  size_t most_in_flight = 0;
  std::vector<std::string> asked;  // keys, in order

  void get(const std::string& key, const GetOptions& options, Completion<Object> done) override {
    ++gets;
    asked.push_back(key);
    most_in_flight = std::max(most_in_flight, ++in_flight);
    if (!away_ && happens(faults_.lost)) {
      return answer_at(options.deadline, Error{Code::kTimedOut, key + ": no answer"}, std::move(done));
    }
    const TimePoint when = std::min(
        options.deadline, timers_.now() + faults_.latency * static_cast<int>(random_() % 1000) / 1000);
    answer_at(when, look_up(key, options), std::move(done));
  }

  void size_of(const std::string& key, Completion<uint64_t> done) override {
    const auto found = objects_.find(key);
    if (found == objects_.end()) return done(Error{Code::kNotFound, key + ": no such object"});
    done(uint64_t{found->second.size()});
  }

  void list(const ListOptions& options, Completion<std::vector<ListedObject>> done) override {
    std::vector<ListedObject> listed;
    for (const auto& [key, bytes] : objects_) {
      const bool wanted = key.starts_with(options.prefix) && key > options.start_after;
      if (wanted && listed.size() < options.limit) listed.push_back({key, bytes.size()});
    }
    done(std::move(listed));
  }

 private:
  bool happens(unsigned chance) { return random_() % 1000 < chance; }

  Result<Object> look_up(const std::string& key, const GetOptions& options) {
    if (refuses_) return Error{Code::kRefused, key + ": access denied"};
    if (away_ || happens(faults_.failed))
      return Error{Code::kUnreachable, key + ": connection refused", retry_after_};
    auto found = objects_.find(key);
    if (found == objects_.end() || happens(faults_.missing)) {
      return Error{Code::kNotFound, key + ": no such object"};
    }
    if (happens(faults_.misdirected)) {
      found = std::next(objects_.begin(), static_cast<ptrdiff_t>(random_() % objects_.size()));
    }
    Bytes bytes = found->second;
    if (happens(faults_.flipped))
      bytes[random_() % bytes.size()] ^= static_cast<uint8_t>(1U << random_() % 8);
    if (happens(faults_.torn)) bytes.resize(random_() % bytes.size());
    if (bytes.size() > options.max_bytes) return Error{Code::kDamaged, key + ": larger than expected"};
    return Object{Buffer::copy_of(bytes), ""};
  }

  void answer_at(TimePoint when, Result<Object> result, Completion<Object> done) {
    if (when <= timers_.now()) {
      --in_flight;
      return done(std::move(result));
    }
    timers_.call_at(when, [this, result = std::move(result), done = std::move(done)]() mutable {
      --in_flight;
      done(std::move(result));
    });
  }

  Timers& timers_;
  std::mt19937_64 random_;
  StoreFaults faults_;
  bool away_ = false;
  bool refuses_ = false;
  Duration retry_after_ = Duration::zero();
  std::map<std::string, Bytes> objects_;
};

}  // namespace thaw
