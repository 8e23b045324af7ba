#include "lib/manifest/sequence_memory.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "lib/base/file.h"
#include "lib/crypto/hash.h"
#include "lib/manifest/wire.h"

namespace thaw {
namespace {

constexpr std::string_view kSeenMagic = "THAWSEEN";
constexpr uint64_t kMaxFileBytes = 128;

// Hashed, because a name may hold "/" and may be longer than a file name.
std::string file_of(const NameRecord& record) {
  WireWriter place;
  place.bytes(record.store_id.view());
  place.text16(record.tenant);
  place.text16(record.name);
  place.text16(record.tag);
  return sha256(place.view()).hex();
}

Result<uint64_t> read_sequence(const std::string& path) {
  Result<Buffer> stored = read_file(path, kMaxFileBytes);
  if (!stored.ok() && stored.error().code == Code::kNotFound) return uint64_t{0};
  if (!stored.ok()) return std::move(stored).error();
  WireReader in(stored.value().view());
  in.expect(as_bytes(kSeenMagic));
  const uint64_t sequence = in.u64();
  in.expect_checksum();
  if (!in.finished()) {
    return Error{Code::kDamaged,
                 path + ": the remembered sequence is damaged; remove the file to start anew"};
  }
  return sequence;
}

Status write_sequence(const std::string& path, uint64_t sequence) {
  WireWriter out;
  out.bytes(as_bytes(kSeenMagic));
  out.u64(sequence);
  out.checksum();
  return replace_file(path, out.view(), 0600);
}

}  // namespace

Result<Fd> SequenceMemory::lock() const {
  THAW_TRY(make_folders(folder_, 0700));
  Fd lock(::open((folder_ + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock.valid() || ::flock(lock.get(), LOCK_EX) != 0) return system_error(folder_ + "/lock", errno);
  return lock;
}

Status SequenceMemory::check(const NameRecord& record, Rollback rollback) {
  THAW_ASSIGN(const Fd held, lock());
  const std::string path = folder_ + "/" + file_of(record);
  THAW_ASSIGN(const uint64_t seen, read_sequence(path));
  if (record.sequence == seen) return {};
  if (record.sequence < seen && rollback == Rollback::kRefuse) {
    return Error{Code::kRefused, record.name + ":" + record.tag + " has sequence " +
                                     std::to_string(record.sequence) + " in the store, but " +
                                     std::to_string(seen) +
                                     " was seen before: the store was set back; --allow-rollback takes it"};
  }
  return write_sequence(path, record.sequence);
}

Result<uint64_t> SequenceMemory::prepare(const NameRecord& record) {
  THAW_ASSIGN(const Fd held, lock());
  const std::string path = folder_ + "/" + file_of(record);
  THAW_ASSIGN(const uint64_t seen, read_sequence(path));
  THAW_TRY(write_sequence(path, seen));
  return seen;
}

Status SequenceMemory::raise(const NameRecord& record) {
  THAW_ASSIGN(const Fd held, lock());
  const std::string path = folder_ + "/" + file_of(record);
  THAW_ASSIGN(const uint64_t seen, read_sequence(path));
  return record.sequence > seen ? write_sequence(path, record.sequence) : Status();
}

}  // namespace thaw
