// SPDX-License-Identifier: Apache-2.0
// Atomic cells whose every access names its memory order. Layer: sync.
#pragma once

#include <atomic>
#include <type_traits>

#ifdef TARN_MODEL_CHECK
#include "model/model_atomic.hpp"  // tests/model: the same members over relacy's atomics
#endif

namespace tarn::sync {

namespace detail {
#ifdef TARN_MODEL_CHECK
template <class T>
using AtomicCell = model::Atomic<T>;
#else
template <class T>
using AtomicCell = std::atomic<T>;
#endif
}  // namespace detail

/// An atomic cell whose every access names its ordering.
///
/// No operators, no default order, no seq_cst: whoever needs one adds a named function here first,
/// in review. The model-check build (TARN_MODEL_CHECK) replaces `std::atomic` above, and nothing
/// else, so the code it explores is the code that ships.
///
/// A compare-exchange is named for its order on success; on failure it is relaxed, so a loop must
/// not follow the pointer that a failed one returned.
///
/// Thread safety: any thread.
template <class T>
class Atomic {
  static_assert(detail::AtomicCell<T>::is_always_lock_free);

  template <class U>
  static constexpr bool kCounts = std::is_integral_v<U> && !std::is_same_v<U, bool>;

 public:
  constexpr Atomic() noexcept : cell_(T{}) {}
  explicit constexpr Atomic(T value) noexcept : cell_(value) {}
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;
  ~Atomic() = default;

  [[nodiscard]] T load_relaxed() const noexcept { return cell_.load(std::memory_order_relaxed); }
  [[nodiscard]] T load_acquire() const noexcept { return cell_.load(std::memory_order_acquire); }

  void store_relaxed(T value) noexcept { cell_.store(value, std::memory_order_relaxed); }
  void store_release(T value) noexcept { cell_.store(value, std::memory_order_release); }

  T exchange_relaxed(T value) noexcept { return cell_.exchange(value, std::memory_order_relaxed); }
  T exchange_acquire(T value) noexcept { return cell_.exchange(value, std::memory_order_acquire); }
  T exchange_release(T value) noexcept { return cell_.exchange(value, std::memory_order_release); }
  T exchange_acq_rel(T value) noexcept { return cell_.exchange(value, std::memory_order_acq_rel); }

  [[nodiscard]] bool compare_exchange_weak_relaxed(T& expected, T desired) noexcept {
    return cell_.compare_exchange_weak(expected, desired, std::memory_order_relaxed,
                                       std::memory_order_relaxed);
  }
  [[nodiscard]] bool compare_exchange_weak_acquire(T& expected, T desired) noexcept {
    return cell_.compare_exchange_weak(expected, desired, std::memory_order_acquire,
                                       std::memory_order_relaxed);
  }
  [[nodiscard]] bool compare_exchange_weak_release(T& expected, T desired) noexcept {
    return cell_.compare_exchange_weak(expected, desired, std::memory_order_release,
                                       std::memory_order_relaxed);
  }
  [[nodiscard]] bool compare_exchange_weak_acq_rel(T& expected, T desired) noexcept {
    return cell_.compare_exchange_weak(expected, desired, std::memory_order_acq_rel,
                                       std::memory_order_relaxed);
  }
  [[nodiscard]] bool compare_exchange_strong_relaxed(T& expected, T desired) noexcept {
    return cell_.compare_exchange_strong(expected, desired, std::memory_order_relaxed,
                                         std::memory_order_relaxed);
  }
  [[nodiscard]] bool compare_exchange_strong_acquire(T& expected, T desired) noexcept {
    return cell_.compare_exchange_strong(expected, desired, std::memory_order_acquire,
                                         std::memory_order_relaxed);
  }
  [[nodiscard]] bool compare_exchange_strong_release(T& expected, T desired) noexcept {
    return cell_.compare_exchange_strong(expected, desired, std::memory_order_release,
                                         std::memory_order_relaxed);
  }
  [[nodiscard]] bool compare_exchange_strong_acq_rel(T& expected, T desired) noexcept {
    return cell_.compare_exchange_strong(expected, desired, std::memory_order_acq_rel,
                                         std::memory_order_relaxed);
  }

  // Each returns the value before.
  T fetch_add_relaxed(T n) noexcept requires kCounts<T> {
    return cell_.fetch_add(n, std::memory_order_relaxed);
  }
  T fetch_add_acquire(T n) noexcept requires kCounts<T> {
    return cell_.fetch_add(n, std::memory_order_acquire);
  }
  T fetch_add_release(T n) noexcept requires kCounts<T> {
    return cell_.fetch_add(n, std::memory_order_release);
  }
  T fetch_add_acq_rel(T n) noexcept requires kCounts<T> {
    return cell_.fetch_add(n, std::memory_order_acq_rel);
  }
  T fetch_sub_relaxed(T n) noexcept requires kCounts<T> {
    return cell_.fetch_sub(n, std::memory_order_relaxed);
  }
  T fetch_sub_acquire(T n) noexcept requires kCounts<T> {
    return cell_.fetch_sub(n, std::memory_order_acquire);
  }
  T fetch_sub_release(T n) noexcept requires kCounts<T> {
    return cell_.fetch_sub(n, std::memory_order_release);
  }
  T fetch_sub_acq_rel(T n) noexcept requires kCounts<T> {
    return cell_.fetch_sub(n, std::memory_order_acq_rel);
  }
  T fetch_or_relaxed(T bits) noexcept requires kCounts<T> {
    return cell_.fetch_or(bits, std::memory_order_relaxed);
  }
  T fetch_and_relaxed(T bits) noexcept requires kCounts<T> {
    return cell_.fetch_and(bits, std::memory_order_relaxed);
  }

 private:
  detail::AtomicCell<T> cell_;
};

}  // namespace tarn::sync
