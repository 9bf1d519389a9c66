// SPDX-License-Identifier: Apache-2.0
// The owner's way when the hot slot does not do, and what others do with a pool. Layer: recycler.
#include "tarn/detail/recycler/local_pool.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "recycler/inbox.hpp"
#include "tarn/detail/base/check.hpp"
#include "tarn/detail/base/log.hpp"
#include "tarn/detail/platform/asymmetric_fence.hpp"
#include "tarn/detail/recycler/core.hpp"

namespace tarn::recycler {
namespace {

/// Entries of a batch's array at most: 4 KiB. A larger chunk_size is served from the stock, in
/// the same order, so a longer array would only cost memory.
constexpr std::size_t kMaxArray = 511;

[[nodiscard]] bool exists(const Inbox* inbox) noexcept {
  return inbox != nullptr && inbox != no_inbox();
}

}  // namespace

// -- The owner's slow half --------------------------------------------------------------------
//
//     take_slow ── array ── refill from stock ── take over the return box
//     put_slow ─── array ── make_room: spill the older half to the stock

std::size_t LocalPool::array_capacity() const noexcept {
  return std::min(core->options().chunk_size - 1, kMaxArray);
}

void* LocalPool::take_slow() noexcept {
  if (core->options().batch_fast_threads_only) [[unlikely]]
    core->follow_fast_scope(*this);
  while (true) {
    if (!gate_.try_enter() && !wait_and_enter()) [[unlikely]]
      return nullptr;
    void* const object = take_inside();
    gate_.leave();
    if (object == nullptr || !core->is_checked() || state_of(object).take()) [[likely]]
      return object;
    taken_slowly_.subtract(1);
    report_taken_twice();
  }
}

PutResult LocalPool::put_slow(void* object) noexcept {
  if (!gate_.try_enter() && !wait_and_enter()) [[unlikely]]
    return PutResult::closed;
  const PutResult result = put_inside(object);
  gate_.leave();
  return result;
}

void report_taken_twice() noexcept {
  base::log(LogLevel::error,
            "Recycler: an object was in its pool twice: two threads have recycled it at once, one "
            "of them unguarded; it is handed out once");
}

/// Enters the gate, after any revoker. @returns false when the pool has closed.
bool LocalPool::wait_and_enter() noexcept {
  do {
    if (is_closed()) return false;
    core->wait_for_revoker();
  } while (!gate_.try_enter());
  return true;
}

bool LocalPool::is_waiting(void* object) const noexcept {
  return !core->is_checked() || state_of(object).is_waiting();
}

inline void* LocalPool::take_inside() noexcept {
  std::uint32_t size = array_size_.load_relaxed();
  if (size == 0) [[unlikely]] {
    Inbox* const inbox = inbox_.load_acquire();
    if (!exists(inbox)) return nullptr;
    if (inbox->stock == nullptr) inbox->stock = inbox->box.take_all();
    if (inbox->stock == nullptr) return nullptr;
    refill(*inbox);
    size = array_size_.load_relaxed();
    if (size == 0) return take_from_stock(*inbox);
  }
  taken_slowly_.add(1);
  void* const object = array_[--size];
  // The next of a series is then taken in the short way, which does not look whether it is out.
  if (size != 0 && is_waiting(array_[size - 1]) && hot_.push(array_[size - 1])) --size;
  array_size_.store_relaxed(size);
  return object;
}

/// Moves the newest of the stock to the array, as many as fit; none without a batch or memory.
void LocalPool::refill(Inbox& inbox) noexcept {
  const std::size_t capacity = array_capacity();
  if (!has_batch() || !make_array()) return;
  // From the end of the array downward, so that the newest is taken first.
  std::size_t begin = capacity;
  Slot* slot = inbox.stock;
  while (slot != nullptr && begin != 0) {
    array_[--begin] = object_of(slot);
    slot = slot->next;
  }
  const std::size_t moved = capacity - begin;
  std::memmove(array_, array_ + begin, moved * sizeof(*array_));
  inbox.stock = slot;
  inbox.box.forget(moved);
  array_size_.store_relaxed(static_cast<std::uint32_t>(moved));
}

void* LocalPool::take_from_stock(Inbox& inbox) noexcept {
  taken_slowly_.add(1);
  Slot* const slot = inbox.stock;
  inbox.stock = slot->next;
  inbox.box.forget(1);
  return object_of(slot);
}

inline PutResult LocalPool::put_inside(void* object) noexcept {
  if (array_ == nullptr && !make_array()) [[unlikely]]
    return put_in_box(object, false);
  if (array_size_.load_relaxed() >= array_capacity() && !make_room()) [[unlikely]]
    return PutResult::full;
  void* older = hot_.replace(object);
  if (older == nullptr) [[unlikely]] {
    // A revoker has been here: the hot slot is empty, or still sealed.
    if (hot_.push(object)) return PutResult::stored;
    older = object;
  }
  const std::uint32_t size = array_size_.load_relaxed();
  array_[size] = older;
  array_size_.store_relaxed(size + 1);
  return PutResult::stored;
}

/// @returns false when memory is refused.
bool LocalPool::make_array() noexcept {
  if (array_ != nullptr) return true;
  // One more than the batch needs besides the hot slot: end_batch() empties that into the array.
  array_ = new (std::nothrow) void*[array_capacity() + 1];
  return array_ != nullptr;
}

/// Spills the older half of the full array to the stock, or as much of it as there is room for.
/// @returns false when the pool is full.
bool LocalPool::make_room() noexcept {
  const std::uint32_t size = array_size_.load_relaxed();
  Inbox* const mine = inbox();
  if (!exists(mine)) return false;
  const std::size_t half = (std::size_t{size} + 1) / 2;
  const auto spilled =
      static_cast<std::uint32_t>(mine->box.reserve(half, core->options().max_capacity_per_thread));
  if (spilled == 0) {
    mine->dropped_full.add(1);
    return false;
  }
  mine->own_entered.add(spilled);
  for (std::uint32_t i = 0; i < spilled; ++i) {
    Slot* const slot = slot_of(array_[i]);
    slot->next = mine->stock;
    mine->stock = slot;
  }
  std::memmove(array_, array_ + spilled, (size - spilled) * sizeof(*array_));
  array_size_.store_relaxed(size - spilled);
  return true;
}

// -- Objects and homes ------------------------------------------------------------------------

PutResult LocalPool::put_in_box(void* object, bool by_other) noexcept {
  Inbox* const to = inbox();
  if (to == nullptr) {
    core->count_dropped_without_memory();
    return PutResult::full;
  }
  if (to == no_inbox()) return PutResult::closed;
  if (!by_other) to->own_entered.add(1);
  const PutResult result = to->box.put(slot_of(object), core->options().max_capacity_per_thread);
  // Of a stored object the thread knows nothing any more, nor whether the pool still exists.
  if (result == PutResult::stored) return result;
  if (!by_other) to->own_entered.subtract(1);
  if (result == PutResult::full) to->dropped_full.add(1);
  return result;
}

/// The Inbox, made if need be. @returns null when memory is refused, no_inbox() when it is too
/// late.
Inbox* LocalPool::inbox() noexcept {
  // [sync: inbox] Acquire: what its maker wrote into it is seen.
  Inbox* known = inbox_.load_acquire();
  if (known != nullptr) [[likely]]
    return known;
  std::unique_ptr<Inbox> fresh(new (std::nothrow) Inbox(*core, *this, core->options().blocking));
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

// -- Revokers, under the core's lock ----------------------------------------------------------

void* LocalPool::revoke(bool by_owner) noexcept {
  const auto fence = [by_owner] {
    if (!by_owner) platform::heavy_fence();
  };
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

void LocalPool::take_everything(void* hot, SlotList& list) noexcept {
  const std::size_t before = list.count;
  Inbox* const from = inbox_.load_acquire();
  if (exists(from)) {
    std::size_t taken = take_list(std::exchange(from->stock, nullptr), list);
    taken += take_list(from->box.take_all(), list);
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
    take_list(inbox_.load_acquire()->box.close(), list);
    ended_.add(list.count - before);
  }
  checked_owner.store_relaxed(0);
  unchecked_owner.store_relaxed(0);
  // Relaxed: whoever misses it finds the box closed, or waits for the core's lock.
  closed_.store_relaxed(1);
  // [sync: pool-live] As in release(). The one more is the link, so this is never the last.
  live_.fetch_add_acq_rel(static_cast<std::int64_t>(created_.load_relaxed()) + 1);
}

// -- Numbers ----------------------------------------------------------------------------------

std::size_t LocalPool::waiting() const noexcept {
  if (is_closed()) return 0;
  const Inbox* const known = inbox_.load_acquire();
  // Two numbers that are read one after the other: their difference is within the bound only when
  // both are of the same moment.
  const std::size_t boxed =
      exists(known) ? std::min(known->box.waiting(), core->options().max_capacity_per_thread) : 0;
  return boxed + array_size_.load_relaxed() + (hot_.holds_object() ? 1 : 0);
}

LocalPool::Counts LocalPool::counts() const noexcept {
  Counts counts{};
  const auto live = static_cast<std::uint64_t>(live_.load_relaxed());
  counts.created = created_.load_relaxed();
  counts.reused = hot_.pops() + taken_slowly_.load();
  counts.destroyed = is_closed() ? counts.created + (is_linked_ ? 1 : 0) - live : 0 - live;
  counts.ended = ended_.load();
  const Inbox* const known = inbox_.load_acquire();
  if (exists(known)) {
    counts.dropped_full = known->dropped_full.load();
    counts.returned_by_others = known->box.entered() - known->own_entered.load();
  }
  return counts;
}

LocalPool::~LocalPool() {
  delete[] array_;
  Inbox* const known = inbox_.load_acquire();
  if (exists(known)) delete known;
}

}  // namespace tarn::recycler
