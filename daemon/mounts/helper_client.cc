#include "daemon/mounts/helper_client.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "daemon/log/log.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/json/json_text.h"
#include "lib/json/path_json.h"

namespace thaw {
namespace {

using Json = nlohmann::json;

struct Pipe {
  Fd out;
  Fd in;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("pipe", errno);
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

Result<pid_t> spawn(std::vector<std::string> command, const Pipe& request, const Pipe& answer) {
  std::vector<char*> arguments;
  for (std::string& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, request.out.get(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, answer.in.get(), STDOUT_FILENO);
  // Above all /dev/fuse: a helper that held it would keep a dead connection alive.
  ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  pid_t pid = 0;
  const int failure = ::posix_spawn(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) return system_error("start the mount helper", failure);
  return pid;
}

Result<std::string> read_answer(const Fd& fd) {
  std::string text;
  std::array<char, 4096> part{};
  for (;;) {
    const ssize_t n = ::read(fd.get(), part.data(), part.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("read the mount helper's answer", errno);
    if (n == 0) return text;
    text.append(part.data(), static_cast<size_t>(n));
    if (text.size() > kMaxHelperMessageBytes)
      return Error{Code::kFailed, "the mount helper's answer is too long"};
  }
}

Json attach_json(const char* operation, const AttachRequest& request) {
  return {{"operation", operation},
          {"file", request.file},
          {"folder", request.folder},
          {"read_ahead_kb", request.read_ahead_kb}};
}

Json paths_json(const std::vector<std::string>& paths) {
  Json all = Json::array();
  for (const std::string& path : paths) all.push_back(path_json(path));
  return all;
}

// Looked up each time: an upgrade may take the program away, or put a part of another there, at any moment.
Result<pid_t> spawn_helper(const Pipe& request, const Pipe& answer) {
  std::error_code failure;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", failure);
  if (!failure) {
    auto beside = spawn({self.parent_path() / "thawd-mount-helper"}, request, answer);
    if (beside.ok()) return beside;
  }
  return spawn({"/proc/self/exe", "--mount-helper"}, request, answer);
}

Result<std::string> run_helper(const std::string& request) {
  THAW_ASSIGN(Pipe to, make_pipe());
  THAW_ASSIGN(Pipe from, make_pipe());
  THAW_ASSIGN(const pid_t pid, spawn_helper(to, from));
  to.out.reset();
  from.in.reset();
  // A helper that is killed before it reads answers nothing, which is seen below; SIGPIPE is ignored.
  const Status sent = write_all(to.in.get(), as_bytes(request));
  to.in.reset();
  auto answer = read_answer(from.out);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
  if (!sent.ok()) return sent.error();
  return answer;
}

Result<Json> answer_in(const Result<std::string>& text) {
  if (!text.ok()) return text.error();
  Json message = read_json(text.value());
  if (message.is_object() && message.contains("answer")) return std::move(message["answer"]);
  if (!message.is_object() || !message.contains("error")) {
    return Error{Code::kFailed, "the mount helper ended without an answer"};
  }
  const Json& error = message["error"];
  return Error{code_from_name(error.value("code", "")), error.value("message", "")};
}

}  // namespace

Result<Json> HelperClient::ask(const Json& request) {
  {
    MutexLock lock(mutex_);
    while (running_ >= kMaxHelpers) helper_done_.wait(mutex_);
    ++running_;
  }
  const TimePoint start = steady_clock().now();
  const Result<std::string> text = run_helper(request.dump());
  const auto spent = std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock().now() - start);
  {
    MutexLock lock(mutex_);
    --running_;
    helper_done_.notify_one();
  }
  Result<Json> answer = answer_in(text);
  log_debug("mount helper: {} in {} ms: {}", request.value("operation", ""), spent.count(),
            answer.ok() ? "done" : answer.error().message);
  return answer;
}

Result<AttachedImage> HelperClient::attach(const AttachRequest& request) {
  THAW_ASSIGN(const Json answer, ask(attach_json("attach", request)));
  return AttachedImage{answer.at("path"), answer.at("device"), answer.at("direct_io")};
}

Status HelperClient::detach(const AttachRequest& request) {
  THAW_ASSIGN(const Json answer, ask(attach_json("detach", request)));
  return {};
}

Result<BoundImage> HelperClient::bind(const BindRequest& request) {
  THAW_ASSIGN(const Json answer, ask({{"operation", "bind"},
                                      {"folder", request.folder},
                                      {"target", path_json(request.target)},
                                      {"pid", request.pid},
                                      {"own_paths", paths_json(request.own.paths)},
                                      {"own_folders", paths_json(request.own.folders)}}));
  return BoundImage{answer.at("namespace"), path_from_json(answer.at("target"))};
}

Status HelperClient::unbind(const UnbindRequest& request) {
  THAW_ASSIGN(const Json answer, ask({{"operation", "unbind"},
                                      {"folder", request.folder},
                                      {"target", path_json(request.target)},
                                      {"device", request.device},
                                      {"namespace", request.mount_namespace},
                                      {"pid", request.pid},
                                      {"lazy", request.how == Unmount::kLazy}}));
  return {};
}

}  // namespace thaw
