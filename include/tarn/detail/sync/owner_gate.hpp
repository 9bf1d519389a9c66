// SPDX-License-Identifier: Apache-2.0
// A critical section that is free for its owner and dear for everybody else. Layer: sync.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

#include "tarn/detail/base/check.hpp"
#include "tarn/detail/sync/atomic.hpp"

namespace tarn::sync {

/// The owner's half of the asymmetric fence: keeps the compiler, and only it, from moving accesses.
struct CompilerFence {
  static void run() noexcept { std::atomic_signal_fence(std::memory_order_seq_cst); }
};

/// What waits for a few instructions of another thread do between two looks: gives the processor
/// to somebody else.
struct YieldingPause {
  static void run() noexcept { std::this_thread::yield(); }
};

/// The same for longer waits: sleeps when yielding has not helped, as a thread of lower priority
/// gets no processor by it. One for each wait.
class PatientPause {
 public:
  void run() noexcept {
    if (turns_ < kYields) {
      ++turns_;
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(kSleep);
    }
  }

 private:
  // Who runs is done after a few; it may also be stopped, or wait for the system.
  static constexpr unsigned kYields = 64;
  static constexpr std::chrono::microseconds kSleep{50};  // what the kernel rounds a sleep up by

  unsigned turns_ = 0;
};

/// Keeps all but the owner out of the owner's data, by plain stores of the owner.
///
///     owner                                   revoker (one at a time, under a lock)
///     enter:  inside = 1                      revoke:  revoked = 1
///             light fence                              heavy fence (membarrier)
///             revoked? -> leave, slow path             wait until inside = 0
///             .. its data ..                           .. the owner's data ..
///     leave:  inside = 0  (release)           restore: revoked = 0  (release)
///
/// Of the two fences at least one side sees the other's store, so they are never both in. The
/// owner's slow path waits for the lock that the revoker holds; never for the gate.
///
/// An owner may use `enter` and test a word of its own instead of `revoked`, if it has one to test
/// anyhow; whoever revokes then sets that word, and calls `wait_until_outside`.
///
/// Thread safety: enter, try_enter, leave: the owner thread, not nested. The rest: any other
/// thread, one at a time.
template <class LightFence, class Pause>
class BasicOwnerGate {
 public:
  /// Enters, come what may: the caller must test after it whether its right is revoked.
  /// @complexity one store.
  void enter() noexcept {
    TARN_ASSERT(inside_.load_relaxed() == 0);
    // [sync: owner-gate-enter] Relaxed: ordered before the loads that follow by the fence pair.
    inside_.store_relaxed(1);
    LightFence::run();
  }

  /// Enters unless revoked. @returns whether the owner is inside.
  /// @complexity one store, one load.
  [[nodiscard]] bool try_enter() noexcept {
    enter();
    // [sync: owner-gate-restore] Acquire: what the last revoker did to the data is seen.
    if (revoked_.load_acquire() == 0) [[likely]]
      return true;
    leave();
    return false;
  }

  void leave() noexcept {
    // [sync: owner-gate-leave] Release: what the owner did inside comes before a revoker's entry.
    inside_.store_release(0);
  }

  /// Whether the owner is inside; false is final only after revoking and the heavy fence.
  [[nodiscard]] bool is_inside() const noexcept {
    // [sync: owner-gate-leave] Acquire: pairs with leave(); the owner's writes are seen.
    return inside_.load_acquire() != 0;
  }

  /// Makes try_enter() fail from now on; the owner may still be inside until the fence and
  /// wait_until_outside().
  void forbid() noexcept {
    // [sync: owner-gate-enter] Relaxed: ordered before the look at `inside` by the fence pair.
    revoked_.store_relaxed(1);
  }

  /// Runs the heavy fence and waits until the owner is outside. @pre the owner's right is revoked.
  template <class HeavyFence>
  void wait_until_outside(HeavyFence&& heavy_fence) noexcept {
    heavy_fence();
    Pause pause;
    while (is_inside()) pause.run();
  }

  /// The same, until `deadline`. @returns whether the owner is outside.
  template <class HeavyFence, class Clock, class Duration>
  [[nodiscard]] bool try_wait_outside(HeavyFence&& heavy_fence,
                                      std::chrono::time_point<Clock, Duration> deadline) noexcept {
    heavy_fence();
    Pause pause;
    while (is_inside()) {
      if (Clock::now() >= deadline) return false;
      pause.run();
    }
    return true;
  }

  /// Keeps the owner out until restore(). @complexity one heavy fence, and the owner's stay.
  template <class HeavyFence>
  void revoke(HeavyFence&& heavy_fence) noexcept {
    forbid();
    wait_until_outside(heavy_fence);
  }

  void restore() noexcept {
    // [sync: owner-gate-restore] Release: what the revoker did comes before the owner's next entry.
    revoked_.store_release(0);
  }

  [[nodiscard]] bool is_revoked() const noexcept { return revoked_.load_relaxed() != 0; }

 private:
  // Written by the owner; read by a revoker after the heavy fence. Bytes: a store of a constant of
  // 16 bits takes x86 decoders several cycles more.
  Atomic<std::uint8_t> inside_{0};
  // Written by a revoker; read by the owner after the light fence.
  Atomic<std::uint8_t> revoked_{0};
};

using OwnerGate = BasicOwnerGate<CompilerFence, PatientPause>;

}  // namespace tarn::sync
