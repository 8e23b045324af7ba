// Result<T>: a value or an Error. GCC 12 has no std::expected; this is the part of it that Thaw needs.
#pragma once

#include <cassert>
#include <optional>
#include <utility>
#include <variant>

#include "lib/base/error.h"

namespace thaw {

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit on purpose
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // REQUIRES: ok()
  T& value() & { return *std::get_if<0>(&state_); }
  const T& value() const& { return *std::get_if<0>(&state_); }
  T&& value() && { return std::move(*std::get_if<0>(&state_)); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }

  // REQUIRES: !ok()
  const Error& error() const& { return *std::get_if<1>(&state_); }
  Error&& error() && { return std::move(*std::get_if<1>(&state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }

  // REQUIRES: !ok()
  const Error& error() const& { return *error_; }
  Error&& error() && { return std::move(*error_); }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace thaw

#define THAW_CONCAT_INNER(a, b) a##b
#define THAW_CONCAT(a, b) THAW_CONCAT_INNER(a, b)

// THAW_TRY(status_expression): returns its error from the enclosing function.
#define THAW_TRY(expression)                                      \
  do {                                                            \
    auto thaw_status = (expression);                              \
    if (!thaw_status.ok()) return std::move(thaw_status).error(); \
  } while (false)

// THAW_ASSIGN(auto x, result_expression): declares x from the value, or returns the error.
#define THAW_ASSIGN(declaration, expression) \
  THAW_ASSIGN_IMPL(THAW_CONCAT(thaw_result_, __LINE__), declaration, expression)
#define THAW_ASSIGN_IMPL(result, declaration, expression) \
  auto result = (expression);                             \
  if (!result.ok()) return std::move(result).error();     \
  declaration = std::move(result).value()
