#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/cli/collect_work.h"
#include "daemon/control/client.h"
#include "lib/base/base64.h"
#include "lib/collect/audit.h"
#include "lib/collect/store_capabilities.h"

namespace thaw {
namespace {

using Json = nlohmann::json;

Json problems_json(const AuditReport& report) {
  Json problems = Json::array();
  for (const CollectProblem& problem : report.problems)
    problems.push_back({{"object", problem.what}, {"why", problem.why.message}});
  return problems;
}

// Findings are the command's result, so with --json they stay the only object on stdout.
void print_audit(Invocation& invocation, const std::string& command, const AuditReport& report) {
  std::string text;
  for (const CollectProblem& problem : report.problems)
    text += problem.what + ": " + problem.why.message + "\n";
  text += std::to_string(report.images) + " images, " + std::to_string(report.chunks) + " chunks, " +
          format_size(report.bytes) + ", " + std::to_string(report.repaired) + " mended, " +
          std::to_string(report.problems.size()) + " problems";
  invocation.print({{"images", report.images},
                    {"chunks", report.chunks},
                    {"bytes", report.bytes},
                    {"repaired", report.repaired},
                    {"bad", problems_json(report)}},
                   text);
  if (report.problems.empty()) return;
  invocation.exit_status = exit_status(Code::kDamaged);
  std::fprintf(stderr, "thaw %s: %zu problems, the first: %s: %s\n", command.c_str(), report.problems.size(),
               report.problems.front().what.c_str(), report.problems.front().why.message.c_str());
}

Json capabilities_json(const StoreCapabilities& found) {
  return {{"put_if_absent", found.put_if_absent},         {"put_if_unchanged", found.put_if_unchanged},
          {"read_after_write", found.read_after_write},   {"list_after_write", found.list_after_write},
          {"list_after_remove", found.list_after_remove}, {"tells_time", found.tells_time}};
}

Status show_capabilities(Invocation& invocation) {
  THAW_ASSIGN(const auto work, CollectWork::begin(invocation, KeyringUse::kRead));
  THAW_ASSIGN(const StoreCapabilities found, probe_store(work->room()));
  Json object = capabilities_json(found);
  std::string text;
  for (const auto& [name, value] : object.items())
    text += name + ": " + (value.get<bool>() ? "yes" : "NO") + "\n";
  Status capable = refuse_eventual(invocation.config);
  if (capable.ok()) capable = refuse_incapable(found);
  object["deletion"] = capable.ok();
  text += capable.ok() ? "all that deletion needs" : capable.error().message;
  invocation.print(object, text);
  if (!capable.ok()) invocation.exit_status = exit_status(capable.error().code);
  return {};
}

Status check_whole(Invocation& invocation) {
  THAW_ASSIGN(const auto work, CollectWork::begin(invocation, KeyringUse::kRead));
  THAW_ASSIGN(const AuditReport report, check_store(work->room(), work->progress()));
  work->end_progress();
  print_audit(invocation, "store check", report);
  return {};
}

// What the daemon of this machine still has in its caches, flash and zone among them.
Result<SealedChunk> ask_daemon(const ControlClient& daemon, const ChunkRef& ref) {
  THAW_ASSIGN(const Json answer,
              daemon.post("/v1/chunk", {{"id", ref.id.hex()}, {"stored_length", ref.stored_length}}));
  const auto bytes = from_base64(answer.value("bytes", ""));
  if (!bytes) return Error{Code::kFailed, "the daemon's answer is not understood"};
  return SealedChunk::verify(ref, Buffer::copy_of(as_bytes(*bytes)));
}

Status scrub_whole(Invocation& invocation) {
  THAW_ASSIGN(const auto work, CollectWork::begin(invocation, KeyringUse::kRead));
  const ControlClient daemon(invocation.socket());
  // The daemon is waited for, which the store's threads must not do.
  const FindElsewhere elsewhere = [&](const ChunkRef& ref, Completion<SealedChunk> done) {
    work->room().workers.post([&daemon, ref, done = std::move(done)]() mutable {
      Result<SealedChunk> found = ask_daemon(daemon, ref);
      if (found.ok()) return done(std::move(found));
      done(Error{Code::kDamaged,
                 "chunk " + ref.id.hex() + " is in no root of the store, and in no cache of this machine"});
    });
  };
  THAW_ASSIGN(const AuditReport report, scrub_store(work->room(), elsewhere, work->progress()));
  work->end_progress();
  print_audit(invocation, "scrub", report);
  return {};
}

}  // namespace

Status verify_all(Invocation& invocation) {
  THAW_ASSIGN(const auto work, CollectWork::begin(invocation, KeyringUse::kRead));
  THAW_ASSIGN(const AuditReport report, verify_store(work->room(), work->progress()));
  work->end_progress();
  print_audit(invocation, "verify", report);
  return {};
}

void add_audit_commands(CLI::App& app, Invocation& invocation) {
  CLI::App* group = app.add_subcommand("store", "The store as a whole");
  group->require_subcommand(1);
  group->footer("Examples:\n  thaw store check\n  thaw store check --capabilities");
  const auto capabilities = std::make_shared<bool>(false);
  CLI::App* command = group->add_subcommand(
      "check", "Whether all that images need is there, by listing, without reading chunks");
  command->add_flag("--capabilities", *capabilities,
                    "Whether the store can do what deletion needs: tries it, with objects of its own");
  command->callback([&invocation, capabilities] {
    invocation.action = [capabilities](Invocation& call) {
      return *capabilities ? show_capabilities(call) : check_whole(call);
    };
  });
  CLI::App* scrubber = app.add_subcommand(
      "scrub",
      "Read every chunk that images need, and mend what is missing or damaged from another root or a cache");
  scrubber->footer("Examples:\n  thaw scrub\n  thaw scrub --json");
  scrubber->callback([&invocation] { invocation.action = scrub_whole; });
}

}  // namespace thaw
