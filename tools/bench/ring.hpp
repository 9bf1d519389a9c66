// SPDX-License-Identifier: Apache-2.0
// The ring between two threads of a benchmark. Program tarn.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "bench/team.hpp"

namespace tarn::tools {

inline constexpr std::size_t kRingSize = 1024;  // elements

/// One thread puts elements in, another takes them out, in order; each waits when it must.
///
/// Thread safety: push by one thread, pop by one thread.
template <class T>
class Ring {
 public:
  void push(T&& element) noexcept {
    const std::uint64_t at = tail_.load(std::memory_order_relaxed);  // nobody else stores it
    Waiter waiter;
    while (at - known_head_ == kRingSize) {
      // Acquire: pairs with pop; the slot has been emptied.
      known_head_ = head_.load(std::memory_order_acquire);
      if (at - known_head_ == kRingSize) waiter.wait();
    }
    slots_[at % kRingSize] = std::move(element);
    // Release: pairs with pop; the element is there.
    tail_.store(at + 1, std::memory_order_release);
  }

  [[nodiscard]] T pop() noexcept {
    const std::uint64_t at = head_.load(std::memory_order_relaxed);  // nobody else stores it
    Waiter waiter;
    while (at == known_tail_) {
      // Acquire: pairs with push; the element is there.
      known_tail_ = tail_.load(std::memory_order_acquire);
      if (at == known_tail_) waiter.wait();
    }
    T element = std::move(slots_[at % kRingSize]);
    // Release: pairs with push; the slot has been emptied.
    head_.store(at + 1, std::memory_order_release);
    return element;
  }

 private:
  static constexpr std::size_t kLine = 64;  // bytes of a cache line: the two sides share none

  alignas(kLine) std::atomic<std::uint64_t> tail_{0};
  std::uint64_t known_head_ = 0;  // of the pushing thread
  alignas(kLine) std::atomic<std::uint64_t> head_{0};
  std::uint64_t known_tail_ = 0;  // of the popping thread
  alignas(kLine) std::array<T, kRingSize> slots_{};
};

}  // namespace tarn::tools
