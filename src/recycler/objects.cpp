// SPDX-License-Identifier: Apache-2.0
// A recycler's objects: made, taken, put where they belong, destroyed. Layer: recycler.
#include "recycler/shared_queue.hpp"
#include "tarn/detail/recycler/core.hpp"

namespace tarn::recycler {

Core::Taken Core::take() {
  LocalPool* const known = pool_here();
  LocalPool& pool = known != nullptr ? *known : make_pool_here();
  if (is_shared()) {
    if (void* const object = take_shared()) return {object, false};
  }
  return {make_slot(pool), true};
}

void* Core::take_shared() noexcept {
  while (true) {
    void* const object = shared_->take();
    if (object == nullptr || !is_checked() || state_of(object).take()) return object;
    shared_->count_not_taken();
    report_taken_twice();
  }
}

void* Core::make_slot(LocalPool& pool) {
  const bool is_pooled =
      options_.max_capacity_per_thread != 0 && (is_shared() || pool.step_ratio(options_.ratio));
  Home* const home = is_pooled ? &pool : static_cast<Home*>(pool.noop_home());
  void* const object = layout_.allocate(home, is_checked());
  pool.count_created(is_shared());
  return object;
}

void Core::abandon(void* object) noexcept {
  LocalPool& pool = pool_of(*slot_of(object)->home);
  layout_.deallocate(object);
  pool.count_not_created(is_shared());
}

void Core::put(void* object) noexcept {
  Home& home = *slot_of(object)->home;
  PutResult result = PutResult::full;
  switch (home.kind) {
    case HomeKind::noop:
      break;
    case HomeKind::shared:
      result = shared_->put(object);
      break;
    case HomeKind::local:
      result = put_local(static_cast<LocalPool&>(home), object);
      break;
  }
  // Of a stored object nothing is known any more, not even that the core still exists.
  if (result != PutResult::stored) drop(object, result);
}

bool Core::put_unmarked(Home& home, void* object) noexcept {
  auto& pool = static_cast<LocalPool&>(home);  // others are by hand from the start
  return !is_mine(pool) && pool.put_unmarked(object) == PutResult::stored;
}

void Core::drop(void* object, PutResult why) noexcept {
  if (why == PutResult::closed) dropped_closed_.add(1);
  destroy(object);
}

PutResult Core::put_local(LocalPool& pool, void* object) noexcept {
  if (!is_mine(pool)) return pool.put_in_box(object, true);
  if (options_.batch_fast_threads_only) follow_fast_scope(pool);
  return pool.has_batch() ? pool.put_slow(object) : pool.put_in_box(object, false);
}

void Core::destroy(void* object) noexcept {
  LocalPool& pool = pool_of(*slot_of(object)->home);
  destroy_(object);
  layout_.deallocate(object);
  pool.release();
}

void Core::destroy_all(const SlotList& list) noexcept {
  Slot* slot = list.first;
  while (slot != nullptr) {
    Slot* const next = slot->next;
    destroy(object_of(slot));
    slot = next;
  }
}

}  // namespace tarn::recycler
