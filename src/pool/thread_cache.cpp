// SPDX-License-Identifier: Apache-2.0
// The slow half of a ThreadCache: taking from the arena, keeping what its own thread releases.
// Layer: pool.
#include "tarn/detail/pool/thread_cache.hpp"

#include <algorithm>
#include <new>

#include "pool/arena.hpp"
#include "tarn/detail/base/units.hpp"
#include "tarn/detail/pool/core.hpp"
#include "tarn/detail/tls/slots.hpp"

namespace tarn::pool {
namespace {

// A full stock of up to so many regions gives its oldest to the arena: their memory is the least
// likely to lie in the processor's caches. To reach the oldest of a longer one is a cache miss for
// each region that stays, so it gives its newest (docs/adr/0040-bounds-of-a-thread-cache.md).
constexpr std::uint32_t kShortStock = 64;
// Bytes that one refill from the arena brings at most, and regions: they share the arena's lock and
// the look-up of a subpage. Threads of 600 small allocations and a growing load take 7% more
// instructions with half as many regions, 3% fewer with twice as many. Of 4 to 64 regions and 8 to
// 128 KiB these two have the lowest peaks: the highest of ten recorded traces is 1.28 times
// glibc's, with the others 1.28 to 1.49 (docs/adr/0040-bounds-of-a-thread-cache.md).
constexpr std::size_t kRefillBytes = 32 * base::kKiB;
constexpr std::uint32_t kRefillRegions = 16;
static_assert(kRefillRegions <= RegionCache::kMostRefill);
// Hits that a stock may make before its thread counts them: the part of a trim interval below,
// at most kMostLease. More delays a trim, when many classes are in use, by more than the 1/128 of
// the interval that each may add; fewer calls end_lease() more often.
constexpr std::uint32_t kLeasesAnInterval = 128;
constexpr std::uint32_t kMostLease = 64;
static_assert(kMostLease <= RegionCache::kMostLease);

}  // namespace

// Remembered where nothing is: at no address, and not live. Never written.
constinit Region no_region;

ThreadCache::ThreadCache(PoolCore& core, std::size_t class_count, std::size_t number) noexcept
    : core_(core), class_count_(class_count) {
  for (std::size_t i = 0; i < 2 * class_count; ++i) {
    auto* const cache = new (caches() + i) RegionCache;
    cache->describe(*this, number, core.stock_description(static_cast<MemoryKind>(i % 2), i / 2));
  }
  recent_.fill(&no_region);
  // No release may be queued for a cache that no thread owns.
  static_cast<void>(returned_.close());
}

// --- opening
// --------------------------------------------------------------------------------------

void ThreadCache::open() noexcept {
  const sync::LockGuard guard(lock_.mutex());
  TARN_CHECK(owner_ == nullptr);
  owner_ = tls::thread_token();
  outbox.set_limit(outbox_limit());
}

void ThreadCache::bind(Arena* heap, Arena* direct) noexcept {
  const sync::LockGuard guard(lock_.mutex());
  TARN_CHECK(owner_ == tls::thread_token());
  arenas_ = {heap, direct};
  until_trim_ = static_cast<std::uint32_t>(core_.options().cache_trim_interval);
  stock_bound_.start(core_.options().max_cached_bytes_per_thread, until_trim_);
  for_each_region_cache([this](RegionCache& cache) { cache.set_owner(owner_); });
  returned_.open();
  bound_.store_relaxed(true);
}

// --- counting ------------------------------------------------------------------------------------

void ThreadCache::count_allocations(std::uint32_t allocations) noexcept {
  const auto interval = static_cast<std::uint32_t>(core_.options().cache_trim_interval);
  if (interval == 0 || allocations < until_trim_) {
    until_trim_ -= allocations;
  } else {
    trim(true);
    core_.visit_next_arena();
  }
}

void ThreadCache::end_lease(RegionCache& cache) noexcept {
  count_allocations(cache.granted_lease());
  const auto interval = static_cast<std::uint32_t>(core_.options().cache_trim_interval);
  const std::uint32_t share =
      interval == 0 ? kMostLease : std::clamp(interval / kLeasesAnInterval, 1U, kMostLease);
  // Not past the interval's end: a thread that uses one class is trimmed at its exact allocation.
  cache.start_lease(interval == 0 ? share : std::min(share, until_trim_));
}

// --- taking --------------------------------------------------------------------------------------

Region* ThreadCache::take_slow(RegionCache& cache, std::uintptr_t tag) noexcept {
  const sync::OwnerLockGuard guard(lock_);
  if (!bound_.load_relaxed() || arena(cache.memory_kind()) == nullptr) return nullptr;
  // The stock is not empty here when the owner was only kept out for a moment.
  if (cache.size() == 0 && !returned_.maybe_empty()) take_over_returned();
  Region* const region = cache.size() != 0 ? cache.remove_newest() : refill(cache);
  if (region == nullptr) return nullptr;
  cache.count_miss();
  set_link(region, reinterpret_cast<std::uintptr_t>(&cache) | tag);
  return region;
}

void ThreadCache::adopt(Region* region, RegionCache& cache, std::uintptr_t tag) noexcept {
  const sync::OwnerLockGuard guard(lock_);
  cache.count_miss();
  set_link(region, reinterpret_cast<std::uintptr_t>(&cache) | tag);
}

Region* ThreadCache::refill(RegionCache& cache) noexcept {
  stock_bound_.note_refill();
  cache.surplus().restart();
  if (stock_bound_.is_window_over()) end_window();
  const auto most = static_cast<std::uint32_t>(
      std::clamp<std::size_t>(kRefillBytes / cache.region_size(), 1, kRefillRegions));
  std::uint32_t count = cache.refill().next(most);
  // One region is the caller's and never enters the stock; the others must be within the bounds.
  if (count > 1 && !widen(cache, count)) count = std::max<std::uint32_t>(cache.granted(), 1);
  const RegionList list =
      core_.take_from_arena(*arena(cache.memory_kind()), cache.size_class(), count);
  if (list.first == nullptr) return nullptr;
  cache.add({next_region(list.first), list.last, list.count - 1});
  return list.first;
}

// --- keeping -------------------------------------------------------------------------------------

void ThreadCache::keep_slow(Region* region, RegionCache& cache) noexcept {
  {
    const sync::OwnerLockGuard guard(lock_);
    if (bound_.load_relaxed()) {
      keep_locked(region, cache);
      return;
    }
  }
  // Closed while we waited: the core may end with this region, so no lock of it is held.
  core_.release_uncached(region);
}

void ThreadCache::keep_locked(Region* region, RegionCache& cache) noexcept {
  if (cache.size() < cache.granted()) return cache.add_released(region);
  const bool bound_by_bytes = cache.size() < cache.max_size();
  if (bound_by_bytes) stock_bound_.note_no_room(1);
  if (!widen(cache, cache.size() + 1)) {
    if (cache.granted() == 0) {
      stock_bound_.note_passed_by(cache.region_size());
      cache.count_passed_by();
      set_next_region(region, nullptr);
      core_.give_to_arenas(region);
      return;
    }
    const std::uint32_t surplus =
        cache.surplus().next(std::max<std::uint32_t>(cache.size() / 2, 1));
    if (bound_by_bytes) stock_bound_.note_no_room(surplus);
    const bool is_long = cache.size() > kShortStock;
    core_.give_to_arenas((is_long ? cache.shed_newest(surplus) : cache.shed_oldest(surplus)).first);
  }
  cache.add_released(region);
}

// --- looking -------------------------------------------------------------------------------------

std::uint64_t ThreadCache::cached_bytes() const noexcept {
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < 2 * class_count_; ++i) {
    bytes += std::uint64_t{caches()[i].size()} * caches()[i].region_size();
  }
  return bytes;
}

void ThreadCache::audit() noexcept {
  const sync::LockGuard guard(lock_.mutex());
  std::uint64_t leased = 0;
  for_each_region_cache([this, &leased](RegionCache& cache) {
    cache.audit();
    TARN_CHECK(cache.owner() == (bound_.load_relaxed() ? owner_ : nullptr));
    leased += std::uint64_t{cache.granted()} * cache.region_size();
    const std::size_t index = index_of(cache);
    TARN_CHECK((granted_[index / 64] >> (index % 64) & 1U) == (cache.granted() != 0 ? 1U : 0U));
  });
  TARN_CHECK(leased == leased_bytes_.load());
  TARN_CHECK(leased <= stock_bound_.bytes() && stock_bound_.bytes() <= stock_bound_.most());
  TARN_CHECK(pending_bytes() <= core_.options().max_pending_bytes_per_thread);
}

}  // namespace tarn::pool
