// SPDX-License-Identifier: Apache-2.0
// A mutex that knows its place in the order of locks, its guard, and a condition. Layer: sync.
#pragma once

#include <pthread.h>

#include <cstdint>
#include <mutex>

#include "tarn/detail/sync/thread_annotations.hpp"

namespace tarn::sync {

/// The order of tarn's locks, outermost first: who holds one may take only those below it.
///
/// `callback` is held while a user's function runs (FastThreadLocal::for_each_thread), so it is
/// outside of everything that the function may call, and may be held for two instances at once.
enum class LockRank : std::uint8_t {
  callback,
  recycler,
  registry,
  cache,
  arena,
  metadata,
  tls,
  log,
};

/// A std::mutex with a rank. Debug builds of the library abort when a thread takes one whose rank
/// is not below all it holds, or one that it holds already.
///
/// Thread safety: any thread; unlocked by the one that locked it.
class TARN_CAPABILITY("mutex") Mutex {
 public:
  explicit constexpr Mutex(LockRank rank) noexcept : rank_(rank) {}
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() noexcept TARN_ACQUIRE();
  void unlock() noexcept TARN_RELEASE();
  [[nodiscard]] bool try_lock() noexcept TARN_TRY_ACQUIRE(true);

  [[nodiscard]] LockRank rank() const noexcept { return rank_; }

 private:
  friend class Condition;

  void check_order() const noexcept;
  void note_locked() noexcept;
  void note_unlocked() noexcept;

  std::mutex mutex_;
  const LockRank rank_;
  // The mutex that this thread took before; only while held, only in debug builds.
  [[maybe_unused]] Mutex* held_before_ = nullptr;
};

/// Holds a Mutex from its construction to its end.
class TARN_SCOPED_CAPABILITY LockGuard {
 public:
  explicit LockGuard(Mutex& mutex) noexcept TARN_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~LockGuard() TARN_RELEASE() { mutex_.unlock(); }
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;

 private:
  Mutex& mutex_;
};

/// A condition variable for a Mutex; constant-initialised and never destroyed, so that it can be
/// used by threads that outlive the static destructors.
///
/// Thread safety: any thread.
class Condition {
 public:
  constexpr Condition() noexcept = default;
  Condition(const Condition&) = delete;
  Condition& operator=(const Condition&) = delete;

  /// Unlocks `mutex`, sleeps until notified (or for no reason), locks again.
  void wait(Mutex& mutex) noexcept TARN_REQUIRES(mutex);
  void notify_all() noexcept;

 private:
  pthread_cond_t condition_ = PTHREAD_COND_INITIALIZER;
};

}  // namespace tarn::sync
