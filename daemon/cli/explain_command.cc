#include <unistd.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/cli/command.h"
#include "daemon/control/client.h"
#include "lib/chunk/journey.h"
#include "lib/json/path_json.h"

namespace thaw {
namespace {

using Json = nlohmann::json;

std::string size_of(const Json& bytes) { return format_size(bytes.get<uint64_t>()); }

std::string milliseconds(const Json& us) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f ms", static_cast<double>(us.get<uint64_t>()) / 1000);
  return text;
}

std::string tiers_text(const Json& answer) {
  std::string text = "tier      chunks    fetched   answered to readers\n";
  for (const char* tier : kTierNames) {
    const Json& row = answer.at("tiers").at(tier);
    const std::string fetched = row.contains("bytes_fetched") ? size_of(row.at("bytes_fetched")) : "-";
    char line[96];
    std::snprintf(line, sizeof line, "%-8s %7s %10s   %s\n", tier, row.at("chunks").dump().c_str(),
                  fetched.c_str(), size_of(row.at("bytes_answered")).c_str());
    text += line;
  }
  return text + "nothing stored (zeros): " + size_of(answer.at("zeros_answered")) + "\n";
}

std::string trace_text(const Json& trace) {
  if (trace.is_null()) return "trace: not known, an earlier worker mounted it\n";
  std::string text = "trace: ";
  text += trace.at("chunks") == 0
              ? "none"
              : trace.at("chunks").dump() + " chunks, " + trace.at("replayed").dump() + " replayed";
  if (trace.at("first_reads") != 0) {
    text += "; it names " + trace.at("covered").dump() + " of the first " + trace.at("first_reads").dump() +
            " that were read";
  }
  return text + (trace.at("recording").get<bool>() ? "; recording\n" : "\n");
}

std::string fill_text(const Json& fill) {
  if (fill.is_null()) return "";
  const std::string where =
      fill.at("tier") == "flash" ? " chunks are on flash" : " chunks were fetched; there is no flash tier";
  if (fill.at("kept") == fill.at("chunks")) return "fill: all " + fill.at("chunks").dump() + where + "\n";
  std::string text = "fill: " + fill.at("kept").dump() + " of " + fill.at("chunks").dump() + where;
  for (const auto& [key, what] :
       {std::pair{"not_fetched", "could not be fetched"}, std::pair{"not_written", "could not be written"},
        std::pair{"left_out", "are left out"}}) {
    if (fill.at(key) != 0) text += ", " + fill.at(key).dump() + " " + what;
  }
  if (fill.at("why").is_string()) text += ": " + fill.at("why").get<std::string>();
  return text + "\n";
}

// The stages that took time.
std::string stages_text(const Json& read) {
  std::string text;
  for (const auto& [name, key] :
       {std::pair{"flash", "flash_us"}, std::pair{"zone", "zone_us"}, std::pair{"origin", "origin_us"},
        std::pair{"queued", "queued_us"}, std::pair{"paused", "paused_us"}}) {
    if (!read.contains(key) || read.at(key) == 0) continue;
    text += (text.empty() ? "" : ", ") + std::string(name) + " " + milliseconds(read.at(key));
  }
  return text.empty() ? "" : " (" + text + ")";
}

std::string slowest_text(const Json& slowest) {
  if (slowest.empty()) return "no read needed more than memory\n";
  std::string text = "what waited longest:\n";
  for (const Json& read : slowest) {
    text += "  " + read.at("at").get<std::string>() + "  chunk " + read.at("chunk").dump() + "  " +
            milliseconds(read.at("took_us")) + "  " + read.value("tier", "failed") + ": " +
            read.at("why").get<std::string>() + stages_text(read) + "\n";
  }
  return text;
}

std::string explain_text(const Json& answer) {
  return answer.at("name").get<std::string>() + " (id " + answer.at("id").get<std::string>() +
         "): " + size_of(answer.at("bytes_read")) + " read\n" + tiers_text(answer) +
         trace_text(answer.at("trace")) + fill_text(answer.value("fill", Json())) +
         slowest_text(answer.at("slowest"));
}

Status explain(Invocation& invocation, const std::string& target) {
  THAW_ASSIGN(invocation.config, load_config(invocation.config_file));
  const Json request = {{"target", path_json(Invocation::mount_target(target))}, {"pid", ::getpid()}};
  THAW_ASSIGN(const Json answer, ControlClient(invocation.socket()).post("/v1/explain", request));
  invocation.print(answer, invocation.json ? "" : explain_text(answer));
  return {};
}

}  // namespace

void add_explain_command(CLI::App& app, Invocation& invocation) {
  auto target = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("explain", "What a mount read from where, what waited longest, and why");
  command->footer("Examples:\n  thaw explain /mnt/web\n  thaw explain 530dab56d50f --json");
  command->add_option("TARGET", *target, "The directory or the mount's id")->required();
  command->callback([&invocation, target] {
    invocation.action = [target](Invocation& call) { return explain(call, *target); };
  });
}

}  // namespace thaw
