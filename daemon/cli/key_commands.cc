#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "daemon/cli/command.h"
#include "daemon/config/or_null.h"
#include "daemon/store_session.h"
#include "lib/base/hex.h"
#include "lib/build/rotate_keys.h"
#include "lib/manifest/image_name.h"

namespace thaw {
namespace {

using Json = nlohmann::json;

// Mostly waiting for the store; see visit_envelopes().
constexpr size_t kEnvelopeThreads = 16;

struct KeyOptions {
  std::string tenant;
  std::string key_id;
  bool envelopes = false;
};

// What rotation and retirement work with, for one command.
struct KeyWork {
  std::unique_ptr<StoreSession> session;
  WorkerPool workers{"keys", kEnvelopeThreads};

  KeyRoom room() { return {session->catalog(), session->keys(), session->keys(), workers}; }
};

Result<std::unique_ptr<KeyWork>> begin_work(Invocation& invocation) {
  THAW_ASSIGN(invocation.config, load_config(invocation.config_file));
  auto work = std::make_unique<KeyWork>();
  THAW_ASSIGN(work->session, StoreSession::open(invocation.config, StoreUse::kRead, KeyringUse::kBuild));
  return work;
}

Json describe(const KeyVersion& key) {
  return {{"id", key.id()},
          {"tenant", key.tenant},
          {"version", key.number},
          {"state", key_state_name(key.state)},
          {"current", key.state == KeyState::kActive},
          {"created", key.created},
          {"problem", or_null(key.problem)}};
}

Json describe(const std::vector<KeyVersion>& keys) {
  Json list = Json::array();
  for (const KeyVersion& key : keys) list.push_back(describe(key));
  return list;
}

Json describe(const TrustedBuilders& builders) {
  Json list = Json::array();
  for (const PublicKey& builder : builders) list.push_back(to_hex(builder));
  return list;
}

std::string builder_lines(const TrustedBuilders& builders) {
  std::string text;
  for (const PublicKey& builder : builders) text += "builder " + to_hex(builder) + "  trusted\n";
  return text;
}

// Adds the counts, and the keys that only the store speaks of.
void add_counts(Json& keys, EnvelopeCensus census) {
  for (Json& key : keys) {
    const auto found = census.by_key.find(key.at("id").get<std::string>());
    key["envelopes"] = found == census.by_key.end() ? 0 : found->second;
    if (found != census.by_key.end()) census.by_key.erase(found);
  }
  for (const auto& [id, envelopes] : census.by_key) {
    keys.push_back({{"id", id},
                    {"tenant", id.substr(0, id.find('/'))},
                    {"state", "missing"},
                    {"current", false},
                    {"created", 0},
                    {"envelopes", envelopes}});
  }
}

std::string as_lines(const Json& keys) {
  std::string text;
  for (const Json& key : keys) {
    text += key.at("id").get<std::string>() + "  " + key.at("state").get<std::string>();
    if (key.contains("envelopes"))
      text += "  " + std::to_string(key.at("envelopes").get<uint64_t>()) + " envelopes";
    text += "\n";
    if (key.contains("problem") && key.at("problem").is_string())
      text += "  " + key.at("problem").get<std::string>() + "\n";
  }
  return text.empty() ? "no keys yet; the first build makes one\n" : text;
}

Status list_keys(Invocation& invocation, const KeyOptions& options) {
  THAW_ASSIGN(const auto work, begin_work(invocation));
  THAW_ASSIGN(const auto keys, work->session->keys().list());
  THAW_ASSIGN(const TrustedBuilders builders, work->session->trusted());
  Json object{{"keys", describe(keys)}, {"builders", describe(builders)}};
  std::string more;
  if (options.envelopes) {
    ProgressBar bar(invocation, "counting");
    const auto show = [&bar](const Progress& now) { bar.show(now.done, now.total); };
    THAW_ASSIGN(EnvelopeCensus census, count_envelopes(work->session->catalog(), work->workers, show));
    object["damaged_envelopes"] = census.unreadable.size();
    if (!census.unreadable.empty()) {
      more = std::to_string(census.unreadable.size()) + " damaged envelopes, whose keys are not known\n";
    }
    add_counts(object.at("keys"), std::move(census));
  }
  invocation.print(object, as_lines(object.at("keys")) + more + builder_lines(builders));
  // The list is the command's result, so with --json it stays the only object on stdout.
  const bool problem = std::ranges::any_of(keys, [](const KeyVersion& key) { return !key.problem.empty(); });
  if (problem) invocation.exit_status = exit_status(Code::kDamaged);
  return {};
}

Status create(Invocation& invocation, const KeyOptions& options) {
  THAW_TRY(check_tenant(options.tenant));
  THAW_ASSIGN(const auto work, begin_work(invocation));
  Keyring& keyring = work->session->keys();
  THAW_TRY(keyring.create(options.tenant));
  THAW_ASSIGN(auto keys, keyring.list());
  std::erase_if(keys, [&options](const KeyVersion& key) { return key.tenant != options.tenant; });
  invocation.print({{"keys", describe(keys)}}, as_lines(describe(keys)));
  return {};
}

std::string report_text(const RotationReport& report) {
  const std::string did = report.made ? "made " : "finished the rotation to ";
  const std::string again =
      report.made ? "" : "; run it again for yet another key, if this one was made earlier than is wanted";
  return did + report.key_id + ": " + std::to_string(report.replaced) + " envelopes replaced, " +
         std::to_string(report.envelopes) + " under it now" + again;
}

Json stuck_json(const RotationReport& report) {
  Json stuck = Json::array();
  for (const StuckEnvelope& envelope : report.stuck) {
    stuck.push_back({{"root", envelope.place.root},
                     {"manifest", envelope.place.digest.hex()},
                     {"why", envelope.why.message}});
  }
  return stuck;
}

// Findings are the command's result, so with --json the report stays the only object on stdout.
void tell_of_stuck(Invocation& invocation, const RotationReport& report) {
  if (report.stuck.empty()) return;
  invocation.exit_status = exit_status(Code::kDamaged);
  const StuckEnvelope& first = report.stuck.front();
  std::fprintf(stderr, "thaw keys rotate: %zu envelopes could not be replaced; of manifest %s: %s\n",
               report.stuck.size(), first.place.digest.hex().c_str(), first.why.message.c_str());
}

// An image without its envelope cannot be opened, and no envelope that is there tells of it.
Status add_missing(RotationReport& report, StoreSession& session, const std::string& tenant) {
  THAW_ASSIGN(Names names, session.names(tenant));
  THAW_ASSIGN(const std::vector<ListedImage> images, names.list());
  std::set<Digest> manifests;
  for (const ListedImage& image : images) {
    if (image.record.ok()) manifests.insert(image.record->manifest);
  }
  THAW_ASSIGN(const auto places, manifests_without_envelope(session.catalog(), manifests));
  const Error missing{
      Code::kDamaged,
      "its envelope is missing; 'thaw scrub' takes it from another root, or build the image again "
      "with --verify-existing"};
  for (const EnvelopePlace& place : places) report.stuck.push_back({place, missing});
  return {};
}

Status rotate(Invocation& invocation, const KeyOptions& options) {
  THAW_TRY(check_tenant(options.tenant));
  THAW_ASSIGN(const auto work, begin_work(invocation));
  KeyRoom room = work->room();
  std::optional<ProgressBar> bar(std::in_place, invocation, "rotating");
  const auto show = [&bar](const Progress& now) { bar->show(now.done, now.total); };
  THAW_ASSIGN(RotationReport report, rotate_keys(room, options.tenant, show));
  bar.reset();
  THAW_TRY(add_missing(report, *work->session, options.tenant));
  invocation.print({{"tenant", options.tenant},
                    {"key", report.key_id},
                    {"made", report.made},
                    {"replaced", report.replaced},
                    {"envelopes", report.envelopes},
                    {"stuck", stuck_json(report)}},
                   report_text(report));
  tell_of_stuck(invocation, report);
  return {};
}

Status retire(Invocation& invocation, const KeyOptions& options) {
  THAW_ASSIGN(const auto work, begin_work(invocation));
  KeyRoom room = work->room();
  std::optional<ProgressBar> bar(std::in_place, invocation, "looking");
  const auto show = [&bar](const Progress& now) { bar->show(now.done, now.total); };
  THAW_TRY(retire_key(room, options.key_id, show));
  bar.reset();
  invocation.print({{"key", options.key_id}, {"state", key_state_name(KeyState::kRetired)}},
                   options.key_id + " is gone");
  return {};
}

}  // namespace

void add_key_commands(CLI::App& app, Invocation& invocation) {
  CLI::App* group = app.add_subcommand("keys", "The tenants' keys");
  group->require_subcommand(1);
  group->footer(
      "Examples:\n  thaw keys list --envelopes\n  thaw keys create acme\n  thaw keys rotate acme\n"
      "  thaw keys retire acme/1");
  const auto options = std::make_shared<KeyOptions>();
  add_action(group, invocation, "list", "Which keys there are", options, list_keys)
      ->add_flag("--envelopes", options->envelopes, "Count what is under each, by reading the store");
  add_action(group, invocation, "create", "Make a tenant's key; one that exists is left as it is", options,
             create)
      ->add_option("TENANT", options->tenant, "Whose key")
      ->required();
  add_action(group, invocation, "rotate", "Make a tenant's next key and put all of his images under it",
             options, rotate)
      ->add_option("TENANT", options->tenant, "Whose key")
      ->required();
  add_action(group, invocation, "retire", "Remove a key that no image needs any more, for good", options,
             retire)
      ->add_option("KEYID", options->key_id, "As 'thaw keys list' shows it, as in acme/1")
      ->required();
}

}  // namespace thaw
