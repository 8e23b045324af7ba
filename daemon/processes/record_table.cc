#include "daemon/processes/record_table.h"
#include "lib/json/json_text.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>

namespace thaw {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMaxFileBytes = 256 << 20;  // kMaxRecords of the largest messages

Result<uint64_t> size_of(const Fd& blob) {
  if (!blob.valid()) return uint64_t{0};
  struct stat info {};
  if (::fstat(blob.get(), &info) != 0) return system_error("memfd", errno);
  return static_cast<uint64_t>(info.st_size);
}

// What a worker's start, and a mount, need for a moment.
constexpr rlim_t kSpareFds = 32;

// A new descriptor has the lowest number that is free.
Status check_number(const Fd& fd) {
  rlimit limit{};
  if (!fd.valid() || ::getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
  if (static_cast<rlim_t>(fd.get()) + kSpareFds < limit.rlim_cur) return {};
  return Error{Code::kFailed, "the supervisor may have no more than " + std::to_string(limit.rlim_cur) +
                                  " open files, one for each image; unmount some, or start thawd with a "
                                  "higher limit (ulimit -n)"};
}

std::map<std::string, std::string> parse_saved(std::string_view text, const std::string& boot) {
  const Json json = read_json(text);
  std::map<std::string, std::string> saved;
  // Mounts of another boot are gone for good, and a file that was cut names none.
  if (!json.is_object() || json.value("boot_id", Json()) != boot) return saved;
  const auto records = json.find("records");
  if (records == json.end() || !records->is_object()) return saved;
  for (const auto& [key, value] : records->items()) {
    if (value.is_string()) saved.emplace(key, value.get<std::string>());
  }
  return saved;
}

}  // namespace

Result<std::string> boot_id() {
  const char* path = "/proc/sys/kernel/random/boot_id";
  const Fd fd(::open(path, O_RDONLY | O_CLOEXEC));
  std::array<char, 64> text{};
  const ssize_t n = fd.valid() ? ::read(fd.get(), text.data(), text.size()) : -1;
  if (n <= 1) return system_error(path, errno);
  return std::string(text.data(), static_cast<size_t>(n) - 1);
}

Result<RecordTable> RecordTable::load(const std::string& file) {
  THAW_ASSIGN(const std::string boot, boot_id());
  RecordTable table(file);
  const auto bytes = read_file(file, kMaxFileBytes);
  if (bytes.ok()) table.earlier_ = parse_saved(as_text(bytes->view()), boot);
  if (!bytes.ok() && bytes.error().code != Code::kNotFound) return bytes.error();
  return table;
}

Status RecordTable::check(const Record& record, uint64_t blob_bytes) const {
  if (record.key.empty() || record.key.size() > kMaxKeyBytes) {
    return Error{Code::kUsage, "a record's key has 1 to 256 bytes"};
  }
  if (records_.size() >= kMaxRecords && !records_.contains(record.key)) {
    return Error{Code::kFailed, "the supervisor keeps no more than 8192 records; unmount some images"};
  }
  if (blob_bytes > kMaxBlobBytes || blob_bytes_ + blob_bytes > kMaxBlobBytesInAll) {
    return Error{Code::kFailed, "the supervisor keeps no more than 4 GiB of opened images; unmount some"};
  }
  return records_.contains(record.key) ? Status{} : check_number(record.blob);
}

Status RecordTable::put(Record record, Keep keep) {
  THAW_ASSIGN(const uint64_t blob_bytes, size_of(record.blob));
  THAW_TRY(check(record, blob_bytes));
  const std::string key = record.key;
  const auto old = records_.find(key);
  const bool was_saved = old != records_.end() && old->second.keep == Keep::kSaved;
  if (old != records_.end()) blob_bytes_ -= old->second.blob_bytes;
  blob_bytes_ += blob_bytes;
  records_.insert_or_assign(key, Kept{std::move(record), keep, blob_bytes});
  if (keep == Keep::kSaved) earlier_.erase(key);
  return was_saved || keep == Keep::kSaved ? save() : Status{};
}

Status RecordTable::remove(const std::string& key) {
  const auto found = records_.find(key);
  if (found == records_.end()) return earlier_.erase(key) != 0 || unsaved_ ? save() : Status{};
  const bool was_saved = found->second.keep == Keep::kSaved;
  blob_bytes_ -= found->second.blob_bytes;
  records_.erase(found);
  return was_saved ? save() : Status{};
}

Status RecordTable::clear() {
  records_.clear();
  earlier_.clear();
  blob_bytes_ = 0;
  if (::unlink(file_.c_str()) != 0 && errno != ENOENT) return system_error(file_, errno);
  unsaved_ = false;
  return {};
}

Status RecordTable::save() {
  unsaved_ = true;
  THAW_ASSIGN(const std::string boot, boot_id());
  Json saved = Json::object();
  for (const auto& [key, value] : earlier_) saved[key] = value;
  for (const auto& [key, kept] : records_) {
    if (kept.keep == Keep::kSaved) saved[key] = kept.record.value;
  }
  const Status kept = replace_file(file_, as_bytes(Json{{"boot_id", boot}, {"records", saved}}.dump()), 0600);
  if (!kept.ok()) {
    return Error{kept.error().code,
                 kept.error().message + "; thawd must be able to write into its state_dir"};
  }
  unsaved_ = false;
  return {};
}

}  // namespace thaw
