#include "daemon/mounts/mount_table.h"

#include <chrono>

#include "daemon/log/log.h"
#include "daemon/mounts/loop_device.h"
#include "daemon/mounts/mount_claim.h"
#include "daemon/mounts/mount_id.h"
#include "daemon/mounts/mount_info.h"
#include "daemon/mounts/namespaces.h"
#include "daemon/mounts/take_down.h"
#include "lib/base/real_path.h"

namespace thaw {
namespace {

constexpr size_t kMaxKeyBytes = 128;
constexpr size_t kMaxTextBytes = 4096;
constexpr std::string_view kImagePrefix = "image/";

std::string image_record_key(const std::string& key) { return std::string(kImagePrefix) + key; }

bool is_key(std::string_view text) {
  constexpr std::string_view kAllowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  return !text.empty() && text.size() <= kMaxKeyBytes && text.front() != '.' &&
         text.find_first_not_of(kAllowed) == std::string_view::npos;
}

// False also when that cannot be told.
bool is_mounted(const std::string& folder) {
  const auto mounts = read_mount_info();
  return mounts.ok() && mounted_on(mounts.value(), folder) != nullptr;
}

MountTableOptions with_real_path(MountTableOptions options) {
  options.run_dir = without_links(options.run_dir);
  options.own.paths.push_back(fuse_folder(options.run_dir));
  options.own.paths.push_back(mount_folder(options.run_dir));
  return options;
}

void warn(const Status& status) {
  if (!status.ok()) log_warn("{}", status.error().message);
}

}  // namespace

MountTable::MountTable(const Parts& parts, MountTableOptions options)
    : parts_(parts), options_(with_real_path(std::move(options))), linger_(options_.linger) {}

Status MountTable::restore(const std::vector<Record>& records) {
  for (const Record& record : records) {
    if (!record.key.starts_with(kImagePrefix)) continue;
    THAW_ASSIGN(const Buffer bytes, read_blob(record.blob));
    const std::string key = record.key.substr(kImagePrefix.size());
    THAW_TRY(parts_.host.show(key, bytes.view()));
    MutexLock lock(mutex_);
    Image& image = images_[key];
    image.key = key;
    image.shown = true;
    image.idle_since = parts_.clock.now();
  }
  for (const Record& record : records) {
    if (!is_mount_record(record.key)) continue;
    THAW_ASSIGN(MountState state, mount_from_record(record.value));
    MutexLock lock(mutex_);
    const auto image = images_.find(state.key);
    if (image == images_.end())
      return Error{Code::kDamaged, "mount " + state.id + " is recorded without its image"};
    ++image->second.mounts;
    mounts_.insert_or_assign(state.id, std::move(state));
  }
  return {};
}

void MountTable::settle() {
  for (const std::string& key : image_keys()) settle_image(key);
  follow_mounts();
}

void MountTable::settle_image(const std::string& key) {
  Claim claim(*this, key);
  bool has_target = false;
  for (const MountState& state : states())
    has_target = has_target || (state.key == key && !state.target.empty());
  // Also waits for a helper that the dead worker started.
  if (has_target) warn(attach(claim.image()));
  for (const MountState& state : states()) {
    if (state.key != key || state.phase == MountPhase::kDone) continue;
    log_info("mount {} was begun by a worker that died: undone", state.id);
    if (!state.target.empty()) warn(unbind(claim.image(), state, Unmount::kLazy));
    warn(parts_.records.remove(mount_record_key(state.id)));
    erase(claim.image(), state.id);
  }
}

bool MountTable::shows(const std::string& key) const {
  MutexLock lock(mutex_);
  const auto image = images_.find(key);
  return image != images_.end() && image->second.shown && !image->second.claimed;
}

Status MountTable::check(const MountRequest& request) const {
  if (!is_key(request.key)) return Error{Code::kUsage, "an image cannot be called \"" + request.key + "\""};
  if (request.reopen.size() > kMaxTextBytes || request.target.size() > kMaxTextBytes) {
    return Error{Code::kUsage, "mount " + request.name + ": the request is too long"};
  }
  if (!request.target.empty())
    THAW_TRY(require_foreign(request.target, own_paths_for(request.pid, options_.own)));
  MutexLock lock(mutex_);
  if (stopping_) return Error{Code::kRefused, "mount " + request.name + ": the daemon is shutting down"};
  if (mounts_.size() >= kMaxMounts || (images_.size() >= kMaxImages && !images_.contains(request.key))) {
    return Error{Code::kFailed, "mount " + request.name + ": there are too many mounts; unmount some"};
  }
  return {};
}

Result<Mount> MountTable::mount(const MountRequest& request, ByteView image) {
  THAW_TRY(check(request));
  Claim claim(*this, request.key);
  auto mounted = mount_claimed(claim.image(), request, image);
  // A failure leaves nothing behind that was not there before.
  if (!mounted.ok() && claim.image().shown && claim.image().mounts == 0) release(claim.image());
  return mounted;
}

Result<Mount> MountTable::mount_claimed(Image& image, const MountRequest& request, ByteView bytes) {
  if (const auto there = state_of(request.id)) return same_mount(*there, request);
  THAW_TRY(show(image, bytes));
  MountState state;
  state.id = request.id.empty() ? new_mount_id() : request.id;
  state.key = request.key;
  state.manifest = request.manifest;
  state.name = request.name;
  state.target = request.target;
  state.reopen = request.reopen;
  state.pid = request.pid;
  if (!state.target.empty()) {
    const Status bound = bind(image, state);
    if (!bound.ok()) {
      warn(parts_.records.remove(mount_record_key(state.id)));
      return bound.error();
    }
  }
  state.phase = MountPhase::kDone;
  const Status kept = parts_.records.put({mount_record_key(state.id), to_record(state), {}}, Keep::kSaved);
  if (!kept.ok()) {
    if (!state.target.empty()) warn(unbind(image, state, Unmount::kLazy));
    warn(parts_.records.remove(mount_record_key(state.id)));
    return Error{kept.error().code, "mount " + request.name + ": " + kept.error().message};
  }
  insert(image, state);
  MutexLock lock(mutex_);
  return describe(state);
}

Result<Mount> MountTable::same_mount(const MountState& there, const MountRequest& request) const {
  const auto mount_namespace = mount_namespace_of(request.pid);
  const bool same_place =
      there.target == request.target &&
      (there.target.empty() || (mount_namespace.ok() && mount_namespace.value() == there.mount_namespace));
  if (there.key != request.key || !same_place)
    return Error{Code::kUsage, "mount " + request.name + ": another mount has the id " + request.id};
  MutexLock lock(mutex_);
  return describe(there);
}

Status MountTable::show(Image& image, ByteView bytes) {
  if (image.shown) return {};
  if (bytes.empty()) return Error{Code::kFailed, "image " + image.key + " is not shown any more; try again"};
  THAW_ASSIGN(Fd blob, make_blob(bytes));
  THAW_TRY(parts_.records.put({image_record_key(image.key), "", std::move(blob)}, Keep::kInMemory));
  Status shown = parts_.host.show(image.key, bytes);
  if (!shown.ok()) {
    warn(parts_.records.remove(image_record_key(image.key)));
    return shown;
  }
  MutexLock lock(mutex_);
  image.shown = true;
  return {};
}

Status MountTable::attach(Image& image) {
  THAW_ASSIGN(AttachedImage attached, parts_.helpers.attach(attach_request(image.key)));
  if (!attached.direct_io) {
    log_warn("{} reads {} without direct I/O: cold reads are slower", attached.path, image.key);
  }
  MutexLock lock(mutex_);
  image.attached = std::move(attached);
  return {};
}

Status MountTable::bind(Image& image, MountState& state) {
  THAW_ASSIGN(state.mount_namespace, mount_namespace_of(state.pid));
  THAW_TRY(parts_.records.put({mount_record_key(state.id), to_record(state), {}}, Keep::kInMemory));
  const std::string folder = attach_request(image.key).folder;
  // An image without mounts may be half gone, if a worker died over it: the helper looks.
  if (!image.attached || image.mounts == 0 || !is_mounted(folder)) THAW_TRY(attach(image));
  THAW_ASSIGN(BoundImage bound,
              parts_.helpers.bind({folder, state.target, state.pid, own_paths_for(state.pid, options_.own)}));
  state.mount_namespace = bound.mount_namespace;
  state.target = std::move(bound.target);
  return {};
}

Status MountTable::unbind(const Image& image, const MountState& state, Unmount how) {
  if (!image.attached) return {};
  return parts_.helpers.unbind({attach_request(image.key).folder, state.target, image.attached->device,
                                state.mount_namespace, state.pid, how});
}

// Also where it is since a moment ago, after a folder above it was renamed.
std::optional<MountState> MountTable::find_now(const UmountRequest& request) {
  std::optional<MountState> found = find(request);
  if (found) return found;
  follow_mounts();
  return find(request);
}

Status MountTable::umount(const UmountRequest& request) {
  const std::optional<MountState> found = find_now(request);
  if (!found) return Error{Code::kNotFound, "umount " + request.target + ": no such mount; see 'thaw ps'"};
  Claim claim(*this, found->key);
  std::optional<MountState> state = state_of(found->id);
  if (!state) return Error{Code::kNotFound, "umount " + request.target + ": it is gone"};
  // It may have moved since the last sweep.
  state->target = place_of(*state).value_or(state->target);
  if (!state->target.empty()) THAW_TRY(unbind(claim.image(), *state, request.how));
  const Status forgotten = parts_.records.remove(mount_record_key(state->id));
  if (!forgotten.ok()) {
    const std::string what = "umount " + request.target + ": unmounted, but a restart mounts it again: ";
    return Error{forgotten.error().code, what + forgotten.error().message};
  }
  erase(claim.image(), state->id);
  return {};
}

void MountTable::release(Image& image) {
  const Status detached = parts_.helpers.detach(attach_request(image.key));
  if (!detached.ok()) {
    warn(detached);
    MutexLock lock(mutex_);
    image.idle_since = parts_.clock.now();
    return;
  }
  warn(parts_.records.remove(image_record_key(image.key)));
  parts_.host.hide(image.key);
  MutexLock lock(mutex_);
  image.attached.reset();
  image.shown = false;
}

void MountTable::stop() {
  MutexLock lock(mutex_);
  stopping_ = true;
  changed_.notify_all();
}

void MountTable::insert(Image& image, const MountState& state) {
  MutexLock lock(mutex_);
  mounts_.insert_or_assign(state.id, state);
  ++image.mounts;
}

void MountTable::erase(Image& image, const std::string& id) {
  MutexLock lock(mutex_);
  if (mounts_.erase(id) == 0) return;
  if (--image.mounts == 0) image.idle_since = parts_.clock.now();
}

std::optional<MountState> MountTable::state_of(const std::string& id) const {
  MutexLock lock(mutex_);
  const auto found = mounts_.find(id);
  return found == mounts_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<MountState> MountTable::find(const UmountRequest& request) const {
  const auto mount_namespace = mount_namespace_of(request.pid);
  std::optional<MountState> elsewhere;
  MutexLock lock(mutex_);
  for (const auto& [id, state] : mounts_) {
    if (id == request.target) return state;
    if (state.target.empty() || state.target != request.target) continue;
    if (mount_namespace.ok() && state.mount_namespace == mount_namespace.value()) return state;
    elsewhere = state;
  }
  return elsewhere;
}

Result<Mount> MountTable::look_up(const std::string& target, pid_t pid) {
  const std::optional<MountState> found = find_now({target, pid});
  if (!found) return Error{Code::kNotFound, target + ": no such mount; see 'thaw ps'"};
  MutexLock lock(mutex_);
  return describe(*found);
}

std::vector<MountState> MountTable::states() const {
  std::vector<MountState> all;
  MutexLock lock(mutex_);
  for (const auto& [id, state] : mounts_) all.push_back(state);
  return all;
}

std::vector<std::string> MountTable::image_keys() const {
  std::vector<std::string> keys;
  MutexLock lock(mutex_);
  for (const auto& [key, image] : images_) keys.push_back(key);
  return keys;
}

std::vector<Mount> MountTable::list() const {
  std::vector<Mount> all;
  MutexLock lock(mutex_);
  for (const auto& [id, state] : mounts_) all.push_back(describe(state));
  return all;
}

Mount MountTable::describe(const MountState& state) const {
  Mount mount{state.id, state.key,    state.manifest, state.name, attach_request(state.key).file,
              "",       state.target, state.reopen,   false};
  const auto image = images_.find(state.key);
  if (image != images_.end() && image->second.attached && !state.target.empty()) {
    mount.device = image->second.attached->path;
    mount.direct_io = image->second.attached->direct_io;
  }
  return mount;
}

AttachRequest MountTable::attach_request(const std::string& key) const {
  return {fuse_folder(options_.run_dir) + "/" + key, mount_folder(options_.run_dir) + "/" + key,
          options_.read_ahead_kb};
}

}  // namespace thaw
