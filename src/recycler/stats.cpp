// SPDX-License-Identifier: Apache-2.0
// The numbers of a recycler and of its pools. Layer: recycler.
#include <algorithm>

#include "recycler/inbox.hpp"
#include "recycler/shared_queue.hpp"
#include "tarn/detail/recycler/core.hpp"

namespace tarn::recycler {

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

std::size_t Core::thread_local_size() const noexcept {
  if (is_shared()) return shared_->size();
  const LocalPool* const pool = pool_here();
  return pool == nullptr ? 0 : pool->waiting();
}

RecyclerStats Core::to_stats(const LocalPool::Counts& counts) const noexcept {
  RecyclerStats stats;
  stats.created = counts.created;
  stats.reused = counts.reused;
  stats.destroyed = counts.destroyed;
  stats.dropped_full = counts.dropped_full;
  stats.returned_by_others = counts.returned_by_others;
  if (is_shared()) {
    stats.reused += shared_->taken();
    stats.dropped_full += shared_->dropped_full();
    stats.pooled = shared_->size();
  }
  return stats;
}

RecyclerStats Core::stats() const {
  const sync::LockGuard lock(mutex_);
  LocalPool::Counts counts = retired_;
  std::uint64_t pooled = 0;
  for (const LocalPool* const pool : pools_) {
    counts.add(pool->counts());
    pooled += pool->waiting();
  }
  RecyclerStats stats = to_stats(counts);
  stats.pooled += pooled;
  stats.dropped_full += dropped_without_memory_.load();
  stats.dropped_closed = dropped_closed_.load();
  // What is left of the destroyed ones; an object is counted by its reason, then as destroyed.
  const std::uint64_t others = counts.ended + stats.dropped_full + stats.dropped_closed;
  stats.dropped_noop = stats.destroyed > others ? stats.destroyed - others : 0;
  return stats;
}

RecyclerStats Core::thread_local_stats() const {
  const sync::LockGuard lock(mutex_);
  const LocalPool* const pool = pool_here();
  if (pool == nullptr) return {};
  const LocalPool::Counts counts = pool->counts();
  RecyclerStats stats = to_stats(counts);
  stats.pooled += pool->waiting();
  const std::uint64_t others = counts.ended + stats.dropped_full;
  stats.dropped_noop = stats.destroyed > others ? stats.destroyed - others : 0;
  return stats;
}

}  // namespace tarn::recycler
