// SPDX-License-Identifier: Apache-2.0
// The pools of a recycler: made, found, emptied, ended. Layer: recycler.
#include "tarn/detail/recycler/core.hpp"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "recycler/pin.hpp"
#include "recycler/shared_queue.hpp"
#include "tarn/detail/base/check.hpp"
#include "tarn/detail/base/log.hpp"

namespace tarn::recycler {

// -- Beginning and end ------------------------------------------------------------------------

Core::Core(const RecyclerOptions& options, const Type& type)
    : options_(options),
      layout_(SlotLayout::of(type.size, type.alignment, options.guard == Guard::checked)),
      destroy_(type.destroy),
      keeps_handles_(type.keeps_handles) {}

Core::~Core() = default;

Core* Core::make(const RecyclerOptions& wanted, const Type& type) {
  const auto discard = [](Core* core) { core->end(); };
  std::unique_ptr<Core, decltype(discard)> core(new Core(in_force(wanted), type));
  const RecyclerOptions& options = core->options_;
  switch (options.form) {
    case RecyclerForm::per_thread:
      core->key_.emplace(end_pool_of_thread, core.get());
      core->key_index_ = core->key_->index();
      break;
    case RecyclerForm::pinned:
      core->single_ = &core->make_pool(HomeKind::local);
      core->pin_ = std::make_unique<Pin>(*core);
      core->pinned_to_.store_relaxed(thread_pointer());
      break;
    case RecyclerForm::shared:
      core->shared_ = std::make_unique<SharedQueue>(
          std::max<std::size_t>(options.max_capacity_per_thread, 1), options.blocking);
      core->single_ = &core->make_pool(HomeKind::shared);
      break;
  }
  if (base::log_enabled(LogLevel::debug)) {
    base::log(LogLevel::debug, "Recycler: " + describe(options));
  }
  return core.release();
}

void Core::end() noexcept {
  SlotList list;
  {
    const sync::LockGuard lock(mutex_);
    for (LocalPool* const pool : pools_) {
      if (!pool->is_closed()) close(*pool, is_mine(*pool), list);
    }
    pinned_to_.store_relaxed(0);
  }
  destroy_all(list);
  if (pin_ != nullptr) pin_->release();
  key_.reset();  // cuts the links from the threads
  if (single_ != nullptr) cut_link(*single_);
  drop_reference();
}

void Core::end_owner() noexcept {
  SlotList list;
  {
    const sync::LockGuard lock(mutex_);
    if (!single_->is_closed()) close(*single_, is_mine(*single_), list);
    pinned_to_.store_relaxed(0);
  }
  destroy_all(list);
}

void Core::end_pool_of_thread(void* value, void* self) noexcept {
  auto& pool = *static_cast<LocalPool*>(value);
  auto& core = *static_cast<Core*>(self);
  SlotList list;
  {
    const sync::LockGuard lock(core.mutex_);
    // The Recycler's end has closed it already if this is not the owner.
    if (!pool.is_closed()) core.close(pool, true, list);
  }
  core.destroy_all(list);
  core.cut_link(pool);
}

void Core::close(LocalPool& pool, bool by_owner, SlotList& list) noexcept {
  // A shared recycler's pool has no owner to wait for.
  pool.close(by_owner || is_shared(), list);
  if (is_shared()) pool.count_ended(shared_->close(list));
}

/// The last word about a pool of whoever could find it without an object of it.
void Core::cut_link(LocalPool& pool) noexcept {
  bool is_last = false;
  {
    const sync::LockGuard lock(mutex_);
    is_last = pool.cut_link();
  }
  if (is_last) retire(pool);
}

void Core::retire(LocalPool& pool) noexcept {
  {
    const sync::LockGuard lock(mutex_);
    retired_.add(pool.counts());
    const auto at = std::find(pools_.begin(), pools_.end(), &pool);
    TARN_CHECK(at != pools_.end());
    *at = pools_.back();
    pools_.pop_back();
  }
  delete &pool;
  drop_reference();
}

void Core::drop_reference() noexcept {
  // [sync: core-references] Release: what was done with the core comes before its end; acquire:
  // the last one sees all of that.
  if (references_.fetch_sub_acq_rel(1) == 1) delete this;
}

// -- Pools and threads ------------------------------------------------------------------------

LocalPool& Core::make_pool(HomeKind kind) {
  auto pool = std::make_unique<LocalPool>(*this, kind);
  if (keeps_handles_ && is_checked()) pool->by_hand.store_relaxed(ByHand::kept);
  const bool is_local = kind == HomeKind::local && options_.max_capacity_per_thread != 0;
  {
    const sync::LockGuard lock(mutex_);
    pools_.push_back(pool.get());
    const bool has_batch = is_local && (!options_.batch_fast_threads_only || !is_per_thread() ||
                                        tls::current_thread_is_fast());
    if (has_batch) {
      pool->open_batch(thread_pointer(), is_checked());
      pool->restore();
    }
  }
  add_reference();
  return *pool.release();
}

LocalPool& Core::make_pool_here() {
  key_->reserve();
  LocalPool& pool = make_pool(HomeKind::local);
  TARN_CHECK(key_->set(&pool) == nullptr);
  return pool;
}

void Core::follow_fast_scope(LocalPool& pool) noexcept {
  if (!is_per_thread() || options_.max_capacity_per_thread == 0) return;
  const bool wanted = tls::current_thread_is_fast();
  if (wanted == pool.has_batch()) return;
  void* without_place = nullptr;
  {
    const sync::LockGuard lock(mutex_);
    if (pool.is_closed()) return;  // the Recycler has ended meanwhile
    void* const hot = pool.revoke(true);
    if (wanted) {
      pool.open_batch(thread_pointer(), is_checked());
    } else {
      without_place = pool.end_batch(hot);
    }
    pool.restore();
  }
  if (without_place != nullptr) destroy(without_place);
}

void Core::begin_by_hand(Home& home) noexcept {
  const sync::LockGuard lock(mutex_);
  if (home.by_hand.load_relaxed() == ByHand::kept) return;
  // First of all, so that it holds also when the rest has to be tried again.
  home.by_hand.store_relaxed(ByHand::begun);
  auto& pool = static_cast<LocalPool&>(home);
  // Nothing waits in a pool that has closed.
  if (is_checked() && !pool.is_closed() && !pool.end_unmarked(is_mine(pool))) return;
  // [sync: by-hand] Release: what waits is marked before others rely on it.
  home.by_hand.store_release(ByHand::kept);
}

void Core::unpin_owner() noexcept {
  if (pin_ == nullptr) return;
  pin_->release();
  void* without_place = nullptr;
  {
    const sync::LockGuard lock(mutex_);
    if (pinned_to_.load_relaxed() == 0) return;
    void* const hot = single_->revoke(is_mine(*single_));
    without_place = single_->end_batch(hot);
    single_->restore();
    pinned_to_.store_relaxed(0);
  }
  if (without_place != nullptr) destroy(without_place);
}

void Core::wait_for_revoker() noexcept { const sync::LockGuard lock(mutex_); }

// -- Trims ------------------------------------------------------------------------------------

void Core::take_everything(LocalPool& pool, SlotList& list) noexcept {
  if (pool.is_closed()) return;
  if (is_shared()) {
    pool.count_ended(shared_->take_everything(list));
    return;
  }
  pool.take_everything(pool.revoke(is_mine(pool)), list);
  pool.restore();
}

std::size_t Core::trim() noexcept {
  LocalPool* const pool = pool_here();
  if (pool == nullptr) return 0;
  SlotList list;
  {
    const sync::LockGuard lock(mutex_);
    take_everything(*pool, list);
  }
  destroy_all(list);
  return list.count;
}

std::size_t Core::trim_all() noexcept {
  SlotList list;
  {
    const sync::LockGuard lock(mutex_);
    for (LocalPool* const pool : pools_) take_everything(*pool, list);
  }
  destroy_all(list);
  return list.count;
}

}  // namespace tarn::recycler
