// await<T>: starts an operation that takes a Completion<T> and blocks until it completes. begin<T>: starts
// it, for whoever waits later.
//
// For threads that may wait (control threads, the builder, tests); never on a FUSE reader or an io loop.
#pragma once

#include <future>
#include <utility>

#include "lib/base/completion.h"

namespace thaw {

template <class T, class Start>
std::future<Result<T>> begin(Start&& start) {
  std::promise<Result<T>> promise;
  auto future = promise.get_future();
  std::forward<Start>(start)(Completion<T>(
      [promise = std::move(promise)](Result<T> result) mutable { promise.set_value(std::move(result)); }));
  return future;
}

template <class T, class Start>
Result<T> await(Start&& start) {
  return begin<T>(std::forward<Start>(start)).get();
}

}  // namespace thaw
