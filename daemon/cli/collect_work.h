// CollectWork: what the commands share that change roots: the store, whom to trust, threads, progress.
#pragma once

#include <memory>
#include <optional>

#include "daemon/cli/command.h"
#include "daemon/store_session.h"
#include "lib/collect/root_course.h"

namespace thaw {

enum class Collectors : uint8_t {
  kMany,  // others may collect at the same time: the store must compare and swap
  kOne,   // a person vouches for that (--exclusive)
};

// kRefused on a store that is declared to be eventually consistent.
Status refuse_eventual(const Config& config);

class CollectWork {
 public:
  // Loads the configuration of `invocation`, and opens its store.
  static Result<std::unique_ptr<CollectWork>> begin(Invocation& invocation, KeyringUse keyring);

  // Tries whether the store can do what changing and deleting roots needs; kRefused when it cannot.
  Status need_capabilities(const Invocation& invocation, Collectors collectors);

  CollectRoom& room() { return *room_; }
  StoreSession& session() { return *session_; }
  // Shows how far a long step has come.
  ProgressFn progress();
  // Before anything is printed.
  void end_progress() { bar_.reset(); }

 private:
  explicit CollectWork(const Invocation& invocation);

  std::unique_ptr<StoreSession> session_;
  WorkerPool workers_;
  TrustedBuilders trusted_;
  std::optional<CollectRoom> room_;
  std::optional<ProgressBar> bar_;
};

nlohmann::json root_json(const Root& root);
// What was done to a root, for --json and in words.
nlohmann::json course_json(const CourseReport& report);
std::string course_text(const CourseReport& report);

}  // namespace thaw
