// SPDX-License-Identifier: Apache-2.0
// What sync::Atomic stands on in a model build: relacy's atomics with the members of std::atomic.
#pragma once

#include <pthread.h>
#include <semaphore.h>

#include <atomic>
#include <cassert>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <ostream>
#include <thread>

// relacy defines names of the language and the library as macros. Only its types are wanted here,
// and the code under test must be compiled as it is; so what has such names comes before.
#pragma push_macro("errno")
#pragma push_macro("assert")
#include <relacy/relacy.hpp>
#undef new
#undef delete
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef pthread_cond_t
#undef memory_order_relaxed
#undef memory_order_consume
#undef memory_order_acquire
#undef memory_order_release
#undef memory_order_acq_rel
#undef memory_order_seq_cst
#ifdef __clang__
#pragma clang diagnostic ignored "-Wdollar-in-identifier-extension"  // relacy's source place
#endif
#pragma pop_macro("assert")
#pragma pop_macro("errno")

namespace tarn::model {

/// A fault planted into the orders, to show that a test can fail: every release, or every acquire,
/// of the code under test becomes relaxed.
enum class Weakened : std::uint8_t { none, release, acquire };

inline Weakened weakened = Weakened::none;

[[nodiscard]] inline rl::memory_order to_relacy(std::memory_order order) noexcept {
  switch (order) {
    case std::memory_order_relaxed:
      return rl::mo_relaxed;
    case std::memory_order_acquire:
    case std::memory_order_consume:
      return weakened == Weakened::acquire ? rl::mo_relaxed : rl::mo_acquire;
    case std::memory_order_release:
      return weakened == Weakened::release ? rl::mo_relaxed : rl::mo_release;
    case std::memory_order_acq_rel:
      if (weakened == Weakened::acquire) return rl::mo_release;
      return weakened == Weakened::release ? rl::mo_acquire : rl::mo_acq_rel;
    case std::memory_order_seq_cst:
      break;
  }
  return rl::mo_seq_cst;
}

/// relacy's atomic with std::atomic's spelling.
template <class T>
class Atomic {
 public:
  static constexpr bool is_always_lock_free = true;

  explicit Atomic(T value) { cell_.store(value, rl::mo_relaxed, $); }

  [[nodiscard]] T load(std::memory_order order) const { return cell_.load(to_relacy(order), $); }
  void store(T value, std::memory_order order) { cell_.store(value, to_relacy(order), $); }
  T exchange(T value, std::memory_order order) {
    return cell_.exchange(value, to_relacy(order), $);
  }
  bool compare_exchange_weak(T& expected, T desired, std::memory_order success,
                             std::memory_order failure) {
    return cell_.compare_exchange_weak(expected, desired, to_relacy(success), $, to_relacy(failure),
                                       $);
  }
  bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                               std::memory_order failure) {
    return cell_.compare_exchange_strong(expected, desired, to_relacy(success), $,
                                         to_relacy(failure), $);
  }
  T fetch_add(T n, std::memory_order order) { return cell_.fetch_add(n, to_relacy(order), $); }
  T fetch_sub(T n, std::memory_order order) { return cell_.fetch_sub(n, to_relacy(order), $); }

 private:
  rl::atomic<T> cell_;
};

}  // namespace tarn::model
