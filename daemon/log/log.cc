#include "daemon/log/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace thaw {
namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      break;
  }
  return spdlog::level::err;
}

}  // namespace

void start_log() {
  spdlog::set_default_logger(spdlog::stderr_color_mt("thawd"));
  spdlog::set_pattern("%Y-%m-%d %H:%M:%S.%e %^%l%$ %v");
}

void set_log_level(const std::string& name) { spdlog::set_level(spdlog::level::from_str(name)); }

void log_line(LogLevel level, fmt::string_view format, fmt::format_args args) {
  spdlog::logger& logger = *spdlog::default_logger_raw();
  if (logger.should_log(level_of(level))) logger.log(level_of(level), fmt::vformat(format, args));
}

}  // namespace thaw
