// An object store in memory, as strict as a real one with conditions: what every test of an order of writes
// runs on. Answers inside the call. Its clock stands still but for set_time().
#pragma once

#include <atomic>
#include <map>
#include <string>

#include "lib/base/mutex.h"
#include "lib/store/object_store.h"
#include "lib/store/paths.h"

namespace thaw {

class MemoryObjectStore : public ObjectStore {
 public:
  void get(const std::string& key, const GetOptions& options, Completion<Object> done) override {
    done(get_now(key, options));
  }
  void size_of(const std::string& key, Completion<uint64_t> done) override { done(size_now(key)); }
  void list(const ListOptions& options, Completion<std::vector<ListedObject>> done) override {
    done(list_now(options));
  }
  void put(const std::string& key, ByteView bytes, const PutOptions& options,
           Completion<PutOutcome> done) override {
    done(put_now(key, bytes, options));
  }
  void remove(const std::string& key, Completion<bool> done) override {
    bool removed = false;
    {
      const MutexLock lock(mutex_);
      removed = objects_.erase(key) > 0;
    }
    done(removed);
  }
  void sync(const std::string&, Completion<bool> done) override { done(true); }
  void copy(const std::string& from, const std::string& version, const std::string& to,
            Completion<PutOutcome> done) override {
    done(copy_now(from, version, to));
  }
  void remove_all(std::vector<std::string> keys, Completion<bool> done) override {
    {
      const MutexLock lock(mutex_);
      for (const std::string& key : keys) objects_.erase(key);
    }
    done(true);
  }

  void set_time(uint64_t seconds) { time_ = seconds; }

 private:
  struct Stored {
    std::string bytes;
    uint64_t version = 0;
    uint64_t modified = 0;
  };

  static Error missing(const std::string& key) {
    return {Code::kNotFound, "store object " + key + " is not there"};
  }

  Result<Object> get_now(const std::string& key, const GetOptions& options) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    const auto found = objects_.find(key);
    if (found == objects_.end()) return missing(key);
    const Stored& stored = found->second;
    if (stored.bytes.size() > options.max_bytes) return Error{Code::kDamaged, key + " is too large"};
    return Object{Buffer::copy_of(as_bytes(stored.bytes)), std::to_string(stored.version)};
  }
  Result<uint64_t> size_now(const std::string& key) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    const auto found = objects_.find(key);
    if (found == objects_.end()) return missing(key);
    return found->second.bytes.size();
  }
  std::vector<ListedObject> list_now(const ListOptions& options) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    std::vector<ListedObject> found;
    for (auto next = objects_.lower_bound(options.prefix);
         next != objects_.end() && next->first.starts_with(options.prefix) && found.size() < options.limit;
         ++next) {
      if (next->first > options.start_after)
        found.push_back({next->first, next->second.bytes.size(), next->second.modified});
    }
    return found;
  }
  PutOutcome copy_now(const std::string& from, const std::string& version, const std::string& to)
      EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    const auto found = objects_.find(from);
    if (found == objects_.end() || std::to_string(found->second.version) != version) return PutOutcome::kKept;
    objects_[to] = {found->second.bytes, ++versions_, time_};
    return PutOutcome::kStored;
  }
  Result<PutOutcome> put_now(const std::string& key, ByteView bytes, const PutOptions& options)
      EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    const auto found = objects_.find(key);
    const bool there = found != objects_.end();
    if (options.condition == PutIf::kAbsent && there) return PutOutcome::kKept;
    if (options.condition == PutIf::kUnchanged &&
        (!there || std::to_string(found->second.version) != options.version))
      return PutOutcome::kKept;
    objects_[key] = {std::string(as_text(bytes)), ++versions_, time_};
    return PutOutcome::kStored;
  }

  std::atomic<uint64_t> time_{1'000'000};
  Mutex mutex_;
  std::map<std::string, Stored> objects_ GUARDED_BY(mutex_);
  uint64_t versions_ GUARDED_BY(mutex_) = 0;
};

}  // namespace thaw
