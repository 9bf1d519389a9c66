// SPDX-License-Identifier: Apache-2.0
// What other threads give back to a pool. Layer: recycler.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include "recycler/bounded_returns.hpp"
#include "tarn/detail/recycler/slot.hpp"
#include "tarn/detail/sync/mutex.hpp"
#include "tarn/detail/sync/return_queue.hpp"

namespace tarn::recycler {

using BoundedReturns = BasicBoundedReturns<Slot, sync::NextMember<Slot>>;

/// What stands in for the queue of a blocking return box.
struct BlockingReturns {
  sync::Mutex mutex{sync::LockRank::cache};
  Slot* list TARN_GUARDED_BY(mutex) = nullptr;
  bool closed TARN_GUARDED_BY(mutex) = false;
};

/// A pool's return box; blocking: with a plain list under a mutex in the place of the queue.
///
/// Thread safety: as BoundedReturns.
class ReturnBox : public BoundedReturns {
 public:
  explicit ReturnBox(bool blocking) {
    if (blocking) blocking_.emplace();
  }

  [[nodiscard]] PutResult put(Slot* slot, std::size_t bound) noexcept {
    if (!blocking_) [[likely]]
      return BoundedReturns::put(slot, bound);
    const sync::LockGuard lock(blocking_->mutex);
    if (blocking_->closed) return PutResult::closed;
    if (reserve(1, bound) == 0) return PutResult::full;
    slot->next = blocking_->list;
    blocking_->list = slot;
    return PutResult::stored;
  }

  [[nodiscard]] Slot* take_all() noexcept {
    if (!blocking_) [[likely]]
      return BoundedReturns::take_all();
    const sync::LockGuard lock(blocking_->mutex);
    return std::exchange(blocking_->list, nullptr);
  }

  [[nodiscard]] Slot* close() noexcept {
    if (!blocking_) return BoundedReturns::close();
    const sync::LockGuard lock(blocking_->mutex);
    blocking_->closed = true;
    return std::exchange(blocking_->list, nullptr);
  }

  /// As BoundedReturns::for_each().
  template <class F>
  void for_each(F f) {
    if (!blocking_) return BoundedReturns::for_each(f);
    const sync::LockGuard lock(blocking_->mutex);
    for (Slot* slot = blocking_->list; slot != nullptr; slot = slot->next) f(slot);
  }

 private:
  std::optional<BlockingReturns> blocking_;
};

}  // namespace tarn::recycler
