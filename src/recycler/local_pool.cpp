// SPDX-License-Identifier: Apache-2.0
// The owner's way when the hot slot does not do:
//
//     take_slow ── array ── refill from stock ── take over the return box
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
// Never inline: put_inside(), which seldom needs it, is then short enough to be inlined itself.
[[gnu::noinline]] bool LocalPool::make_room() noexcept {
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

}  // namespace tarn::recycler
