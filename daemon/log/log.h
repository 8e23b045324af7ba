// What thawd and its workers say on standard error, a line each. Any thread.
//
// Sources see fmt's type-erased formatting alone: spdlog's templates, compiled in each of them, made a
// quarter of the build of the rooms that log.
#pragma once

#include <fmt/core.h>

#include <string>

namespace thaw {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

// Once in a process, before anything is said: lines begin with time and level, and go by "info" until a level
// is set.
void start_log();

// As the setting log.level names it: "debug", "info", "warn" or "error".
void set_log_level(const std::string& name);

void log_line(LogLevel level, fmt::string_view format, fmt::format_args args);

template <typename... T>
void log_debug(fmt::format_string<T...> format, T&&... args) {
  log_line(LogLevel::kDebug, format, fmt::make_format_args(args...));
}

template <typename... T>
void log_info(fmt::format_string<T...> format, T&&... args) {
  log_line(LogLevel::kInfo, format, fmt::make_format_args(args...));
}

template <typename... T>
void log_warn(fmt::format_string<T...> format, T&&... args) {
  log_line(LogLevel::kWarn, format, fmt::make_format_args(args...));
}

template <typename... T>
void log_error(fmt::format_string<T...> format, T&&... args) {
  log_line(LogLevel::kError, format, fmt::make_format_args(args...));
}

}  // namespace thaw
