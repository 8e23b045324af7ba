#include "lib/collect/store_time.h"

namespace thaw {
namespace {

constexpr const char* kClockFolder = "collector/";

}  // namespace

Result<uint64_t> store_time(Catalog& catalog) {
  const std::string key = kClockFolder + std::string("clock");
  const std::string text = Identifier::random().hex() + "\n";
  THAW_ASSIGN(const PutOutcome outcome, catalog.write(key, as_bytes(text), {}));
  (void)outcome;
  THAW_ASSIGN(const std::vector<ListedObject> listed, catalog.list({kClockFolder, "", 10}));
  for (const ListedObject& object : listed) {
    if (object.key == key && object.modified != 0) return object.modified;
  }
  return Error{Code::kFailed,
               "the store does not say when an object was put; nothing is collected without that"};
}

bool is_older_than(const ListedObject& object, uint64_t now, uint64_t seconds) {
  return object.modified != 0 && now > object.modified && now - object.modified > seconds;
}

}  // namespace thaw
