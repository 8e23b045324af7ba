#include "lib/collect/alarms.h"

#include "lib/collect/update_root.h"

namespace thaw {

Result<std::vector<Alarm>> read_alarms(CollectRoom& room, const RootId& root) {
  std::vector<Alarm> alarms;
  const std::string folder = alarm_folder(root);
  THAW_TRY(room.catalog.for_each(folder, [&](const ListedObject& object) -> Status {
    const Identifier holder =
        Identifier::from_hex(std::string_view(object.key).substr(folder.size())).value_or(Identifier{});
    const Result<Object> stored = room.catalog.read(object.key, kMaxDocumentBytes);
    if (!stored.ok() && stored.error().code == Code::kNotFound) return {};
    if (!stored.ok() && stored.error().code != Code::kDamaged) return stored.error();
    Result<Alarm> alarm =
        stored.ok() ? parse_alarm(stored->bytes.view(), root, holder) : Result<Alarm>(stored.error());
    alarms.push_back(alarm.ok() ? std::move(alarm).value()
                                : Alarm{root, holder, object.key + " cannot be read"});
    return {};
  }));
  return alarms;
}

Status refuse_alarms(CollectRoom& room, const RootId& root) {
  THAW_ASSIGN(const std::vector<Alarm> alarms, read_alarms(room, root));
  if (alarms.empty()) return {};
  const std::string count = alarms.size() == 1 ? "an alarm" : std::to_string(alarms.size()) + " alarms";
  return Error{Code::kRefused, "root " + root + " has " + count + ": " + alarms.front().why +
                                   "; find out why it is still used, then 'thaw roots clear-alarm " + root +
                                   " --reason TEXT'"};
}

Result<size_t> clear_alarms(CollectRoom& room, const RootId& root, const std::string& reason) {
  if (reason.empty()) return Error{Code::kUsage, "say why the alarm is of no account: --reason TEXT"};
  const Result<StoredRoot> known = read_known(room, root);
  if (!known.ok() && known.error().code == Code::kNotFound) return known.error();
  THAW_ASSIGN(const std::vector<Alarm> alarms, read_alarms(room, root));
  if (alarms.empty()) return Error{Code::kNotFound, "root " + root + " has no alarm"};
  THAW_ASSIGN(const Root cleared, update_root(room, root, [&](Root& kept) { kept.cleared = reason; }));
  (void)cleared;
  const std::string folder = alarm_folder(root);
  THAW_TRY(room.catalog.for_each(folder, [&](const ListedObject& object) -> Status {
    THAW_ASSIGN(const bool removed, room.catalog.remove(object.key));
    (void)removed;
    return {};
  }));
  return alarms.size();
}

}  // namespace thaw
