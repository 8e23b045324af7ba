#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/cli/collect_work.h"
#include "lib/collect/alarms.h"
#include "lib/collect/root_contents.h"
#include "lib/manifest/salt_memory.h"

namespace thaw {
namespace {

using Json = nlohmann::json;

struct RootOptions {
  std::string root;
  std::string share = "100%";
  std::string reason;
  bool count = false;
  bool new_salt = false;
  bool exclusive = false;
};

// "5%" or "5", of builds.
Result<unsigned> parse_share(std::string_view text) {
  const std::string_view number = text.substr(0, text.find('%'));
  unsigned share = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), share);
  const bool whole = error == std::errc{} && end == number.data() + number.size();
  if (whole && share >= 1 && share <= 100 && text.size() - number.size() <= 1) return share;
  return Error{Code::kUsage, "\"" + std::string(text) + "\" is no share of the builds; write 1% to 100%"};
}

// The last count that was kept, or one of now.
Result<Root> with_count(CollectWork& work, Root root, bool anew) {
  if (root.emptied) {
    root.counted = Root::Count{0, 0, root.changed};
  } else if (anew) {
    return recount_root(work.room(), root.id, work.progress());
  } else if (!root.counted) {
    THAW_ASSIGN(root.counted, count_root(work.room(), root.id, work.progress()));
  }
  return root;
}

std::string root_line(const Root& root, size_t alarms) {
  std::string line = root.id + "  " + std::string(root_state_name(root.state)) + "  " +
                     std::to_string(root.counted->chunks) + " chunks, " + format_size(root.counted->bytes);
  if (root.share < 100) line += "  " + std::to_string(root.share) + " % of the builds";
  if (alarms > 0) line += "  " + std::to_string(alarms) + " ALARMS";
  return line + "\n";
}

Status list_roots(Invocation& invocation, const RootOptions& options) {
  THAW_ASSIGN(const auto work, CollectWork::begin(invocation, KeyringUse::kRead));
  THAW_ASSIGN(const std::vector<Root> roots, work->session().catalog().roots());
  Json rows = Json::array();
  std::string text;
  for (const Root& found : roots) {
    THAW_ASSIGN(const Root root, with_count(*work, found, options.count));
    THAW_ASSIGN(const std::vector<Alarm> alarms, read_alarms(work->room(), root.id));
    Json row = root_json(root);
    row["chunks"] = root.counted->chunks;
    row["bytes"] = root.counted->bytes;
    row["counted_at"] = root.counted->at == 0 ? Json(nullptr) : Json(root.counted->at);
    row["alarms"] = Json::array();
    for (const Alarm& alarm : alarms)
      row["alarms"].push_back({{"holder", alarm.holder.hex()}, {"why", alarm.why}});
    rows.push_back(std::move(row));
    text += root_line(root, alarms.size());
  }
  work->end_progress();
  invocation.print({{"roots", rows}}, text.empty() ? "no roots yet; the first build makes one" : text);
  return {};
}

Status create(Invocation& invocation, const RootOptions& options) {
  THAW_ASSIGN(const unsigned share, parse_share(options.share));
  const KeyringUse keyring = options.new_salt ? KeyringUse::kBuild : KeyringUse::kRead;
  THAW_ASSIGN(const auto work, CollectWork::begin(invocation, keyring));
  std::optional<Identifier> salt;
  if (options.new_salt) {
    Catalog& catalog = work->session().catalog();
    THAW_ASSIGN(const Identifier store_id, catalog.store_id());
    THAW_ASSIGN(const Salt made, catalog.add_salt(store_id, work->session().keys()));
    // This builder need not be told: it is the one who changes the salt.
    THAW_TRY(SaltMemory(invocation.config.state_dir + "/salts").allow({store_id, ""}, made.secret));
    salt = made.id;
  }
  THAW_ASSIGN(const Root root, create_root(work->room(), share, salt));
  invocation.print(root_json(root),
                   "root " + root.id + " takes " + std::to_string(share) + " % of the builds");
  return {};
}

using Step = Result<CourseReport> (*)(CollectRoom&, const RootId&, const ProgressFn&);

Status go_on(Invocation& invocation, const RootOptions& options, Step step) {
  THAW_ASSIGN(const auto work, CollectWork::begin(invocation, KeyringUse::kRead));
  THAW_TRY(work->need_capabilities(invocation, options.exclusive ? Collectors::kOne : Collectors::kMany));
  THAW_ASSIGN(const CourseReport report, step(work->room(), options.root, work->progress()));
  work->end_progress();
  invocation.print(course_json(report), course_text(report));
  return {};
}

Status retire(Invocation& invocation, const RootOptions& options) {
  return go_on(invocation, options, retire_root);
}
Status expire(Invocation& invocation, const RootOptions& options) {
  return go_on(invocation, options, expire_root);
}
Status remove_root(Invocation& invocation, const RootOptions& options) {
  return go_on(invocation, options, delete_root);
}

Status clear_alarm(Invocation& invocation, const RootOptions& options) {
  THAW_ASSIGN(const auto work, CollectWork::begin(invocation, KeyringUse::kRead));
  THAW_ASSIGN(const size_t cleared, clear_alarms(work->room(), options.root, options.reason));
  invocation.print({{"id", options.root}, {"cleared_alarms", cleared}, {"cleared", options.reason}},
                   "took " + std::to_string(cleared) + " alarms from root " + options.root);
  return {};
}

using RootAction = Status (*)(Invocation&, const RootOptions&);

void need_root(CLI::App* command, const std::shared_ptr<RootOptions>& options) {
  command->add_option("ROOT", options->root, "As 'thaw roots list' shows it")->required();
}

void add_step(CLI::App* group, Invocation& invocation, const char* name, const char* help,
              const std::shared_ptr<RootOptions>& options, RootAction action) {
  CLI::App* command = add_action(group, invocation, name, help, options, action);
  need_root(command, options);
  command->add_flag("--exclusive", options->exclusive,
                    "Nobody else changes roots meanwhile: for a store without conditional puts");
}

}  // namespace

void add_root_commands(CLI::App& app, Invocation& invocation) {
  CLI::App* group = app.add_subcommand("roots", "The generations of the store, which go as a whole");
  group->require_subcommand(1);
  group->footer(
      "A root goes from active to retired, expired and deleted, a step at a time:\n"
      "  thaw roots create            builds go into a new root from now on\n"
      "  thaw roots retire 1          copies what is used out of the old one\n"
      "  thaw roots expire 1          whoever still reads it raises an alarm\n"
      "  thaw roots delete 1          removes it\n"
      "'thaw gc' does all that by itself, with time between the steps.");
  const auto options = std::make_shared<RootOptions>();
  add_action(group, invocation, "list", "State and size of each root", options, list_roots)
      ->add_flag("--count", options->count, "Count anew, and keep the count");
  CLI::App* make = add_action(group, invocation, "create", "Begin a new generation", options, create);
  make->add_option("--share", options->share, "Part of the builds that it takes, as 5% (default: all)");
  make->add_flag("--new-salt", options->new_salt, "Share no chunk with older roots");
  add_step(group, invocation, "retire", "Copy what is used out of a root; builds leave it", options, retire);
  add_step(group, invocation, "expire", "Raise an alarm when it is still read", options, expire);
  add_step(group, invocation, "delete", "Remove an expired root for good", options, remove_root);
  CLI::App* clear = add_action(group, invocation, "clear-alarm", "Let an expired root be deleted after all",
                               options, clear_alarm);
  need_root(clear, options);
  clear->add_option("--reason", options->reason, "Why it may go; kept with the root")->required();
}

}  // namespace thaw
