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
/// Each tells the other only after some elements how far it is, or before it waits. If they told at
/// once, the faster of two threads would be right behind the other all the time, and both would
/// wait for the ring's cache lines instead of for what is measured: 8 ns an element of the bare
/// ring instead of 4, and up to 80 more with the very same allocator from one run to the next.
///
/// Thread safety: push, flush by one thread, pop by one thread.
template <class T>
class Ring {
 public:
  void push(T&& element) noexcept {
    if (put_ - known_head_ == kRingSize) wait_for_room();
    slots_[put_ % kRingSize] = std::move(element);
    ++put_;
    if (put_ % kBatch == 0) flush();
  }

  /// Lets all that was pushed be popped. To be called before waiting for an answer, and at the end.
  void flush() noexcept {
    // Release: pairs with wait_for_element; the elements are there.
    tail_.store(put_, std::memory_order_release);
  }

  [[nodiscard]] T pop() noexcept {
    if (taken_ == known_tail_) wait_for_element();
    T element = std::move(slots_[taken_ % kRingSize]);
    ++taken_;
    if (taken_ % kBatch == 0) tell_taken();
    return element;
  }

 private:
  static constexpr std::size_t kLine = 64;  // bytes of a cache line: the two sides share none
  // Elements: two cache lines of pointers, twelve of ByteBufs.
  static constexpr std::size_t kBatch = 16;

  void tell_taken() noexcept {
    // Release: pairs with wait_for_room; the slots have been emptied.
    head_.store(taken_, std::memory_order_release);
  }

  void wait_for_room() noexcept {
    flush();
    for (Waiter waiter;; waiter.wait()) {
      // Acquire: pairs with tell_taken; the slots have been emptied.
      known_head_ = head_.load(std::memory_order_acquire);
      if (put_ - known_head_ != kRingSize) return;
    }
  }

  void wait_for_element() noexcept {
    tell_taken();
    for (Waiter waiter;; waiter.wait()) {
      // Acquire: pairs with flush; the elements are there.
      known_tail_ = tail_.load(std::memory_order_acquire);
      if (taken_ != known_tail_) return;
    }
  }

  alignas(kLine) std::atomic<std::uint64_t> tail_{0};
  alignas(kLine) std::atomic<std::uint64_t> head_{0};
  // The pushing thread's.
  alignas(kLine) std::uint64_t put_ = 0;
  std::uint64_t known_head_ = 0;
  // The popping thread's.
  alignas(kLine) std::uint64_t taken_ = 0;
  std::uint64_t known_tail_ = 0;
  alignas(kLine) std::array<T, kRingSize> slots_{};
};

}  // namespace tarn::tools
