// SPDX-License-Identifier: Apache-2.0
// The owner's way when the hot slot does not do:
//
//     take_slow ── array ── refill from the return box's cells, or the stock ── take over its list
//     put_slow ─── array ── make_room: spill the older half to the stock
//
// Layer: recycler.
#include "tarn/detail/recycler/local_pool.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "recycler/inbox.hpp"
#include "tarn/detail/base/log.hpp"
#include "tarn/detail/recycler/core.hpp"
#include "tarn/detail/recycler/give_back.hpp"

namespace tarn::recycler {
namespace {

/// Entries of a batch's array at most: 4 KiB. A larger chunk_size is served from the stock, in
/// the same order, so a longer array would only cost memory.
constexpr std::size_t kMaxArray = 511;

}  // namespace

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
    size = refill();
    if (size == 0) return take_single();
  }
  taken_slowly_.add(1);
  void* const object = array_[--size];
  // The next of a series is then taken in the short way, which does not look whether it is out.
  if (size != 0 && is_waiting(array_[size - 1]) && hot_.push(array_[size - 1])) --size;
  array_size_.store_relaxed(size);
  return object;
}

/// Marks an object that comes out of a cell as waiting. @returns null when it is in its pool
/// already.
void* LocalPool::marked(Returned returned) const noexcept {
  void* const object = returned.object();
  if (returned.is_marked() || !core->is_checked() || state_of(object).recycle_unguarded())
      [[likely]]
    return object;
  report_recycled_behind_back(object);
  return nullptr;
}

/// Fills the empty array: with the newest of the stock, where the older part of the batch may be;
/// else from the cells, so that those who put in there find room; else from the box's list.
/// @returns how many it has then; none without a batch or memory.
// Never inline, nor take_single(): take_inside(), which seldom needs them, is then short enough to
// be inlined itself.
[[gnu::noinline]] std::uint32_t LocalPool::refill() noexcept {
  Inbox* const inbox = inbox_.load_acquire();
  if (!exists(inbox) || !has_batch() || !make_array()) return 0;
  std::uint32_t size = 0;
  if (inbox->stock == nullptr) {
    inbox->box.take_cells(array_capacity(), [&](Returned returned) {
      if (void* const object = marked(returned)) array_[size++] = object;
    });
    if (size == 0) inbox->stock = inbox->box.take_list();
  }
  if (inbox->stock != nullptr) size = refill_from_stock(*inbox);
  array_size_.store_relaxed(size);
  return size;
}

std::uint32_t LocalPool::refill_from_stock(Inbox& inbox) noexcept {
  const std::size_t capacity = array_capacity();
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
  return static_cast<std::uint32_t>(moved);
}

/// An object for an owner without an array, in the order of refill(); null when none waits.
[[gnu::noinline]] void* LocalPool::take_single() noexcept {
  Inbox* const inbox = inbox_.load_acquire();
  if (!exists(inbox)) return nullptr;
  void* object = nullptr;
  if (inbox->stock == nullptr) {
    const auto keep = [&](Returned returned) { object = marked(returned); };
    while (object == nullptr && inbox->box.take_cells(1, keep) != 0) {
    }
    if (object == nullptr) inbox->stock = inbox->box.take_list();
  }
  if (inbox->stock != nullptr) {
    object = object_of(inbox->stock);
    inbox->stock = inbox->stock->next;
    inbox->box.forget(1);
  }
  if (object != nullptr) taken_slowly_.add(1);
  return object;
}

inline PutResult LocalPool::put_inside(void* object) noexcept {
  if (array_ == nullptr && !make_array()) [[unlikely]]
    return put_in_box(object, false);
  if (array_size_.load_relaxed() >= array_capacity()) [[unlikely]]
    return put_when_full(object);
  return put_newest(object);
}

/// Makes `object` the newest, and the one before it the array's. @pre the array has room for one.
inline PutResult LocalPool::put_newest(void* object) noexcept {
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

/// Puts `object` where the array is full.
// Never inline: put_inside(), which seldom needs it, is then short enough to be inlined itself.
[[gnu::noinline]] PutResult LocalPool::put_when_full(void* object) noexcept {
  // Not every way here has looked at the hot slot.
  if (hot_.push(object)) return PutResult::stored;
  return make_room() ? put_newest(object) : PutResult::full;
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
  if (mine == nullptr) core->count_dropped_without_memory();
  if (!exists(mine)) return false;
  const std::size_t half = (std::size_t{size} + 1) / 2;
  auto spilled = static_cast<std::uint32_t>(mine->box.reserve(half));
  mine->own_entered.add(spilled);
  for (std::uint32_t i = 0; i < spilled; ++i) {
    Slot* const slot = slot_of(array_[i]);
    slot->next = mine->stock;
    mine->stock = slot;
  }
  if (spilled == 0) {
    // What is left of the bound is cells.
    if (put_in_box(array_[0], false) != PutResult::stored) return false;
    spilled = 1;
  }
  std::memmove(array_, array_ + spilled, (size - spilled) * sizeof(*array_));
  array_size_.store_relaxed(size - spilled);
  return true;
}

}  // namespace tarn::recycler
