// SPDX-License-Identifier: Apache-2.0
// Counters for statistics: one for a single writer, one for many. Layer: sync.
#pragma once

#include <cstdint>

#include "tarn/detail/sync/atomic.hpp"

namespace tarn::sync {

/// A 64-bit counter that one thread writes and any thread reads.
///
/// A write is a load and a store, no read-modify-write: two writers at once lose counts. The
/// writer may change, if the change is ordered by something else (a lock, a thread's end).
/// Relaxed throughout: a count publishes nothing, and a reader gets some value the counter has had.
///
/// Thread safety: `add`, `subtract`, `set`: one thread at a time. `load`: any thread.
class Counter {
 public:
  constexpr Counter() noexcept = default;
  explicit constexpr Counter(std::uint64_t value) noexcept : value_(value) {}

  void add(std::uint64_t n) noexcept { value_.store_relaxed(value_.load_relaxed() + n); }
  void subtract(std::uint64_t n) noexcept { value_.store_relaxed(value_.load_relaxed() - n); }
  void set(std::uint64_t value) noexcept { value_.store_relaxed(value); }
  [[nodiscard]] std::uint64_t load() const noexcept { return value_.load_relaxed(); }

 private:
  Atomic<std::uint64_t> value_{0};
};

/// A 64-bit counter that any thread writes and reads; one relaxed read-modify-write a change.
///
/// Thread safety: any thread.
class SharedCounter {
 public:
  constexpr SharedCounter() noexcept = default;
  explicit constexpr SharedCounter(std::uint64_t value) noexcept : value_(value) {}

  /// @returns the value before.
  std::uint64_t add(std::uint64_t n) noexcept { return value_.fetch_add_relaxed(n); }
  /// @returns the value before.
  std::uint64_t subtract(std::uint64_t n) noexcept { return value_.fetch_sub_relaxed(n); }
  [[nodiscard]] std::uint64_t load() const noexcept { return value_.load_relaxed(); }

 private:
  Atomic<std::uint64_t> value_{0};
};

}  // namespace tarn::sync
