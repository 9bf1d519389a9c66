// SPDX-License-Identifier: Apache-2.0
// What a pool needs as soon as objects do not only go around in its owner's batch.
// Layer: recycler.
#pragma once

#include <cstddef>
#include <cstdint>

#include "recycler/return_box.hpp"
#include "tarn/detail/recycler/local_pool.hpp"
#include "tarn/detail/sync/counter.hpp"

namespace tarn::recycler {

/// The part of a LocalPool that is made when another thread returns something, when the batch
/// overflows, or when an object is made that is not to be pooled.
struct Inbox {
  Inbox(Core& core, LocalPool& pool, std::size_t bound, bool blocking)
      : noop(core, pool), box(bound, blocking) {}

  // The owner's: taken over from the box's list or spilled from the batch, newest first.
  Slot* stock = nullptr;
  // Of those that entered the box, the owner's own.
  sync::Counter own_entered;
  NoopHome noop;

  // Everybody's, in cache lines of its own.
  alignas(64) ReturnBox box;
  sync::SharedCounter dropped_full;
};

/// In place of an Inbox: the pool has closed without one, and none must be made any more.
[[nodiscard]] inline Inbox* no_inbox() noexcept {
  return reinterpret_cast<Inbox*>(std::uintptr_t{1});
}

/// Whether a pool's Inbox has been made.
[[nodiscard]] inline bool exists(const Inbox* inbox) noexcept {
  return inbox != nullptr && inbox != no_inbox();
}

}  // namespace tarn::recycler
