#include "lib/manifest/sequence_memory.h"

#include <charconv>

#include "lib/base/codec.h"
#include "lib/base/file.h"
#include "lib/crypto/hash.h"

namespace thaw {
namespace {

constexpr uint64_t kMaxFileBytes = 64;

// The name of the file says nothing of the image, and holds no "/".
std::string file_of(const NameRecord& record) {
  Encoder key;
  key.raw(record.store_id);
  key.text(record.tenant);
  key.text(record.name);
  key.text(record.tag);
  return sha256(key.bytes()).hex();
}

}  // namespace

Status SequenceMemory::check(const NameRecord& record, Rollback rollback) const {
  const std::string path = folder_ + "/" + file_of(record);
  uint64_t seen = 0;
  const auto text = read_file(path, kMaxFileBytes);
  if (text.ok()) {
    const std::string_view digits = as_text(text.value().view());
    std::from_chars(digits.data(), digits.data() + digits.size(), seen);
  } else if (text.error().code != Code::kNotFound) {
    return text.error();
  }
  if (record.sequence == seen) return {};
  if (record.sequence < seen && rollback == Rollback::kRefuse) {
    return Error{Code::kRefused,
                 "the name " + record.name + ":" + record.tag + " has sequence " +
                     std::to_string(record.sequence) + " in the store, but " + std::to_string(seen) +
                     " was seen before: an old record was put back; --allow-rollback accepts it"};
  }
  THAW_TRY(make_folders(folder_, 0700));
  return replace_file(path, as_bytes(std::to_string(record.sequence) + "\n"), 0600);
}

}  // namespace thaw
