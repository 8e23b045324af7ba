// ObjectReader, ObjectWriter: the object store behind Thaw, whatever engine it is (a directory, an S3
// bucket).
//
// Keys are relative paths ("roots/1/chunks/ab/abcd…"). No call blocks: `done` runs later on any thread, or
// inside the call when the answer is known. Contents are not trusted by anybody: callers verify what they
// get. Errors: kNotFound (no such object), kUnreachable and kTimedOut (transport: worth a retry), kRefused,
// kFailed.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "lib/base/buffer.h"
#include "lib/base/clock.h"
#include "lib/base/completion.h"

namespace thaw {

struct GetOptions {
  uint64_t max_bytes = 0;  // a larger object is kDamaged, before it is allocated
  TimePoint deadline = TimePoint::max();
  std::stop_token stop;
};

struct Object {
  Buffer bytes;
  std::string version;  // opaque; for PutOptions::if_version
};

struct ListOptions {
  std::string prefix;       // a folder with its "/"
  std::string start_after;  // a key; exclusive
  size_t limit = 1000;
};

struct ListedObject {
  std::string key;
  uint64_t size = 0;
  uint64_t modified = 0;  // when it was last put, by the store's own clock: seconds since 1970; 0: not told
};

class ObjectReader {
 public:
  virtual ~ObjectReader() = default;
  virtual void get(const std::string& key, const GetOptions& options, Completion<Object> done) = 0;
  virtual void size_of(const std::string& key, Completion<uint64_t> done) = 0;
  // Ascending by key, all levels below the prefix; fewer than `limit` means that there are no more.
  virtual void list(const ListOptions& options, Completion<std::vector<ListedObject>> done) = 0;
};

enum class PutIf : uint8_t {
  kAlways,     // replaces
  kAbsent,     // keeps what is there (PutOutcome::kKept)
  kUnchanged,  // replaces only what has PutOptions::version (else PutOutcome::kKept)
};

// When a stored object outlives a power loss.
enum class Durability : uint8_t {
  kNow,       // once `done` says kStored
  kWithSync,  // once ObjectWriter::sync of its folder is done; it is never seen with wrong bytes before
};

struct PutOptions {
  PutIf condition = PutIf::kAlways;
  std::string version;
  Durability durability = Durability::kNow;
};

enum class PutOutcome : uint8_t { kStored, kKept };

class ObjectWriter {
 public:
  virtual ~ObjectWriter() = default;
  // `bytes` must live until `done` runs.
  virtual void put(const std::string& key, ByteView bytes, const PutOptions& options,
                   Completion<PutOutcome> done) = 0;
  // Removing what is not there is no error.
  virtual void remove(const std::string& key, Completion<bool> done) = 0;
  // Makes durable all that is found below `prefix` (a folder with its "/"), whoever put it there.
  virtual void sync(const std::string& prefix, Completion<bool> done) = 0;
};

inline constexpr size_t kMaxRemovedAtOnce = 1000;

// What a store does for many objects, or without their bytes passing through here.
class ObjectMover {
 public:
  virtual ~ObjectMover() = default;
  // `to` gets what `from` has, if that is `version` still: for objects whose name fixes their bytes. kKept:
  // it is not, or the store does not copy by itself; then nothing was written.
  virtual void copy(const std::string& from, const std::string& version, const std::string& to,
                    Completion<PutOutcome> done) = 0;
  // At most kMaxRemovedAtOnce. An error may leave some of them removed.
  virtual void remove_all(std::vector<std::string> keys, Completion<bool> done) = 0;
};

class ObjectStore : public ObjectReader, public ObjectWriter, public ObjectMover {};

}  // namespace thaw
