#include <cstdio>
#include <nlohmann/json.hpp>

#include "daemon/cli/command.h"
#include "daemon/control/client.h"
#include "lib/chunk/journey.h"

namespace thaw {
namespace {

using Json = nlohmann::json;

// Empty while there is nothing to tell.
std::string flash_line(const Json& flash) {
  if (flash.is_null()) return "";
  const auto error = flash.at("error").get<std::string>();
  if (!flash.at("ready")) return "flash is not there" + (error.empty() ? " yet" : ": " + error) + "\n";
  if (flash.at("stalled")) return "flash does not answer\n";
  return error.empty() ? "" : "flash is not written: " + error + "\n";
}

std::string stats_text(const Json& stats) {
  std::string text =
      "tier         hits    misses    errors   evicted  in flight  p50 µs  p99 µs  p99.9 µs  bytes\n";
  for (const char* tier : kTierNames) {
    const Json& row = stats.at("tiers").at(tier);
    const Json& took = row.at("latency_us");
    const auto number = [](const Json& value) { return value.get<unsigned long long>(); };
    char line[192];
    std::snprintf(line, sizeof line, "%-8s %8llu  %8llu  %8llu  %8llu  %9llu  %6llu  %6llu  %8llu  %s\n",
                  tier, number(row.at("hits")), number(row.at("misses")), number(row.at("errors")),
                  number(row.at("evictions")), number(row.at("in_flight")), number(took.at("p50")),
                  number(took.at("p99")), number(took.at("p999")),
                  format_size(row.at("bytes").get<uint64_t>()).c_str());
    text += line;
  }
  text += "memory in use: " + format_size(stats.at("memory_bytes").get<uint64_t>()) + "\n";
  text += flash_line(stats.at("flash"));
  text += "reads: " + stats.at("reads").dump() + "\n";
  const Json& latency = stats.at("latency_us");
  text += "latency: p50 " + latency.at("p50").dump() + " µs, p99 " + latency.at("p99").dump() +
          " µs, p99.9 " + latency.at("p999").dump() + " µs\n";
  return text;
}

Status stats(Invocation& invocation) {
  THAW_ASSIGN(invocation.config, load_config(invocation.config_file));
  THAW_ASSIGN(const Json answer, ControlClient(invocation.socket()).get("/v1/stats"));
  invocation.print(answer, invocation.json ? "" : stats_text(answer));
  return {};
}

std::string joined(const Json& words) {
  std::string text;
  for (const Json& word : words) text += (text.empty() ? "" : ", ") + word.get<std::string>();
  return text;
}

std::string reload_text(const Json& answer) {
  const std::string applied = joined(answer.at("applied"));
  const std::string waiting = joined(answer.at("needs_restart"));
  std::string text = applied.empty() ? "nothing to apply" : "applied: " + applied;
  if (!waiting.empty()) text += "\nneeds a restart of thawd: " + waiting;
  return text;
}

Status reload(Invocation& invocation) {
  THAW_ASSIGN(invocation.config, load_config(invocation.config_file));
  THAW_ASSIGN(const Json answer, ControlClient(invocation.socket()).post("/v1/reload", Json::object()));
  invocation.print(answer, invocation.json ? "" : reload_text(answer));
  return {};
}

}  // namespace

void add_daemon_commands(CLI::App& app, Invocation& invocation) {
  CLI::App* counters = app.add_subcommand("stats", "The daemon's counters since it started");
  counters->footer("Examples:\n  thaw stats\n  thaw stats --json");
  counters->callback([&invocation] { invocation.action = stats; });
  CLI::App* again = app.add_subcommand("reload", "Have the daemon read its configuration again");
  again->footer("Examples:\n  thaw config check && thaw reload");
  again->callback([&invocation] { invocation.action = reload; });
}

}  // namespace thaw
