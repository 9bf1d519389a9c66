// SPDX-License-Identifier: Apache-2.0
// What waits in a shared recycler: a bounded queue for any number of threads. Layer: recycler.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "recycler/ring.hpp"
#include "tarn/detail/recycler/slot.hpp"
#include "tarn/detail/sync/counter.hpp"
#include "tarn/detail/sync/mutex.hpp"
#include "tarn/detail/sync/owner_gate.hpp"

namespace tarn::recycler {

/// The queue of a shared recycler: a ring, or, for debugging and for bounds that no ring should
/// have, a list under a mutex.
///
/// Thread safety: any thread. close: once, while nobody takes.
class SharedQueue {
 public:
  /// Cells of a ring at most: 16 MiB of them.
  static constexpr std::size_t kMaxRing = std::size_t{1} << 20;

  /// @errors std::bad_alloc.
  SharedQueue(std::size_t bound, bool blocking) : bound_(bound) {
    if (!blocking && bound <= kMaxRing) ring_.emplace(bound);
  }

  [[nodiscard]] PutResult put(void* object) noexcept {
    const PutResult result = ring_ ? ring_->put(object) : put_blocking(object);
    if (result == PutResult::full) dropped_full_.add(1);
    return result;
  }

  /// @returns null when there is none.
  [[nodiscard]] void* take() noexcept {
    void* const object = ring_ ? ring_->take() : take_blocking();
    if (object != nullptr) taken_.add(1);
    return object;
  }

  /// Takes back that an object was taken.
  void count_not_taken() noexcept { taken_.subtract(1); }

  /// Adds all that waits now to `list`. @returns how many.
  std::size_t take_everything(SlotList& list) noexcept {
    const std::size_t before = list.count;
    for (std::size_t most = size(); most != 0; --most) {
      void* const object = ring_ ? ring_->take() : take_blocking();
      if (object == nullptr) break;
      list.push(slot_of(object));  // guarded: it is in here once
    }
    return list.count - before;
  }

  /// Lets nothing in any more. @returns and adds to `list` as take_everything().
  std::size_t close(SlotList& list) noexcept {
    if (ring_) {
      ring_->close();
    } else {
      const sync::LockGuard lock(mutex_);
      closed_ = true;
    }
    return take_everything(list);
  }

  [[nodiscard]] std::size_t bound() const noexcept { return bound_; }
  [[nodiscard]] std::size_t size() const noexcept {
    return ring_ ? ring_->size() : static_cast<std::size_t>(listed_.load());
  }
  [[nodiscard]] std::uint64_t taken() const noexcept { return taken_.load(); }
  [[nodiscard]] std::uint64_t dropped_full() const noexcept { return dropped_full_.load(); }

 private:
  [[nodiscard]] PutResult put_blocking(void* object) noexcept {
    const sync::LockGuard lock(mutex_);
    if (closed_) return PutResult::closed;
    if (listed_.load() >= bound_) return PutResult::full;
    Slot* const slot = slot_of(object);
    slot->next = list_;
    list_ = slot;
    listed_.add(1);
    return PutResult::stored;
  }

  [[nodiscard]] void* take_blocking() noexcept {
    const sync::LockGuard lock(mutex_);
    if (list_ == nullptr) return nullptr;
    listed_.subtract(1);
    return object_of(std::exchange(list_, list_->next));
  }

  const std::size_t bound_;
  std::optional<BasicRing<sync::YieldingPause>> ring_;
  sync::Mutex mutex_{sync::LockRank::cache};
  Slot* list_ TARN_GUARDED_BY(mutex_) = nullptr;
  bool closed_ TARN_GUARDED_BY(mutex_) = false;
  sync::Counter listed_;  // written under the mutex
  sync::SharedCounter taken_;
  sync::SharedCounter dropped_full_;
};

}  // namespace tarn::recycler
