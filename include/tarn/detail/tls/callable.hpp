// SPDX-License-Identifier: Apache-2.0
// A user's callable, owned and called without its type. Layer: tls.
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include "tarn/detail/base/check.hpp"

namespace tarn::tls {

/// Owns any callable; what a call does with its one argument is chosen when it is stored.
///
/// Not a template, so the code around it is the same for all types; move-only, so callables need
/// not be copyable. One allocation for a callable with state, none for one without.
///
/// Thread safety: calls may overlap if the callable's own may.
class Callable {
 public:
  constexpr Callable() noexcept = default;

  /// Stores `callable`; `call(callable, argument)` is what operator() does.
  template <class F, class Call>
  Callable(F callable, Call) {
    static_assert(std::is_empty_v<Call>, "it is made anew for each call");
    if constexpr (std::is_empty_v<F> && std::is_trivially_copyable_v<F> &&
                  std::is_trivially_default_constructible_v<F>) {
      call_ = [](void*, void* argument) {
        F f{};
        Call{}(f, argument);
      };
    } else {
      object_ = new F(std::move(callable));
      call_ = [](void* object, void* argument) { Call{}(*static_cast<F*>(object), argument); };
      destroy_ = [](void* object) noexcept { delete static_cast<F*>(object); };
    }
  }

  Callable(const Callable&) = delete;
  Callable& operator=(const Callable&) = delete;
  Callable(Callable&& other) noexcept
      : object_(std::exchange(other.object_, nullptr)),
        call_(std::exchange(other.call_, nullptr)),
        destroy_(std::exchange(other.destroy_, nullptr)) {}
  Callable& operator=(Callable&& other) noexcept {
    std::swap(object_, other.object_);
    std::swap(call_, other.call_);
    std::swap(destroy_, other.destroy_);
    return *this;
  }
  ~Callable() {
    if (destroy_ != nullptr) destroy_(object_);
  }

  explicit operator bool() const noexcept { return call_ != nullptr; }

  /// @pre not empty. Throws what the callable throws.
  void operator()(void* argument) const { call_(object_, argument); }

 private:
  void* object_ = nullptr;
  void (*call_)(void* object, void* argument) = nullptr;
  void (*destroy_)(void* object) noexcept = nullptr;
};

/// Whether a callable of a type that has an empty state (a pointer, std::function) is in it.
template <class F>
[[nodiscard]] constexpr bool is_empty_callable(const F& callable) noexcept {
  if constexpr (std::is_pointer_v<F> || std::is_member_pointer_v<F>) {
    return callable == nullptr;
  } else if constexpr (requires {
                         { callable.operator bool() } -> std::same_as<bool>;
                       }) {
    return !callable.operator bool();
  } else {
    return false;
  }
}

}  // namespace tarn::tls
