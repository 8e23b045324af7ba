#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/cli/collect_work.h"
#include "daemon/config/or_null.h"
#include "lib/collect/collect.h"

namespace thaw {
namespace {

using Json = nlohmann::json;

Json decision_json(const CollectDecision& decision) {
  return {{"action", collect_action_name(decision.action)},
          {"root", or_null(decision.root)},
          {"why", decision.why},
          {"wait_seconds", decision.wait_seconds},
          {"images", decision.images},
          {"objects", decision.objects},
          {"bytes", decision.bytes},
          {"requests", decision.requests},
          {"seconds", decision.seconds}};
}

std::string duration_text(uint64_t seconds) {
  constexpr uint64_t kHour = 3600;
  constexpr uint64_t kDay = 24 * kHour;
  if (seconds >= 2 * kDay) return std::to_string(seconds / kDay) + " days";
  if (seconds >= 2 * kHour) return std::to_string(seconds / kHour) + " hours";
  return std::to_string(seconds) + " s";
}

std::string decision_line(const CollectDecision& decision) {
  std::string line(collect_action_name(decision.action));
  line += decision.root.empty() ? " a new root" : " root " + decision.root;
  if (decision.action == CollectAction::kWait) line = "root " + decision.root + " waits";
  line += ": " + decision.why;
  if (decision.wait_seconds > 0) line += ", for another " + duration_text(decision.wait_seconds);
  if (decision.objects > 0) {
    line += "; " + std::to_string(decision.objects) + " chunks, " + format_size(decision.bytes) + ", about " +
            std::to_string(decision.requests) + " requests, " + duration_text(decision.seconds);
  }
  return line + "\n";
}

Status show_plan(Invocation& invocation, CollectWork& work, const CollectPolicy& policy) {
  THAW_ASSIGN(std::vector<CollectDecision> decisions, plan_collection(work.room(), policy));
  Json rows = Json::array();
  std::string text;
  for (CollectDecision& decision : decisions) {
    THAW_TRY(estimate(work.room(), decision, work.progress()));
    rows.push_back(decision_json(decision));
    text += decision_line(decision);
  }
  work.end_progress();
  invocation.print({{"decisions", rows}}, text.empty() ? "nothing to do: all images are used" : text);
  return {};
}

Status run_collection(Invocation& invocation, CollectWork& work, const CollectPolicy& policy) {
  THAW_ASSIGN(const CollectReport report, collect(work.room(), policy, work.progress()));
  work.end_progress();
  Json steps = Json::array();
  std::string text;
  for (const CollectStep& step : report.steps) {
    Json row = course_json(step.report);
    row["action"] = collect_action_name(step.action);
    steps.push_back(std::move(row));
    text += course_text(step.report) + "\n";
  }
  Json waiting = Json::array();
  for (const CollectDecision& decision : report.waiting) {
    waiting.push_back(decision_json(decision));
    text += decision_line(decision);
  }
  if (report.removed_leases > 0)
    text += "removed " + std::to_string(report.removed_leases) + " leases of workers that are gone\n";
  invocation.print({{"steps", steps}, {"waiting", waiting}, {"removed_leases", report.removed_leases}},
                   text.empty() ? "nothing to do: all images are used" : text);
  return {};
}

struct GcOptions {
  bool dry_run = false;
  bool exclusive = false;
};

Status collect_garbage(Invocation& invocation, const GcOptions& options) {
  THAW_ASSIGN(const auto work, CollectWork::begin(invocation, KeyringUse::kRead));
  const Config& config = invocation.config;
  const CollectPolicy policy{std::chrono::duration_cast<std::chrono::seconds>(config.expire_for),
                             static_cast<unsigned>(config.gc_begin_percent)};
  if (options.dry_run) return show_plan(invocation, *work, policy);
  THAW_TRY(work->need_capabilities(invocation, options.exclusive ? Collectors::kOne : Collectors::kMany));
  return run_collection(invocation, *work, policy);
}

}  // namespace

void add_gc_command(CLI::App& app, Invocation& invocation) {
  const auto options = std::make_shared<GcOptions>();
  CLI::App* command = app.add_subcommand(
      "gc", "Collect what no image needs: create, retire, expire and delete roots, as they are due");
  command->footer(
      "Meant to be run again and again, once a day say: it waits roots.expire_for between the steps of a "
      "root.\n"
      "Examples:\n  thaw gc --dry-run\n  thaw gc");
  command->add_flag("--dry-run", options->dry_run, "Say what would be done, and what it costs");
  command->add_flag("--exclusive", options->exclusive,
                    "Nobody else changes roots meanwhile: for a store without conditional puts");
  command->callback([&invocation, options] {
    invocation.action = [options](Invocation& call) { return collect_garbage(call, *options); };
  });
}

}  // namespace thaw
