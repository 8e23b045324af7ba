// UniqueFunction: a move-only callable (GCC 12 has no std::move_only_function). Calling an empty one is a
// bug.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace thaw {

template <class Signature>
class UniqueFunction;

template <class R, class... Args>
class UniqueFunction<R(Args...)> {
 public:
  UniqueFunction() = default;

  template <class F>
  requires(!std::is_same_v<std::decay_t<F>, UniqueFunction> && std::is_invocable_r_v<R, F&, Args...>)
      UniqueFunction(F&& callable)  // NOLINT: implicit like std::function
      : target_(std::make_unique<Target<std::decay_t<F>>>(std::forward<F>(callable))) {}

  R operator()(Args... args) { return target_->call(std::forward<Args>(args)...); }
  explicit operator bool() const { return target_ != nullptr; }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual R call(Args... args) = 0;
  };

  template <class F>
  struct Target final : Base {
    explicit Target(F callable) : callable_(std::move(callable)) {}
    R call(Args... args) override { return callable_(std::forward<Args>(args)...); }
    F callable_;
  };

  std::unique_ptr<Base> target_;
};

using Task = UniqueFunction<void()>;

}  // namespace thaw
