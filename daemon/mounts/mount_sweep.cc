// MountTable's sweeper: mounts that ended or moved without us, and images that nobody uses any more.

#include <algorithm>
#include <chrono>
#include <unordered_map>
#include <unordered_set>

#include "daemon/log/log.h"
#include "daemon/mounts/mount_claim.h"
#include "daemon/mounts/mount_info.h"
#include "daemon/mounts/mount_table.h"
#include "daemon/mounts/namespaces.h"
#include "lib/base/one_line.h"

namespace thaw {
namespace {

constexpr std::chrono::seconds kSweepInterval{1};

// What is mounted where, each namespace read once: thousands of mounts are looked at each second.
class SeenMounts {
 public:
  // False also where that cannot be told.
  bool has(const MountState& state, const std::string& device) {
    const auto [seen, fresh] = by_namespace_.try_emplace(state.mount_namespace);
    if (fresh) seen->second = read(state);
    return seen->second.contains(place(state.target, device));
  }

 private:
  using Places = std::unordered_set<std::string>;

  static std::string place(const std::string& folder, const std::string& device) {
    return device + " " + folder;
  }

  static Places read(const MountState& state) {
    Places places;
    const auto member = member_of(state.mount_namespace, state.pid);
    if (!member.ok()) return places;
    const auto mounts = read_mount_info(std::to_string(member.value()));
    if (!mounts.ok()) return places;
    for (const MountEntry& mount : mounts.value()) places.insert(place(mount.mountpoint, mount.device));
    return places;
  }

  std::unordered_map<uint64_t, Places> by_namespace_;
};

}  // namespace

void MountTable::run_sweeper() {
  for (;;) {
    {
      MutexLock lock(mutex_);
      if (!stopping_) changed_.wait_for(mutex_, kSweepInterval);
      if (stopping_) return;
    }
    sweep();
  }
}

void MountTable::sweep() {
  follow_mounts();
  release_idle();
}

void MountTable::follow_mounts() {
  const std::vector<MountState> all = states();
  SeenMounts now;
  for (const MountState& seen : all) {
    const std::string device = device_of(seen);
    if (seen.target.empty() || (!device.empty() && now.has(seen, device))) continue;
    Claim claim(*this, seen.key);
    // Again: now nobody mounts this image elsewhere, or moves or unmounts this mount, at the same time.
    const std::optional<MountState> state = state_of(seen.id);
    if (!state) continue;
    const std::optional<std::string> place = place_of(*state);
    if (!place) {
      drop(claim.image(), *state);
    } else if (*place != state->target) {
      move(*state, *place);
    }
  }
}

std::string MountTable::device_of(const MountState& state) const {
  MutexLock lock(mutex_);
  const auto image = images_.find(state.key);
  return image == images_.end() || !image->second.attached ? "" : image->second.attached->device;
}

std::optional<std::string> MountTable::place_of(const MountState& state) const {
  if (state.target.empty()) return state.target;
  const auto member = member_of(state.mount_namespace, state.pid);
  if (!member.ok()) return std::nullopt;
  const auto mounts = read_mount_info(std::to_string(member.value()));
  if (!mounts.ok()) return state.target;
  const std::string device = device_of(state);
  if (device.empty() || has_mount(mounts.value(), state.target, device)) return state.target;
  MutexLock lock(mutex_);
  for (const MountEntry& mount : mounts.value()) {
    if (mount.device == device && !is_accounted_for(mount.mountpoint, state.mount_namespace))
      return mount.mountpoint;
  }
  return std::nullopt;
}

// Whether a mount there is another one that we know, or our own.
bool MountTable::is_accounted_for(const std::string& folder, uint64_t mount_namespace) const {
  if (folder.starts_with(options_.run_dir + "/")) return true;
  return std::ranges::any_of(mounts_, [&](const auto& known) {
    return known.second.mount_namespace == mount_namespace && known.second.target == folder;
  });
}

void MountTable::drop(Image& image, const MountState& state) {
  // As long as that fails, a restart would mount it again: the next sweep tries once more.
  const Status forgotten = parts_.records.remove(mount_record_key(state.id));
  if (!forgotten.ok()) return;
  log_info("mount {} of {} on {} has ended without 'thaw umount'", state.id, state.name,
           one_line(state.target));
  erase(image, state.id);
}

void MountTable::move(MountState state, const std::string& place) {
  log_info("mount {} of {} on {} is on {} now", state.id, state.name, one_line(state.target),
           one_line(place));
  state.target = place;
  // The supervisor has it in any case, and writes it with the next record that can be written.
  const Status kept = parts_.records.put({mount_record_key(state.id), to_record(state), {}}, Keep::kSaved);
  if (!kept.ok()) log_warn("mount {}: {}", state.id, kept.error().message);
  MutexLock lock(mutex_);
  mounts_.insert_or_assign(state.id, std::move(state));
}

void MountTable::release_idle() {
  for (const std::string& key : image_keys()) {
    Claim claim(*this, key);
    Image& image = claim.image();
    if (image.shown && image.mounts == 0 && parts_.clock.now() - image.idle_since >= linger_.load())
      release(image);
  }
}

}  // namespace thaw
