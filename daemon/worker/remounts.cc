#include "daemon/worker/remounts.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "daemon/log/log.h"
#include "daemon/mounts/mount_state.h"
#include "daemon/mounts/namespaces.h"
#include "lib/base/one_line.h"

namespace thaw {
namespace {

std::string place_of(const MountRequest& request) {
  return request.target.empty() ? request.name : one_line(request.target);
}

bool is_away(const Error& error) { return error.code == Code::kUnreachable || error.code == Code::kTimedOut; }

// Its mount namespace has ended, with all that was mounted in it.
bool is_gone(const MountRequest& request) {
  return !request.target.empty() && !mount_namespace_of(request.pid).ok();
}

// One that cannot be told is no other.
bool in_same_namespace(pid_t one, pid_t other) {
  const auto first = mount_namespace_of(one);
  const auto second = mount_namespace_of(other);
  return !first.ok() || !second.ok() || first.value() == second.value();
}

}  // namespace

void Remounts::add(std::vector<MountRequest> earlier) {
  MutexLock lock(mutex_);
  for (MountRequest& request : earlier) waiting_.push_back({std::move(request), {}});
}

void Remounts::run(const MountAgain& mount) {
  Duration time = pace_.first;
  size_t failed = 0;  // since the last pause
  for (size_t left = waiting().size(); left > 0; left = waiting().size()) {
    if (failed >= left) {
      failed = 0;
      pause(time);
      time = std::min(2 * time, pace_.longest);
    }
    switch (try_first(mount)) {
      case Outcome::kDone:
        time = pace_.first;
        break;
      case Outcome::kAway:
        failed = left;
        break;
      case Outcome::kOther:
        ++failed;
        break;
    }
  }
}

Remounts::Outcome Remounts::try_first(const MountAgain& mount) {
  MountRequest request;
  {
    MutexLock lock(mutex_);
    if (waiting_.empty()) return Outcome::kDone;
    request = waiting_.front().request;
    trying_ = request.id;
  }
  if (is_gone(request)) {
    drop(request);
    return Outcome::kDone;
  }
  const Status mounted = mount(request);
  if (mounted.ok()) log_info("{} is mounted again on {}", request.name, place_of(request));
  MutexLock lock(mutex_);
  trying_.clear();
  tried_.notify_all();
  if (!mounted.ok()) {
    put_last(request.id, mounted.error());
    return is_away(mounted.error()) ? Outcome::kAway : Outcome::kOther;
  }
  waiting_.erase(find(request.id));
  return Outcome::kDone;
}

void Remounts::drop(const MountRequest& request) {
  log_info("{} was mounted on {} in a namespace that has ended", request.name, place_of(request));
  // As long as that fails, the next daemon sees it once more.
  const Status forgotten = records_.remove(mount_record_key(request.id));
  if (!forgotten.ok()) log_warn("{}", forgotten.error().message);
  MutexLock lock(mutex_);
  trying_.clear();
  tried_.notify_all();
  waiting_.erase(find(request.id));
}

// Another one's keys may be somewhere else.
void Remounts::put_last(const std::string& id, const Error& error) {
  const auto found = find(id);
  if (found->why != error.message) {
    log_error("{} cannot be mounted again on {} yet, and is tried again: {}", found->request.name,
              place_of(found->request), error.message);
  }
  found->why = error.message;
  std::rotate(found, std::next(found), waiting_.end());
}

Remounts::Line::iterator Remounts::find(const std::string& id) {
  return std::ranges::find_if(waiting_, [&id](const Waiting& one) { return one.request.id == id; });
}

void Remounts::pause(Duration time) {
  MutexLock lock(mutex_);
  if (!hurried_) hurry_.wait_for(mutex_, time);
  hurried_ = false;
}

void Remounts::hurry() {
  MutexLock lock(mutex_);
  hurried_ = true;
  hurry_.notify_all();
}

std::vector<Remounts::Waiting> Remounts::waiting() const {
  MutexLock lock(mutex_);
  return {waiting_.begin(), waiting_.end()};
}

Status Remounts::forget(const std::string& target, pid_t pid) {
  std::string id;
  for (const Waiting& one : waiting()) {
    const bool is_there = !target.empty() && one.request.target == target;
    if (one.request.id == target || (is_there && in_same_namespace(one.request.pid, pid)))
      id = one.request.id;
  }
  {
    MutexLock lock(mutex_);
    while (trying_ == id && !id.empty()) tried_.wait(mutex_);
    const auto found = find(id);
    if (found == waiting_.end())
      return Error{Code::kNotFound, target + ": nothing waits to be mounted there"};
    waiting_.erase(found);
  }
  return records_.remove(mount_record_key(id));
}

}  // namespace thaw
