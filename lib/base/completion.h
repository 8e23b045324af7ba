// Completion<T>: the one way to hand a result back later. Move-only, called exactly once; one that is dropped
// without a call completes with an error, so that no caller is ever left waiting.
//
// Thread contract: whoever holds it may call it on any thread; the callee must not block in it.
#pragma once

#include <utility>

#include "lib/base/result.h"
#include "lib/base/unique_function.h"

namespace thaw {

template <class T>
class Completion {
 public:
  Completion() = default;

  template <class F>
  requires(!std::is_same_v<std::decay_t<F>, Completion> && std::is_invocable_v<F&, Result<T>>)
      Completion(F&& callback)
      : callback_(std::forward<F>(callback)) {}  // NOLINT: implicit on purpose

  Completion(Completion&& other) noexcept : callback_(std::exchange(other.callback_, {})) {}
  Completion& operator=(Completion&& other) noexcept {
    if (this != &other) {
      drop();
      callback_ = std::exchange(other.callback_, {});
    }
    return *this;
  }
  ~Completion() { drop(); }

  explicit operator bool() const { return static_cast<bool>(callback_); }

  // REQUIRES: not called before
  void operator()(Result<T> result) {
    auto callback = std::exchange(callback_, {});
    callback(std::move(result));
  }

 private:
  void drop() {
    if (callback_) (*this)(Error{Code::kCancelled, "the operation was dropped before it finished"});
  }

  UniqueFunction<void(Result<T>)> callback_;
};

}  // namespace thaw
