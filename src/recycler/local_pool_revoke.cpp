// SPDX-License-Identifier: Apache-2.0
// What is done to a pool while its owner is kept out, under the core's lock. Layer: recycler.
#include <algorithm>
#include <utility>

#include "recycler/inbox.hpp"
#include "tarn/detail/base/check.hpp"
#include "tarn/detail/platform/asymmetric_fence.hpp"
#include "tarn/detail/recycler/core.hpp"
#include "tarn/detail/recycler/local_pool.hpp"

namespace tarn::recycler {
namespace {

constexpr std::size_t kAll = ~std::size_t{0};

/// The fence by which others see what the owner does; it sees that itself.
[[nodiscard]] auto fence_for(bool by_owner) noexcept {
  return [by_owner] {
    if (!by_owner) platform::heavy_fence();
  };
}

}  // namespace

void* LocalPool::revoke(bool by_owner) noexcept {
  const auto fence = fence_for(by_owner);
  gate_.forbid();
  std::uintptr_t hot = hot_.seal();
  gate_.wait_until_outside(fence);
  while (true) {
    const HotSlot::Look look = hot_.look(hot);
    if (look == HotSlot::Look::final) return hot_.keep(hot);
    if (look == HotSlot::Look::busy) {
      sync::YieldingPause::run();
      continue;
    }
    hot = hot_.seal();
    fence();
  }
}

void LocalPool::restore() noexcept {
  if (has_batch()) hot_.unseal();
  gate_.restore();
}

void LocalPool::open_batch(std::uintptr_t owner, bool checked) noexcept {
  (checked ? checked_owner : unchecked_owner).store_relaxed(owner);
}

void* LocalPool::end_batch(void* hot) noexcept {
  checked_owner.store_relaxed(0);
  unchecked_owner.store_relaxed(0);
  if (hot == nullptr) return nullptr;
  if (make_array()) {
    const std::uint32_t size = array_size_.load_relaxed();
    array_[size] = hot;
    array_size_.store_relaxed(size + 1);
    return nullptr;
  }
  return put_in_box(hot, false) == PutResult::stored ? nullptr : hot;
}

bool LocalPool::end_unmarked(bool by_owner) noexcept {
  // Made, though nothing may be in it: else whoever makes it later might still put unmarked.
  Inbox* const from = inbox();
  if (from == nullptr) return false;
  TARN_ASSERT(!is_closed());
  // The hot slot stays as it is: what is in there is marked, and needs no gate to get there.
  gate_.revoke(fence_for(by_owner));
  from->box.end_unmarked([](void* object) { return state_of(object).recycle_unguarded(); });
  gate_.restore();
  return true;
}

void LocalPool::take_everything(void* hot, SlotList& list) noexcept {
  const std::size_t before = list.count;
  Inbox* const from = inbox_.load_acquire();
  if (exists(from)) {
    from->box.take_cells(kAll, [&](Returned returned) { take_returned(returned, list); });
    std::size_t taken = take_list(std::exchange(from->stock, nullptr), list);
    taken += take_list(from->box.take_list(), list);
    from->box.forget(taken);
  }
  std::size_t size = array_size_.load_relaxed();
  // Without an array it is the only one, so there is nothing to compare it with.
  if (hot != nullptr && array_ != nullptr) {
    array_[size++] = hot;
  } else if (hot != nullptr) {
    take_one(hot, list);
  }
  if (!core->is_checked() && size != 0) {
    // Nobody has looked for objects that were recycled twice; destroying them twice is worse.
    std::sort(array_, array_ + size);
    size = static_cast<std::size_t>(std::unique(array_, array_ + size) - array_);
  }
  for (std::size_t i = 0; i < size; ++i) take_one(array_[i], list);
  array_size_.store_relaxed(0);
  ended_.add(list.count - before);
}

/// Adds an object, unless it is in the list already.
void LocalPool::take_one(void* object, SlotList& list) const noexcept {
  if (!core->is_checked() || state_of(object).take()) {
    list.push(slot_of(object));
  } else {
    report_taken_twice();
  }
}

/// The same for one out of a cell.
void LocalPool::take_returned(Returned returned, SlotList& list) const noexcept {
  if (void* const object = marked(returned)) take_one(object, list);
}

/// Adds what is linked. @returns how many that were, those included that are in the list already.
std::size_t LocalPool::take_list(Slot* slots, SlotList& list) const noexcept {
  std::size_t count = 0;
  while (slots != nullptr) {
    Slot* const next = slots->next;
    take_one(object_of(slots), list);
    slots = next;
    ++count;
  }
  return count;
}

void LocalPool::close(bool by_owner, SlotList& list) noexcept {
  TARN_ASSERT(!is_closed());
  take_everything(revoke(by_owner), list);
  Inbox* none = nullptr;
  if (!inbox_.compare_exchange_strong_release(none, no_inbox())) {
    const std::size_t before = list.count;
    take_list(
        inbox_.load_acquire()->box.close([&](Returned returned) { take_returned(returned, list); }),
        list);
    ended_.add(list.count - before);
  }
  checked_owner.store_relaxed(0);
  unchecked_owner.store_relaxed(0);
  // Relaxed: whoever misses it finds the box closed, or waits for the core's lock.
  closed_.store_relaxed(1);
  // [sync: pool-live] As in release(). The one more is the link, so this is never the last.
  live_.fetch_add_acq_rel(static_cast<std::int64_t>(created_.load_relaxed()) + 1);
}

}  // namespace tarn::recycler
