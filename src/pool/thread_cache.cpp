// SPDX-License-Identifier: Apache-2.0
// The slow half of a ThreadCache: refills, bounds, trims, what passes between threads. Layer: pool.
#include "tarn/detail/pool/thread_cache.hpp"

#include <algorithm>
#include <bit>
#include <new>

#include "pool/arena.hpp"
#include "tarn/detail/base/units.hpp"
#include "tarn/detail/platform/asymmetric_fence.hpp"
#include "tarn/detail/pool/core.hpp"
#include "tarn/detail/sizing/size_classes.hpp"
#include "tarn/detail/tls/slots.hpp"

namespace tarn::pool {
namespace {

// A full stock of up to so many regions gives its oldest to the arena: their memory is the least
// likely to lie in the processor's caches. To reach the oldest of a longer one is a cache miss for
// each region that stays, so it gives its newest (docs/adr/0040-bounds-of-a-thread-cache.md).
constexpr std::uint32_t kShortStock = 64;
// Bytes that a stock may hold when it first gets a region: so that a class used once in a while
// takes little of the thread's bound, and one in steady use is widened in a few steps.
constexpr std::size_t kFirstGrantBytes = 8 * base::kKiB;
// Bytes that one refill from the arena brings at most, and regions: they share the arena's lock and
// the look-up of a subpage. More saves little of either and keeps more that may not be wanted; the
// numbers themselves are not measured yet.
constexpr std::size_t kRefillBytes = 32 * base::kKiB;
constexpr std::uint32_t kRefillRegions = 16;
static_assert(kRefillRegions <= RegionCache::kMostRefill);
// Bytes of other threads' regions that one thread may hold back for its batches.
constexpr std::uint64_t kOutboxBytes = 256 * base::kKiB;
// Regions that a flush gives to the arenas at once, and up to a stock more: more would keep an
// arena's lock for longer than some tens of microseconds, fewer take it more often.
constexpr std::size_t kGatheredRegions = 256;
// Hits that a stock may make before its thread counts them: the part of a trim interval below,
// at most kMostLease. More delays a trim, when many classes are in use, by more than the 1/128 of
// the interval that each may add; fewer calls end_lease() more often.
constexpr std::uint32_t kLeasesAnInterval = 128;
constexpr std::uint32_t kMostLease = 64;
static_assert(kMostLease <= RegionCache::kMostLease);
// Region caches with a grant that one widening looks through for unused parts of it: more find
// hardly more, and cost each release that meets a full stock.
constexpr std::size_t kReclaimSteps = 2;

/// Takes off a list its first region and those of the same class and kind that follow at once.
/// @returns them; the last one's link still leads into the list. @pre the list is not empty.
RegionList cut_like_ones(Region*& list) noexcept {
  const Region* const first = list;
  RegionList like{list, list, 1};
  for (list = next_region(list); list != nullptr; list = next_region(list)) {
    if (list->size_class != first->size_class || list->memory_kind != first->memory_kind) break;
    like.last = list;
    ++like.count;
  }
  return like;
}

/// Puts the regions of `from` in front of `to`.
void prepend(const RegionList& from, RegionList& to) noexcept {
  if (from.first == nullptr) return;
  set_next_region(from.last, to.first);
  to.first = from.first;
  to.count += from.count;
}

/// Moves the regions past the first `keep` of `from` to the front of `to`.
void move_past(RegionList& from, std::size_t keep, Region*& to) noexcept {
  Region* last_kept = nullptr;
  Region* rest = from.first;
  for (std::size_t i = 0; i < keep; ++i) {
    last_kept = rest;
    rest = next_region(rest);
  }
  set_next_region(from.last, to);
  to = rest;
  from = keep == 0 ? RegionList{} : RegionList{from.first, last_kept, keep};
}

}  // namespace

// Remembered where nothing is: at no address, and not live. Never written.
constinit Region no_region;

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

std::uint64_t ThreadCache::outbox_limit() const noexcept {
  return std::min(kOutboxBytes, core_.options().max_pending_bytes_per_thread / 4);
}

// --- opening and closing -------------------------------------------------------------------------

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

// --- counting ------------------------------------------------------------------------------------

void ThreadCache::count_allocations(std::uint32_t allocations) noexcept {
  const auto interval = static_cast<std::uint32_t>(core_.options().cache_trim_interval);
  if (interval == 0 || allocations < until_trim_) {
    until_trim_ -= allocations;
  } else {
    trim(true);
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

void ThreadCache::take_over_returned() noexcept {
  const auto [first, label] = returned_.take_labelled();
  if (take_over_whole(first, label)) return;
  std::uint64_t bytes = 0;
  Region* to_arenas = nullptr;
  for (Region* rest = first; rest != nullptr;) {
    RegionCache& home = region_cache(rest->memory_kind, rest->size_class);
    RegionList like = cut_like_ones(rest);
    bytes += like.count * home.region_size();
    const std::uint32_t room = make_room(home, like.count);
    if (room < like.count) {
      stock_bound_.note_no_room(static_cast<std::uint32_t>(like.count) - room);
      move_past(like, room, to_arenas);
    }
    home.add(like);
  }
  queued_bytes_.fetch_sub_relaxed(bytes);
  core_.give_to_arenas(to_arenas);
}

/// The usual case, of which no region need be looked at: all are of one stock, which is empty.
bool ThreadCache::take_over_whole(Region* first, std::uint16_t label) noexcept {
  if (label == 0) return false;
  RegionCache& home = caches()[OfOneStock::stock(label)];
  const std::size_t regions = OfOneStock::regions(label);
  if (home.size() != 0 || make_room(home, regions) < regions) return false;
  home.fill(first, static_cast<std::uint32_t>(regions));
  queued_bytes_.fetch_sub_relaxed(regions * home.region_size());
  return true;
}

/// @returns how many more regions a stock may hold, after widening it for so many if need be.
std::uint32_t ThreadCache::make_room(RegionCache& home, std::size_t regions) noexcept {
  const auto wanted =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(home.size() + regions, home.max_size()));
  if (wanted > home.granted()) static_cast<void>(widen(home, wanted));
  return home.granted() - home.size();
}

// --- releasing -----------------------------------------------------------------------------------

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

void ThreadCache::send_slow(Region* region, const RegionCache& home) noexcept {
  {
    const sync::OwnerLockGuard guard(lock_);
    if (owner_ != nullptr) {
      // Under the lock: a batch in nobody's hands would escape the statistics.
      Outbox::Batch& batch = outbox.place_of(home);
      if (batch.destination != &home.cache()) {
        hand_over(batch);
        batch.destination = &home.cache();
      }
      const std::uint64_t size = home.region_size();
      if (outbox.bytes() + size >= outbox_limit()) hand_over_all();
      if (size < outbox_limit()) {
        outbox.add(batch, region, home);
        if (batch.list.count >= Outbox::kMaxRegions) hand_over(batch);
        return;
      }
      outbox.count_release(home);
      set_next_region(region, nullptr);
      if (!home.cache().accept_returned({region, region, 1}, size, &home)) {
        core_.give_to_arenas(region);
      }
      return;
    }
  }
  // Closed while we waited: the core may end with this region, so no lock of it is held.
  core_.release_uncached(region);
}

void ThreadCache::hand_over(Outbox::Batch& batch) noexcept {
  const std::uint64_t bytes = batch.bytes;
  const RegionList list = outbox.take(batch);
  if (list.first != nullptr && !batch.destination->accept_returned(list, bytes, batch.only_home)) {
    core_.give_to_arenas(list.first);
  }
}

void ThreadCache::hand_over_all() noexcept {
  for (Outbox::Batch& batch : outbox.batches()) hand_over(batch);
}

bool ThreadCache::accept_returned(const RegionList& list, std::uint64_t bytes,
                                  const RegionCache* only_home) noexcept {
  const std::uint64_t ceiling = core_.options().max_pending_bytes_per_thread - outbox_limit();
  // Reserved before it is pushed, and never above the ceiling, not for a moment. Above it this is a
  // load only, so that those who release for a thread that sleeps don't fight for the line.
  std::uint64_t before = queued_bytes_.load_relaxed();
  do {
    if (bytes > ceiling || before > ceiling - bytes) return false;
  } while (!queued_bytes_.compare_exchange_weak_relaxed(before, before + bytes));
  const std::uint16_t label =
      only_home == nullptr ? std::uint16_t{0} : OfOneStock::of(index_of(*only_home), list.count);
  if (returned_.push(list.first, list.last, label)) return true;
  queued_bytes_.fetch_sub_relaxed(bytes);
  return false;
}

// --- bounds --------------------------------------------------------------------------------------

inline void ThreadCache::set_grant(RegionCache& cache, std::uint32_t limit) noexcept {
  // Modulo 2^64, so that it may also fall.
  leased_bytes_.add((std::uint64_t{limit} - std::uint64_t{cache.granted()}) *
                    std::uint64_t{cache.region_size()});
  const bool was_granted = cache.granted() != 0;
  cache.grant(limit);
  if (was_granted == (limit != 0)) return;
  const std::size_t index = index_of(cache);
  granted_[index / 64] ^= std::uint64_t{1} << (index % 64);
}

bool ThreadCache::widen(RegionCache& cache, std::uint32_t wanted) noexcept {
  const std::uint32_t granted = cache.granted();
  if (wanted <= granted) return true;
  if (wanted > cache.max_size()) return false;
  const std::size_t size = cache.region_size();
  const auto first =
      static_cast<std::uint32_t>(std::min<std::size_t>(kFirstGrantBytes / size, cache.max_size()));
  const std::uint32_t target = std::min(cache.max_size(), std::max({wanted, first, 2 * granted}));
  const std::uint64_t needed = std::uint64_t{target - granted} * size;
  const std::uint64_t bound = stock_bound_.bytes();
  if (leased_bytes_.load() + needed > bound) {
    reclaim_slack(cache, leased_bytes_.load() + needed - bound);
  }
  const std::uint64_t leased = leased_bytes_.load();
  const std::uint64_t room = bound > leased ? bound - leased : 0;
  const auto affordable =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(target - granted, room / size));
  set_grant(cache, granted + affordable);
  return granted + affordable >= wanted;
}

/// The next cache in turn that has a grant. @pre one has.
inline RegionCache& ThreadCache::next_granted() noexcept {
  std::size_t word = reclaim_cursor_ / 64;
  std::uint64_t bits = granted_[word] & (~std::uint64_t{0} << (reclaim_cursor_ % 64));
  while (bits == 0) {
    word = (word + 1) % granted_.size();
    bits = granted_[word];
  }
  const std::size_t index = word * 64 + static_cast<std::size_t>(std::countr_zero(bits));
  reclaim_cursor_ = (index + 1) % (granted_.size() * 64);
  return caches()[index];
}

void ThreadCache::reclaim_slack(const RegionCache& beneficiary, std::uint64_t wanted) noexcept {
  std::uint64_t reclaimed = 0;
  for (std::size_t i = 0; i < kReclaimSteps && reclaimed < wanted && leased_bytes_.load() != 0;
       ++i) {
    RegionCache& cache = next_granted();
    // What it has itself it would get back: it would only make its grant look smaller than it is.
    if (&cache == &beneficiary) continue;
    // The smaller half: all would send the next release there back here, class after class, and a
    // class in use keeps the place of the region that it has out.
    const std::uint32_t taken = (cache.granted() - cache.size()) / 2;
    if (taken == 0) continue;
    reclaimed += std::uint64_t{taken} * cache.region_size();
    set_grant(cache, cache.granted() - taken);
  }
}

void ThreadCache::end_window() noexcept {
  std::uint64_t in_use = 0;
  for (const Arena* const arena : arenas_) {
    if (arena != nullptr) in_use += arena->in_use_bytes();
  }
  stock_bound_.end_window(until_trim_, in_use);
  sweep();
}

/// Takes back from every class without a hit since the last sweep the older half of its stock and
/// the rest of its grant, so that other classes can have it.
void ThreadCache::sweep() noexcept {
  RegionList unused;
  for (std::size_t word = 0; word < granted_.size(); ++word) {
    for (std::uint64_t bits = granted_[word]; bits != 0; bits &= bits - 1) {
      RegionCache& cache = caches()[word * 64 + static_cast<std::size_t>(std::countr_zero(bits))];
      if (cache.was_hit_since_sweep()) continue;
      const std::uint32_t kept = cache.size() / 2;
      prepend(cache.shed_oldest(cache.size() - kept), unused);
      set_grant(cache, kept);
    }
  }
  core_.give_to_arenas(unused.first);
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
