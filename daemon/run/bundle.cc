#include "daemon/run/bundle.h"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "daemon/run/root_lookup.h"
#include "lib/json/json_text.h"
#include "lib/json/path_json.h"

namespace thaw {
namespace {

using Json = nlohmann::json;

constexpr const char* kPathVariable = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
// What other engines say as well: the caller's own may not be known in the container.
constexpr const char* kTermVariable = "TERM=xterm";

std::string name_of(const std::string& entry) { return entry.substr(0, entry.find('=')); }

void set_variable(std::vector<std::string>& env, const std::string& entry) {
  const auto same = std::ranges::find(env, name_of(entry), name_of);
  if (same != env.end()) {
    *same = entry;
  } else {
    env.push_back(entry);
  }
}

void add_default(std::vector<std::string>& env, const std::string& entry) {
  if (std::ranges::find(env, name_of(entry), name_of) == env.end()) env.push_back(entry);
}

std::vector<std::string> arguments(const RunConfig& image, const ContainerOptions& options) {
  std::vector<std::string> args = image.entrypoint;
  if (options.entrypoint) args.clear();
  if (options.entrypoint && !options.entrypoint->empty()) args = {*options.entrypoint};
  const bool own_cmd = !options.entrypoint && options.command.empty();
  const auto& rest = own_cmd ? image.cmd : options.command;
  args.insert(args.end(), rest.begin(), rest.end());
  return args;
}

Json mount(const char* target, const char* type, const char* source,
           const std::vector<std::string>& options) {
  return {{"destination", target}, {"type", type}, {"source", source}, {"options", options}};
}

Json mounts() {
  Json list = {
      mount("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}),
      mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}),
      mount("/dev/pts", "devpts", "devpts",
            {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}),
      mount("/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}),
      mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}),
      mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}),
  };
  // The container has the host's network, so it needs the host's names.
  for (const char* file : {"/etc/resolv.conf", "/etc/hosts"}) {
    if (::access(file, R_OK) == 0) list.push_back(mount(file, "bind", file, {"rbind", "ro"}));
  }
  return list;
}

// Who is not root has them only as a bound, as an execve would leave it: otherwise program and working
// directory are looked up with more than he may.
Json capabilities(const ProcessUser& user) {
  const Json list = {"CAP_CHOWN",   "CAP_DAC_OVERRIDE",     "CAP_FSETID", "CAP_FOWNER",
                     "CAP_MKNOD",   "CAP_SETGID",           "CAP_SETUID", "CAP_SETFCAP",
                     "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_KILL",   "CAP_SYS_CHROOT",
                     "CAP_NET_RAW", "CAP_AUDIT_WRITE"};
  if (user.uid != 0) return {{"bounding", list}};
  return {{"bounding", list}, {"effective", list}, {"permitted", list}};
}

Json linux_part() {
  return {{"namespaces", {{{"type", "pid"}}, {{"type", "ipc"}}, {{"type", "uts"}}, {{"type", "mount"}}}},
          {"resources", {{"devices", {{{"allow", false}, {"access", "rwm"}}}}}},
          {"maskedPaths",
           {"/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
            "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"}},
          {"readonlyPaths", {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}}};
}

// The runtime's configuration is JSON: other bytes would not reach the container as they are.
Status require_utf8(const char* what, const std::string& text) {
  if (is_utf8(text)) return {};
  return Error{Code::kUsage,
               std::string(what) + " \"" + text + "\" is not UTF-8, and OCI runtimes take nothing else"};
}

// Of the command line. What an image says was accepted when it was built.
Status check_options(const ContainerOptions& options) {
  if (!options.working_dir.empty() && !options.working_dir.starts_with('/')) {
    return Error{Code::kUsage, "--workdir \"" + options.working_dir + "\" must be an absolute path"};
  }
  THAW_TRY(require_utf8("--workdir", options.working_dir));
  THAW_TRY(require_utf8("--entrypoint", options.entrypoint.value_or("")));
  for (const std::string& word : options.command) THAW_TRY(require_utf8("the argument", word));
  for (const std::string& entry : options.env) {
    if (entry.find('=') == std::string::npos || entry.starts_with('='))
      return Error{Code::kUsage, "--env \"" + entry + "\" must be NAME=VALUE"};
    THAW_TRY(require_utf8("--env", entry));
  }
  return {};
}

}  // namespace

Result<Process> plan_process(const std::string& root, const RunConfig& image,
                             const ContainerOptions& options) {
  THAW_TRY(check_options(options));
  Process process;
  process.args = arguments(image, options);
  if (process.args.empty()) {
    return Error{Code::kUsage, "the image names no program; say one: thaw run NAME -- CMD"};
  }
  THAW_ASSIGN(process.user, resolve_user(root, options.user.empty() ? image.user : options.user));
  process.env = image.env;
  for (const std::string& entry : options.env) set_variable(process.env, entry);
  add_default(process.env, kPathVariable);
  add_default(process.env, "HOME=" + process.user.home);
  process.working_dir = options.working_dir.empty() ? image.working_dir : options.working_dir;
  if (process.working_dir.empty()) process.working_dir = "/";
  THAW_ASSIGN(process.args[0], find_program(root, process.args[0], process.working_dir, process.env));
  return process;
}

std::string bundle_text(const Process& process, const std::string& root, Terminal terminal) {
  const Json user = {
      {"uid", process.user.uid}, {"gid", process.user.gid}, {"additionalGids", process.user.extra_gids}};
  std::vector<std::string> env = process.env;
  if (terminal == Terminal::kPseudo) add_default(env, kTermVariable);
  const Json document = {{"ociVersion", "1.0.2"},
                         {"process",
                          {{"terminal", terminal == Terminal::kPseudo},
                           {"user", user},
                           {"args", process.args},
                           {"env", env},
                           {"cwd", process.working_dir},
                           {"capabilities", capabilities(process.user)},
                           {"noNewPrivileges", false}}},
                         {"root", {{"path", root}, {"readonly", false}}},
                         {"hostname", process.hostname},
                         {"mounts", mounts()},
                         {"linux", linux_part()}};
  return json_text(document, 2);
}

}  // namespace thaw
