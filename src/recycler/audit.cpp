// SPDX-License-Identifier: Apache-2.0
// The walk over a recycler that checks it. Layer: recycler.
#include <cstddef>
#include <cstdint>

#include "recycler/inbox.hpp"
#include "recycler/shared_queue.hpp"
#include "tarn/detail/base/check.hpp"
#include "tarn/detail/recycler/core.hpp"

namespace tarn::recycler {

void Core::audit() const {
  {
    const sync::LockGuard lock(mutex_);
    for (const LocalPool* const pool : pools_) {
      TARN_CHECK(pool->core == this);
      pool->audit();
    }
    // The Recycler's own reference is gone once it has ended, but then nobody can ask.
    TARN_CHECK(references_.load_relaxed() == pools_.size() + 1);
  }
  const RecyclerStats now = stats();
  TARN_CHECK(now.created >= now.destroyed);
  TARN_CHECK(now.pooled <= now.created - now.destroyed);
  TARN_CHECK(now.dropped_full + now.dropped_closed + now.dropped_noop <= now.destroyed);
  if (is_shared()) TARN_CHECK(shared_->size() <= shared_->bound());
}

void LocalPool::audit() const noexcept {
  // What the owner writes is in the second line, so that no other thread waits for the first.
  const auto line = [this](const void* member) {
    return (static_cast<const std::byte*>(member) - reinterpret_cast<const std::byte*>(this)) / 64;
  };
  TARN_CHECK(line(&hot_) == 1 && line(&gate_) == 1 && line(&taken_slowly_) == 1);
  TARN_CHECK(line(&checked_owner) == 0 && line(&core) == 0 && line(&inbox_) == 0);
  std::size_t found = 0;  // in the batch, at first
  TARN_CHECK(hot_.counts_agree());
  if (void* const object = hot_.peek()) {
    TARN_CHECK(has_batch());
    audit_waiting(object);
    ++found;
  }
  const std::uint32_t size = array_size_.load_relaxed();
  for (std::uint32_t i = 0; i < size; ++i) audit_waiting(array_[i]);
  found += size;
  TARN_CHECK(size == 0 || array_ != nullptr);
  TARN_CHECK(found <= array_capacity() + 1);

  Inbox* const to = inbox_.load_acquire();
  if (exists(to)) {
    std::size_t boxed = 0;
    const auto count = [&](Slot* slot) {
      audit_waiting(object_of(slot));
      ++boxed;
    };
    for (Slot* slot = to->stock; slot != nullptr; slot = slot->next) count(slot);
    to->box.for_each(
        [&](Returned returned) {
          if (returned.is_marked()) {
            audit_waiting(returned.object());
          } else {
            // Its state is not looked at before it is taken: somebody may have recycled it twice.
            TARN_CHECK(slot_of(returned.object())->home == this);
          }
          ++boxed;
        },
        count);
    TARN_CHECK(boxed <= core->options().max_capacity_per_thread);
    TARN_CHECK(is_closed() || boxed == to->box.waiting());
    TARN_CHECK(to->noop.pool == this && to->noop.core == core);
    TARN_CHECK(to->own_entered.load() <= to->box.entered());
    found += boxed;
  }
  TARN_CHECK(found == waiting());
  if (is_closed()) TARN_CHECK(found == 0 && !has_batch() && gate_.is_revoked());

  const Counts now = counts();
  TARN_CHECK(now.destroyed <= now.created && found <= now.created - now.destroyed);
  TARN_CHECK(now.ended + now.dropped_full <= now.destroyed);
}

/// Checks one of the objects that wait here.
void LocalPool::audit_waiting(void* object) const noexcept {
  TARN_CHECK(slot_of(object)->home == this);
  TARN_CHECK(is_waiting(object));
}

}  // namespace tarn::recycler
