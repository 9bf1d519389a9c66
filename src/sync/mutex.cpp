// SPDX-License-Identifier: Apache-2.0
// Locking, with the check of the lock order in debug builds. Layer: sync.
#include "tarn/detail/sync/mutex.hpp"

#include "tarn/detail/base/check.hpp"

namespace tarn::sync {

#ifndef NDEBUG

namespace {

// The mutexes that this thread holds, newest first. Initial-exec as all of tarn's static TLS, so
// that a shared object with tarn in it can be loaded late; release builds have none of it.
[[gnu::tls_model("initial-exec")]] constinit thread_local Mutex* newest_held = nullptr;

[[nodiscard]] bool may_nest(LockRank held, LockRank wanted) noexcept {
  return held < wanted || (held == LockRank::callback && wanted == LockRank::callback);
}

}  // namespace

void Mutex::check_order() const noexcept {
  // The whole chain: locks need not be released in the reverse order.
  for (const Mutex* held = newest_held; held != nullptr; held = held->held_before_) {
    if (held == this) base::fatal("mutex locked again by the thread that holds it", this);
    if (!may_nest(held->rank_, rank_)) base::fatal("mutex locked against the order of ranks", this);
  }
}

void Mutex::note_locked() noexcept {
  held_before_ = newest_held;
  newest_held = this;
}

void Mutex::note_unlocked() noexcept {
  Mutex** link = &newest_held;
  while (*link != nullptr && *link != this) link = &(*link)->held_before_;
  if (*link == nullptr) base::fatal("mutex unlocked by a thread that does not hold it", this);
  *link = held_before_;
  held_before_ = nullptr;
}

#else

void Mutex::check_order() const noexcept {}
void Mutex::note_locked() noexcept {}
void Mutex::note_unlocked() noexcept {}

#endif

void Mutex::lock() noexcept {
  check_order();
  mutex_.lock();
  note_locked();
}

bool Mutex::try_lock() noexcept {
  // No check of the order: it cannot wait, so it cannot close a cycle of waiting threads.
  if (!mutex_.try_lock()) return false;
  note_locked();
  return true;
}

void Mutex::unlock() noexcept {
  note_unlocked();
  mutex_.unlock();
}

void Condition::wait(Mutex& mutex) noexcept {
  // Off the thread's list meanwhile: whoever locks it now links it into its own.
  mutex.note_unlocked();
  const int error = ::pthread_cond_wait(&condition_, mutex.mutex_.native_handle());
  mutex.note_locked();
  TARN_CHECK(error == 0);
}

void Condition::notify_all() noexcept { ::pthread_cond_broadcast(&condition_); }

}  // namespace tarn::sync
