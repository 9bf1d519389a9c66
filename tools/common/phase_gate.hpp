// SPDX-License-Identifier: Apache-2.0
// Lets several threads through phases together. Program tarn.
#pragma once

#include <atomic>
#include <cstdint>

namespace tarn::tools {

/// A conductor opens one phase after another; each of a fixed number of threads waits for it, and
/// reports when it is through. Nobody burns a core while waiting.
///
/// Thread safety: one conductor, any number of threads.
class PhaseGate {
 public:
  explicit PhaseGate(std::uint32_t threads) noexcept : threads_(threads) {}

  /// Conductor: lets the threads into the next phase.
  void open() noexcept {
    arrived_.store(0, std::memory_order_relaxed);  // nobody is on the way: all have arrived
    // Release: pairs with wait_for; what the conductor did before is visible in the phase.
    phase_.fetch_add(1, std::memory_order_release);
    phase_.notify_all();
  }
  /// Conductor: returns when all threads have reported.
  void wait_for_all() noexcept {
    for (;;) {
      const std::uint32_t arrived = arrived_.load(std::memory_order_acquire);
      if (arrived == threads_) return;
      arrived_.wait(arrived, std::memory_order_acquire);
    }
  }

  /// Thread: returns when phase number `phase`, counted from 1, is open.
  void wait_for(std::uint32_t phase) noexcept {
    for (;;) {
      const std::uint32_t open = phase_.load(std::memory_order_acquire);
      if (open >= phase) return;
      phase_.wait(open, std::memory_order_acquire);
    }
  }
  /// Thread: reports that it is through (before the first phase: that it is there).
  void arrive() noexcept {
    // Release: pairs with wait_for_all; the conductor sees what the thread did.
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads_) arrived_.notify_all();
  }

 private:
  const std::uint32_t threads_;
  std::atomic<std::uint32_t> phase_{0};
  std::atomic<std::uint32_t> arrived_{0};
};

}  // namespace tarn::tools
