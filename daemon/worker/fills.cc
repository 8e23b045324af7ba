#include "daemon/worker/fills.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "lib/image/fetch_counts.h"
#include "lib/json/json_text.h"

namespace thaw {

bool Fills::wanted_by(const std::string& reopen) {
  const auto request = read_json(reopen);
  return request.is_object() && request.value("fill", false);
}

void Fills::refresh() {
  {
    MutexLock lock(mutex_);
    again_ = true;
    if (std::exchange(refreshing_, true)) return;
  }
  for (;;) {
    {
      MutexLock lock(mutex_);
      if (!std::exchange(again_, false)) {
        refreshing_ = false;
        return;
      }
    }
    apply(wanted());
  }
}

Fills::Wanted Fills::wanted() const {
  Wanted wanted;
  for (const Mount& mount : parts_.mounts.list()) {
    if (wanted_by(mount.reopen)) wanted.emplace(mount.key, mount.name);
  }
  return wanted;
}

void Fills::apply(const Wanted& wanted) {
  Wanted fresh;
  {
    MutexLock lock(mutex_);
    for (auto fill = fills_.begin(); fill != fills_.end();) {
      if (wanted.contains(fill->first)) {
        ++fill;
        continue;
      }
      fill->second->stop();
      fill = fills_.erase(fill);
    }
    for (const auto& [key, name] : wanted) {
      if (!fills_.contains(key)) fresh.emplace(key, name);
    }
  }
  for (const auto& [key, name] : fresh) {
    auto fill = begin(key, name);
    if (!fill) continue;
    MutexLock lock(mutex_);
    fills_.emplace(key, std::move(fill));
  }
}

std::shared_ptr<ImageFill> Fills::begin(const std::string& key, const std::string& name) {
  const auto image = parts_.images.contents(key);
  if (!image) return nullptr;
  ImageCounters& counters = parts_.counters.image(image->manifest);
  ImageFill::Plan plan;
  plan.image = name;
  plan.chunks = image->chunks;
  plan.mount = inode_of(key);
  plan.fetched = [&counters](const Fetched& fetched) {
    if (fetched.tier != Tier::kMemory) count_fetched(counters, fetched);
  };
  return ImageFill::start({parts_.chain.source(), parts_.timers, parts_.chain.flash(), room_},
                          std::move(plan));
}

std::optional<FillReport> Fills::report(const std::string& key) const {
  std::shared_ptr<ImageFill> found;
  {
    MutexLock lock(mutex_);
    const auto fill = fills_.find(key);
    if (fill == fills_.end()) return std::nullopt;
    found = fill->second;
  }
  return found->report();
}

FillReport Fills::sum() const {
  std::map<std::string, std::shared_ptr<ImageFill>> fills;
  {
    MutexLock lock(mutex_);
    fills = fills_;
  }
  FillReport sum;
  for (const auto& [key, fill] : fills) {
    const FillReport report = fill->report();
    sum.chunks += report.chunks;
    sum.kept += report.kept;
  }
  return sum;
}

}  // namespace thaw
