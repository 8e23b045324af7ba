#include "lib/store/names.h"

#include <algorithm>
#include <optional>

namespace thaw {
namespace {

// More writers than this at one name, each time just before us, is a fault and no contention.
constexpr int kMaxAttempts = 64;
constexpr size_t kMaxNames = 1'000'000;
constexpr size_t kPage = 1000;

}  // namespace

// What stands under a name: a record, nothing, or something damaged (`record` and `missing` both unset).
struct Names::Stored {
  Identifier store_id;
  bool missing = false;
  std::optional<NameRecord> record;
  std::string version;
};

Result<Names::Stored> Names::read(const ImageName& image) {
  Stored stored;
  THAW_ASSIGN(stored.store_id, catalog_.store_id());
  const Result<Object> object = catalog_.read(name_key(tenant_, image.name, image.tag), kMaxNameRecordBytes);
  if (!object.ok() && object.error().code == Code::kNotFound) {
    stored.missing = true;
    return stored;
  }
  if (!object.ok()) return object.error();
  stored.version = object->version;
  Result<NameRecord> record =
      parse_name_record(object->bytes.view(), {stored.store_id, tenant_, image.name, image.tag}, trusted_);
  if (record.ok()) {
    stored.record = std::move(record).value();
  } else if (record.error().code != Code::kDamaged) {
    return record.error();
  }
  return stored;
}

Error Names::not_found(const ImageName& image) const {
  return Error{Code::kNotFound, image.name + ":" + image.tag + ": tenant " + tenant_ +
                                    " has no such image; see 'thaw images'"};
}

Result<NameRecord> Names::find_any(const ImageName& image) {
  Result<Stored> stored = read(image);
  if (!stored.ok()) return std::move(stored).error();
  if (stored->missing) return not_found(image);
  if (!stored->record) {
    return Error{Code::kDamaged,
                 "the name record of " + image.name + ":" + image.tag + " is damaged; build the image again"};
  }
  return *stored->record;
}

Result<NameRecord> Names::find(const ImageName& image) {
  THAW_ASSIGN(NameRecord record, find_any(image));
  if (record.state == NameState::kRemoved) return not_found(image);
  return record;
}

NameRecord Names::blank(const Identifier& store_id, const ImageName& image) const {
  NameRecord record;
  record.store_id = store_id;
  record.tenant = tenant_;
  record.name = image.name;
  record.tag = image.tag;
  return record;
}

// One attempt; a record with sequence 0 when somebody else wrote meanwhile.
Result<NameRecord> Names::replace(const Stored& stored, NameRecord next, BuilderKeys& keys,
                                  uint64_t now_seconds) {
  next.time = now_seconds;
  if (stored.record) {
    next.sequence = stored.record->sequence + 1;
  } else {
    // A damaged record has lost its sequence. Workers remember the highest, so the new one must lie above any
    // that was counted: the seconds since 1970 do.
    next.sequence = stored.missing ? 1 : std::max<uint64_t>(now_seconds, 1);
  }
  // A store that was set back, or lost the record, makes no sequence come twice.
  if (seen_ != nullptr) {
    THAW_ASSIGN(const uint64_t seen, seen_->prepare(next));
    next.sequence = std::max(next.sequence, seen + 1);
  }
  THAW_ASSIGN(const Bytes bytes, sign_name_record(next, keys));
  PutOptions options;
  options.condition = stored.missing ? PutIf::kAbsent : PutIf::kUnchanged;
  options.version = stored.version;
  THAW_ASSIGN(const PutOutcome outcome,
              catalog_.write(name_key(tenant_, next.name, next.tag), bytes, options));
  if (outcome == PutOutcome::kKept) {
    next.sequence = 0;
  } else if (seen_ != nullptr) {
    THAW_TRY(seen_->raise(next));
  }
  return next;
}

// After a write was refused because it would replace something else than `stored`.
Error Names::lost_race(const ImageName& image, const Stored& stored) {
  const std::string name = image.name + ":" + image.tag;
  const Result<Stored> now = read(image);
  if (!now.ok()) return now.error();
  if (now->missing || now->version != stored.version)
    return Error{Code::kFailed, name + ": others keep naming it; try again"};
  return Error{Code::kFailed,
               name +
                   ": the store does not replace it, though nobody else did: its conditions (If-Match) do "
                   "not work, as in a bucket of Ceph 16 with versions"};
}

Result<NameRecord> Names::point(const ImageName& image, const Digest& manifest, BuilderKeys& keys,
                                uint64_t now_seconds) {
  NameRecord next;
  Stored stored;
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    THAW_ASSIGN(stored, read(image));
    next = blank(stored.store_id, image);
    next.manifest = manifest;
    THAW_ASSIGN(next, replace(stored, next, keys, now_seconds));
    if (next.sequence != 0) return next;
  }
  return lost_race(image, stored);
}

Result<NameRecord> Names::remove(const ImageName& image, BuilderKeys& keys, uint64_t now_seconds) {
  NameRecord next;
  Stored stored;
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    THAW_ASSIGN(stored, read(image));
    const bool gone = stored.missing || (stored.record && stored.record->state == NameState::kRemoved);
    if (gone) return not_found(image);
    next = blank(stored.store_id, image);
    next.state = NameState::kRemoved;
    THAW_ASSIGN(next, replace(stored, next, keys, now_seconds));
    if (next.sequence != 0) return next;
  }
  return lost_race(image, stored);
}

Result<std::vector<ListedImage>> Names::list() {
  std::vector<ListedImage> images;
  ListOptions options;
  options.prefix = images_folder(tenant_);
  options.limit = kPage;
  for (size_t listed = kPage; listed == kPage && images.size() < kMaxNames;) {
    THAW_ASSIGN(const std::vector<ListedObject> page, catalog_.list(options));
    listed = page.size();
    for (const ListedObject& object : page) {
      options.start_after = object.key;
      const auto named = parse_name_key(tenant_, object.key);
      if (!named) continue;
      Result<NameRecord> record = find({named->name, named->tag, {}});
      if (!record.ok() && record.error().code == Code::kNotFound) continue;
      images.push_back({named->name, named->tag, std::move(record)});
    }
  }
  return images;
}

}  // namespace thaw
