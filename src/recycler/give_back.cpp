// SPDX-License-Identifier: Apache-2.0
// The way back of objects that are not their thread's own, and what is wrong with some.
// Layer: recycler.
#include "tarn/detail/recycler/give_back.hpp"

#include <stdexcept>

#include "tarn/detail/base/log.hpp"
#include "tarn/detail/recycler/core.hpp"

namespace tarn::recycler {
namespace {

[[nodiscard]] Home& home_of(const void* object) noexcept {
  // The slot is read only; slot_of() serves writers too.
  return *slot_of(const_cast<void*>(object))->home;
}

// In a thread that is not the owner every way back is guarded, as an object that is in a return
// box's list twice would tie it into a knot, not only be handed out twice; or is not looked at at
// all, when nobody but the one holder could bring the object back.

void give_back_looked_at(void* object, Core& core) noexcept {
  if (core.is_checked() && !state_of(object).recycle_guarded()) {
    report_recycled_behind_back(object);
    return;
  }
  core.put(object);
}

[[gnu::noinline]] void give_back_unseen(void* object, Home& home) noexcept {
  Core& core = *home.core;
  if (!core.put_unmarked(home, object)) give_back_looked_at(object, core);
}

}  // namespace

void put_own_slow(LocalPool& pool, void* object) noexcept {
  const PutResult result = pool.put_slow(object);
  if (result != PutResult::stored) pool.core->drop(object, result);
}

void give_back_slow(void* object) {
  Core& core = *home_of(object).core;
  if (core.is_checked() && !state_of(object).recycle_guarded()) throw_recycled_already();
  core.put(object);
}

void give_back_owned_slow(void* object, Home& home) noexcept {
  // Two calls at the end of this one, so that the usual way saves no registers.
  if (home.by_hand.load_relaxed() == ByHand::never) return give_back_unseen(object, home);
  give_back_looked_at(object, *home.core);
}

void report_recycled_behind_back(const void*) noexcept {
  base::log(LogLevel::error,
            "Recycled: object has been recycled already, behind its holder's back; left alone");
}

void begin_by_hand(Home& home) noexcept { home.core->begin_by_hand(home); }

void throw_recycled_already() { throw std::logic_error("object has been recycled already"); }

void check_other_object(const void* own, const void* given) {
  const bool looks = own == nullptr || home_of(own).core->is_checked();
  if (looks || given == nullptr) throw std::invalid_argument("object does not belong to handle");
}

void check_other_core(const Core& own) {
  if (own.is_checked()) throw std::invalid_argument("object does not belong to recycler");
}

bool is_noop(const void* object) noexcept {
  Home& home = home_of(object);
  return home.kind == HomeKind::noop || pool_of(home).is_closed();
}

}  // namespace tarn::recycler
