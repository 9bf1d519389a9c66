// SPDX-License-Identifier: Apache-2.0
// A pool as the home of its objects: where they go when their owner's batch is not the place, how
// they are counted, and the end of the pool after the last of them. Layer: recycler.
#include <memory>
#include <new>

#include "recycler/inbox.hpp"
#include "tarn/detail/base/check.hpp"
#include "tarn/detail/recycler/core.hpp"
#include "tarn/detail/recycler/local_pool.hpp"

namespace tarn::recycler {

PutResult LocalPool::put_in_box(void* object, bool by_other) noexcept {
  Inbox* const to = inbox();
  if (to == nullptr) {
    core->count_dropped_without_memory();
    return PutResult::full;
  }
  if (to == no_inbox()) return PutResult::closed;
  if (!by_other) to->own_entered.add(1);
  const PutResult result = to->box.put(slot_of(object));
  // Of a stored object the thread knows nothing any more, nor whether the pool still exists.
  if (result == PutResult::stored) return result;
  if (!by_other) to->own_entered.subtract(1);
  if (result == PutResult::full) to->dropped_full.add(1);
  return result;
}

PutResult LocalPool::put_unmarked(void* object) noexcept {
  Inbox* const to = inbox();
  return exists(to) ? to->box.put_unmarked(object) : PutResult::full;
}

/// The Inbox, made if need be. @returns null when memory is refused, no_inbox() when it is too
/// late.
Inbox* LocalPool::inbox() noexcept {
  // [sync: inbox] Acquire: what its maker wrote into it is seen.
  Inbox* known = inbox_.load_acquire();
  if (known != nullptr) [[likely]]
    return known;
  const RecyclerOptions& options = core->options();
  std::unique_ptr<Inbox> fresh(
      new (std::nothrow) Inbox(*core, *this, options.max_capacity_per_thread, options.blocking));
  if (fresh == nullptr) return nullptr;
  // [sync: inbox] Release: the Inbox is written before others find it.
  if (inbox_.compare_exchange_strong_release(known, fresh.get())) return fresh.release();
  return inbox_.load_acquire();
}

NoopHome* LocalPool::noop_home() {
  Inbox* const known = inbox();
  if (known == nullptr) throw std::bad_alloc();
  TARN_CHECK(known != no_inbox());
  return &known->noop;
}

bool LocalPool::step_ratio(std::uint32_t ratio) noexcept {
  if (ratio <= 1) return true;
  const bool pooled = new_objects_ == 0;
  if (++new_objects_ == ratio) new_objects_ = 0;
  return pooled;
}

void LocalPool::count_created(bool by_many) noexcept {
  if (by_many) {
    created_.fetch_add_relaxed(1);
  } else {
    created_.store_relaxed(created_.load_relaxed() + 1);
  }
  // A pinned pool whose thread has ended goes on making objects for whoever asks.
  if (is_closed()) live_.fetch_add_relaxed(1);
}

void LocalPool::count_not_created(bool by_many) noexcept {
  if (by_many) {
    created_.fetch_sub_relaxed(1);
  } else {
    created_.store_relaxed(created_.load_relaxed() - 1);
  }
  if (is_closed()) release();
}

bool LocalPool::cut_link() noexcept {
  is_linked_ = false;
  // [sync: pool-live] As in release().
  return live_.fetch_sub_acq_rel(1) == 1;
}

void LocalPool::release() noexcept {
  // [sync: pool-live] Release: what was done with the object comes before the pool's end; acquire:
  // the last one sees all of that.
  if (live_.fetch_sub_acq_rel(1) == 1) core->retire(*this);
}

LocalPool::~LocalPool() {
  delete[] array_;
  Inbox* const known = inbox_.load_acquire();
  if (exists(known)) delete known;
}

}  // namespace tarn::recycler
