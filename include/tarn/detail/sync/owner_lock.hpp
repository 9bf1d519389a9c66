// SPDX-License-Identifier: Apache-2.0
// A lock that its owner takes for two plain stores. Layer: sync.
#pragma once

#include "tarn/detail/sync/mutex.hpp"
#include "tarn/detail/sync/owner_gate.hpp"

namespace tarn::sync {

/// A mutex for everybody, and a gate by which the owner goes past it as long as nobody else has
/// locked it.
///
///     owner                            another
///     lock:    gate open? -> inside    lock the mutex; shut the owner out (a heavy fence)
///              else lock the mutex     .. what the lock guards ..
///     unlock:  leave, or unlock        let the owner in; unlock the mutex
///
/// While there is no owner the mutex alone is enough; who becomes the owner, or ceases to be, holds
/// it.
///
/// Thread safety: OwnerLockGuard: the owner thread, not nested. `mutex`: any thread. The rest: who
/// holds the mutex and is not the owner.
template <class TheMutex, class Gate>
class BasicOwnerLock {
 public:
  constexpr BasicOwnerLock() noexcept = default;
  explicit constexpr BasicOwnerLock(LockRank rank) noexcept : mutex_(rank) {}

  [[nodiscard]] TheMutex& mutex() noexcept { return mutex_; }

  /// Sends the owner to the mutex from now on, and waits until it has left. Nothing that the lock
  /// guards may be touched before. @complexity one heavy fence, and the owner's stay.
  template <class HeavyFence>
  void shut_out(HeavyFence&& heavy_fence) noexcept {
    gate_.revoke(heavy_fence);
  }
  void let_in() noexcept { gate_.restore(); }
  [[nodiscard]] bool owner_is_inside() const noexcept { return gate_.is_inside(); }

 private:
  template <class Lock>
  friend class OwnerLockGuard;

  TheMutex mutex_;
  Gate gate_;
};

using OwnerLock = BasicOwnerLock<Mutex, OwnerGate>;

/// Holds an OwnerLock for its owner, from its construction to its end.
/// @complexity two stores and a load; when another has it, the mutex.
template <class Lock>
class OwnerLockGuard {
 public:
  explicit OwnerLockGuard(Lock& lock) noexcept : lock_(lock), is_inside_(lock.gate_.try_enter()) {
    if (!is_inside_) [[unlikely]]
      lock_.mutex_.lock();
  }
  ~OwnerLockGuard() {
    if (is_inside_) [[likely]] {
      lock_.gate_.leave();
    } else {
      lock_.mutex_.unlock();
    }
  }
  OwnerLockGuard(const OwnerLockGuard&) = delete;
  OwnerLockGuard& operator=(const OwnerLockGuard&) = delete;

 private:
  Lock& lock_;
  const bool is_inside_;
};

}  // namespace tarn::sync
