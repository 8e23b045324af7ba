#include "daemon/cli/collect_work.h"

#include <chrono>
#include <nlohmann/json.hpp>

#include "lib/collect/store_capabilities.h"

namespace thaw {
namespace {

using Json = nlohmann::json;

// Mostly waiting for the store; see count_root().
constexpr size_t kListThreads = 16;

}  // namespace

CollectWork::CollectWork(const Invocation& invocation) : workers_("collect", kListThreads) {
  bar_.emplace(invocation, "collecting");
}

Result<std::unique_ptr<CollectWork>> CollectWork::begin(Invocation& invocation, KeyringUse keyring) {
  THAW_ASSIGN(invocation.config, load_config(invocation.config_file));
  const Config& config = invocation.config;
  std::unique_ptr<CollectWork> work(new CollectWork(invocation));
  THAW_ASSIGN(work->session_, StoreSession::open(config, StoreUse::kCollect, keyring));
  THAW_ASSIGN(work->trusted_, work->session_->trusted());
  work->room_.emplace(CollectRoom{work->session_->catalog(), work->trusted_, work->workers_,
                                  std::chrono::duration_cast<std::chrono::seconds>(config.lease_lapse)});
  return work;
}

Status refuse_eventual(const Config& config) {
  if (config.store_consistency != "eventual") return {};
  return Error{Code::kRefused, "store.consistency is \"eventual\": nothing is deleted on such a store"};
}

Status CollectWork::need_capabilities(const Invocation& invocation, Collectors collectors) {
  THAW_TRY(refuse_eventual(invocation.config));
  THAW_ASSIGN(StoreCapabilities found, probe_store(*room_));
  if (collectors == Collectors::kOne) found.put_if_absent = found.put_if_unchanged = true;
  return refuse_incapable(found);
}

ProgressFn CollectWork::progress() {
  return [this](const Progress& now) {
    if (bar_) bar_->show(now.done, now.total);
  };
}

Json root_json(const Root& root) {
  Json object{{"id", root.id},
              {"state", root_state_name(root.state)},
              {"created", root.created},
              {"changed", root.changed},
              {"share", root.share}};
  if (!root.cleared.empty()) object["cleared"] = root.cleared;
  return object;
}

Json course_json(const CourseReport& report) {
  Json object = root_json(report.root);
  object["copied_images"] = report.copied.images;
  object["copied_chunks"] = report.copied.chunks;
  object["copied_bytes"] = report.copied.bytes;
  object["removed_objects"] = report.removed;
  object["removed_bytes"] = report.removed_bytes;
  return object;
}

std::string course_text(const CourseReport& report) {
  std::string text = "root " + report.root.id + " is " + std::string(root_state_name(report.root.state));
  if (report.copied.images > 0) {
    text += "; copied " + std::to_string(report.copied.images) + " images, " +
            std::to_string(report.copied.chunks) + " chunks (" + format_size(report.copied.bytes) + ")";
  }
  if (report.removed > 0) {
    text += "; removed " + std::to_string(report.removed) + " objects (" + format_size(report.removed_bytes) +
            ")";
  }
  return text;
}

}  // namespace thaw
