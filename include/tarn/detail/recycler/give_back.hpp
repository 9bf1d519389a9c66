// SPDX-License-Identifier: Apache-2.0
// The way of an object back to its pool. Layer: recycler.
#pragma once

#include <cstdint>

#include "tarn/detail/recycler/local_pool.hpp"
#include "tarn/detail/recycler/slot.hpp"
#include "tarn/detail/recycler/thread_pointer.hpp"
#include "tarn/detail/tls/slots.hpp"

namespace tarn::recycler {

class Core;

/// How a checked recycler finds that the object waits already.
enum class How : std::uint8_t { guarded, unguarded };

// give_back ── the owner's thread: state, hot slot            (inline)
//        |          └── put_own_slow ── LocalPool::put_slow
//        └──── give_back_slow ── state ── Core::put

/// Puts the object, whose state says that it waits, where it belongs, or destroys it.
/// @param pool the object's, which is the calling thread's.
void put_own_slow(LocalPool& pool, void* object) noexcept;

/// @errors std::logic_error "object has been recycled already".
void give_back_slow(void* object);

/// For an object that nobody else should have: a second recycle is logged. `home` is the object's,
/// which is not looked for in the object: where all come back this way, the object's memory, which
/// its owner has or will have in its cache, is not touched at all (ADR 0054).
void give_back_owned_slow(void* object, Home& home) noexcept;
void report_recycled_behind_back(const void* object) noexcept;

[[noreturn]] void throw_recycled_already();

/// From now on objects of `home` may come back by other ways than a Recycled's end: their states
/// are made right, and kept so.
void begin_by_hand(Home& home) noexcept;

/// Lets another object than the handle's pass only in an unchecked recycler.
/// @param own the handle's object, or null.
/// @errors std::invalid_argument "object does not belong to handle".
void check_other_object(const void* own, const void* given);

/// Lets an object of another recycler than `own` pass only if that is an unchecked one.
/// @errors std::invalid_argument.
void check_other_core(const Core& own);

/// Whether the object will be destroyed when it is recycled.
[[nodiscard]] bool is_noop(const void* object) noexcept;

/// Where `object` belongs: what its slot says, but from the thread's own memory if it is the same
/// as last time. The place in the pool that is written next is then known at once; else a processor
/// has the next get wait for the slot, and then for that place (ADR 0025: twice the time).
[[nodiscard]] [[gnu::always_inline]] inline Home& home_by_last(void* object) noexcept {
  // Relaxed: it is only compared, and equal to what an object refers to that the caller holds.
  const void* const last = tls::t_words.last_home.load_relaxed();
  Home* home = static_cast<Home*>(const_cast<void*>(last));
  if (!is_same(home, slot_of(object)->home)) [[unlikely]] {
    home = slot_of(object)->home;
    tls::t_words.last_home.store_relaxed(home);
  }
  return *home;
}

/// Puts the object into the hot slot of a pool that is the calling thread's.
[[gnu::always_inline]] inline void put_own(LocalPool& pool, void* object) noexcept {
  if (pool.push(object)) [[likely]]
    return;
  put_own_slow(pool, object);
}

/// For handles. @errors as give_back_slow.
template <How kHow>
[[gnu::always_inline]] inline void give_back(void* object) {
  Home& home = home_by_last(object);
  if (is_this_thread(home.checked_owner.load_relaxed())) [[likely]] {
    SlotState& state = state_of(object);
    const bool was_out = kHow == How::guarded ? state.recycle_guarded() : state.recycle_unguarded();
    if (!was_out) [[unlikely]]
      throw_recycled_already();
    put_own(static_cast<LocalPool&>(home), object);
    return;
  }
  give_back_slow(object);
}

/// For Recycled. `home` is the object's.
[[gnu::always_inline]] inline void give_back_owned(void* object, Home& home) noexcept {
  if (!is_this_thread(home.unchecked_owner.load_relaxed())) {
    if (!is_this_thread(home.checked_owner.load_relaxed())) [[unlikely]] {
      give_back_owned_slow(object, home);
      return;
    }
    if (!state_of(object).recycle_unguarded()) [[unlikely]] {
      report_recycled_behind_back(object);
      return;
    }
  }
  put_own(static_cast<LocalPool&>(home), object);
}

}  // namespace tarn::recycler
