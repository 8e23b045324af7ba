#include "daemon/cli/command.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "lib/base/one_line.h"
#include "lib/json/json_text.h"
#include "lib/manifest/image_name.h"

namespace thaw {

using Json = nlohmann::json;

void Invocation::print(const Json& object, const std::string& text) const {
  const std::string line = json ? json_text(object) : text;
  if (line.empty()) return;
  std::fwrite(line.data(), 1, line.size(), stdout);
  if (line.back() != '\n') std::fputc('\n', stdout);
}

std::string Invocation::mount_target(const std::string& target) {
  std::error_code failure;
  if (target.find('/') == std::string::npos && !std::filesystem::exists(target, failure)) return target;
  const auto place = std::filesystem::weakly_canonical(target, failure);
  return failure || place.empty() ? target : place.string();
}

int exit_status(Code code) {
  switch (code) {
    case Code::kFailed:
    case Code::kCancelled:
      return 1;
    case Code::kUsage:
      return 2;
    case Code::kNotFound:
      return 3;
    case Code::kRefused:
      return 4;
    case Code::kUnreachable:
    case Code::kTimedOut:
      return 5;
    case Code::kDamaged:
      return 6;
  }
  return 1;
}

void print_error(const Invocation& invocation, const std::string& command, const Error& error) {
  std::fprintf(stderr, "%s: %s\n", command.c_str(), one_line(error.message).c_str());
  if (!invocation.json) return;
  std::printf("%s\n",
              json_text({{"error", {{"code", code_name(error.code)}, {"message", error.message}}}}).c_str());
}

ProgressBar::ProgressBar(const Invocation& invocation, std::string label)
    : visible_(!invocation.json && ::isatty(STDERR_FILENO) == 1), label_(std::move(label)) {}

ProgressBar::~ProgressBar() { clear(); }

void ProgressBar::clear() {
  if (shown_percent_ >= 0) std::fputs("\r\033[K", stderr);
  shown_percent_ = -1;
}

void ProgressBar::show(uint64_t done, uint64_t total) {
  if (!visible_ || total == 0) return;
  const int percent = static_cast<int>(done * 100 / total);
  if (percent == 100) return clear();
  if (percent == shown_percent_) return;
  shown_percent_ = percent;
  constexpr int kWidth = 40;
  const int filled = percent * kWidth / 100;
  std::fprintf(stderr, "\r%s [%.*s%*s] %3d %%", label_.c_str(), filled,
               "########################################", kWidth - filled, "", percent);
}

void add_rollback_flag(CLI::App& command, bool& allowed) {
  command.add_flag("--allow-rollback", allowed, "Accept an older name record than seen before, from now on");
}

void add_tenant(CLI::App& command, std::string& tenant) {
  const auto refuse = [](const std::string& given) {
    const Status checked = check_tenant(given);
    return checked.ok() ? std::string() : checked.error().message;
  };
  command.add_option("--tenant", tenant, "Whose images (default: the configured tenant)")->check(refuse);
}

}  // namespace thaw
