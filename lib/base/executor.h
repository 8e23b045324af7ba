// Executor: runs tasks on threads that somebody else owns. daemon/ implements it with its thread pools.
#pragma once

#include "lib/base/unique_function.h"

namespace thaw {

class Executor {
 public:
  virtual ~Executor() = default;

  // Runs `task` once, on some thread of the executor, never inside this call. Any thread may call.
  // An executor that is shutting down destroys the task instead, which completes what it holds with an error.
  virtual void post(Task task) = 0;
};

}  // namespace thaw
