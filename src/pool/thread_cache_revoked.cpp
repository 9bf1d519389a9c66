// SPDX-License-Identifier: Apache-2.0
// What is done to a ThreadCache while its owner is kept out: trims, flushes, the end. Layer: pool.
#include <algorithm>

#include "pool/region_list.hpp"
#include "tarn/detail/platform/asymmetric_fence.hpp"
#include "tarn/detail/pool/core.hpp"
#include "tarn/detail/pool/thread_cache.hpp"
#include "tarn/detail/sizing/size_classes.hpp"

namespace tarn::pool {
namespace {

// Regions that a flush gives to the arenas at once, and up to a stock more: more would keep an
// arena's lock for longer than some tens of microseconds, fewer take it more often.
constexpr std::size_t kGatheredRegions = 256;

}  // namespace

/// Keeps the owner out while somebody else, who holds the lock, changes the caches.
class ThreadCache::Revoked {
 public:
  Revoked(ThreadCache& cache, bool called_by_owner) noexcept
      : cache_(cache), active_(!called_by_owner && cache.owner_ != nullptr) {
    if (!active_) return;
    // Out of its slow steps first: there the owner itself writes what makes its usual path fail.
    cache_.lock_.shut_out(platform::heavy_fence);
    cache_.for_each_region_cache([](RegionCache& c) { c.revoke(); });
    cache_.outbox.set_limit(0);
    // [sync: cache-revoke] Either the owner sees what was just stored, or it is seen inside below.
    platform::heavy_fence();
    sync::PatientPause pause;
    while (owner_is_inside()) pause.run();
  }
  ~Revoked() {
    if (!active_) return;
    cache_.for_each_region_cache([](RegionCache& c) { c.restore(); });
    cache_.outbox.set_limit(cache_.owner_ != nullptr ? cache_.outbox_limit() : 0);
    cache_.lock_.let_in();
  }
  Revoked(const Revoked&) = delete;
  Revoked& operator=(const Revoked&) = delete;

 private:
  [[nodiscard]] bool owner_is_inside() const noexcept {
    bool inside = cache_.outbox.owner_is_inside();
    cache_.for_each_region_cache(
        [&inside](const RegionCache& c) { inside |= c.owner_is_inside(); });
    return inside;
  }

  ThreadCache& cache_;
  const bool active_;
};

bool ThreadCache::close(bool called_by_owner) noexcept {
  const sync::LockGuard guard(lock_.mutex());
  if (owner_ == nullptr) return false;
  const Revoked revoked(*this, called_by_owner);
  const bool was_bound = bound_.load_relaxed();
  Region* late = was_bound ? returned_.close() : nullptr;
  for_each_region_cache([](RegionCache& cache) { cache.set_owner(nullptr); });
  static_cast<void>(flush_locked());
  std::uint64_t late_bytes = 0;
  for (const Region* region = late; region != nullptr; region = next_region(region)) {
    late_bytes += sizing::size_of(sizing::SizeClass{static_cast<std::uint8_t>(region->size_class)});
  }
  queued_bytes_.fetch_sub_relaxed(late_bytes);
  core_.give_to_arenas(late);
  outbox.set_limit(0);
  owner_ = nullptr;
  arenas_ = {};
  bound_.store_relaxed(false);
  return was_bound;
}

// --- trimming ------------------------------------------------------------------------------------

bool ThreadCache::anything_to_give() const noexcept {
  return cached_bytes() + pending_bytes() != 0 || leased_bytes_.load() != 0;
}

void ThreadCache::trim(bool called_by_owner) noexcept {
  const sync::LockGuard guard(lock_.mutex());
  if (called_by_owner) {
    until_trim_ = static_cast<std::uint32_t>(core_.options().cache_trim_interval);
    stock_bound_.start_window(until_trim_);
  }
  if (owner_ == nullptr || !anything_to_give()) return;
  const Revoked revoked(*this, called_by_owner);
  hand_over_all();
  // What has come back and was not taken up is as little needed as what lay in stock.
  take_over_returned();
  std::size_t trimmed = 0;
  for_each_region_cache([this, &trimmed](RegionCache& cache) {
    const std::uint64_t needed = cache.take_interval_hits();
    const std::uint32_t size = cache.size();
    const auto excess = needed < size ? size - static_cast<std::uint32_t>(needed) : 0;
    if (excess != 0) {
      core_.give_to_arenas(cache.shed_oldest(excess).first);
      trimmed += excess;
    }
    if (needed == 0) cache.refill().restart();
    const auto useful =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(needed, cache.granted()));
    set_grant(cache, std::max(cache.size(), useful));
  });
  stock_bound_.narrow(leased_bytes_.load());
  core_.count_trimmed(trimmed);
}

// --- flushing ------------------------------------------------------------------------------------

std::uint64_t ThreadCache::flush(bool called_by_owner) noexcept {
  const sync::LockGuard guard(lock_.mutex());
  if (owner_ == nullptr || !anything_to_give()) return 0;
  const Revoked revoked(*this, called_by_owner);
  return flush_locked();
}

std::uint64_t ThreadCache::flush_locked() noexcept {
  std::uint64_t bytes = outbox.bytes();
  for (Outbox::Batch& batch : outbox.batches()) core_.give_to_arenas(outbox.take(batch).first);
  std::uint64_t queued = 0;
  Region* const returned = returned_.take_all();
  for (const Region* region = returned; region != nullptr; region = next_region(region)) {
    queued += region_cache(region->memory_kind, region->size_class).region_size();
  }
  queued_bytes_.fetch_sub_relaxed(queued);
  core_.give_to_arenas(returned);
  return bytes + queued + give_all_stocks();
}

std::uint64_t ThreadCache::give_all_stocks() noexcept {
  std::uint64_t bytes = 0;
  // Gathered, so that an arena is locked, and looks at its free pages, once for many classes.
  RegionList gathered;
  const auto give_gathered = [this, &gathered] {
    core_.give_to_arenas(gathered.first);
    gathered = {};
  };
  for (const MemoryKind kind : {MemoryKind::heap, MemoryKind::direct}) {
    for (std::size_t i = 0; i < class_count_; ++i) {
      RegionCache& cache = region_cache(kind, i);
      const RegionList stock = cache.shed_newest(cache.size());
      bytes += stock.count * cache.region_size();
      static_cast<void>(cache.take_interval_hits());
      cache.refill().restart();
      set_grant(cache, 0);
      prepend(stock, gathered);
      if (gathered.count >= kGatheredRegions) give_gathered();
    }
    give_gathered();
  }
  return bytes;
}

}  // namespace tarn::pool
