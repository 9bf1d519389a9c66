// SPDX-License-Identifier: Apache-2.0
// What one thread keeps of a pool: its region caches, and what passes between it and other threads.
// Layer: pool.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "tarn/detail/platform/memory_kind.hpp"
#include "tarn/detail/pool/outbox.hpp"
#include "tarn/detail/pool/region.hpp"
#include "tarn/detail/pool/region_cache.hpp"
#include "tarn/detail/pool/stock_bound.hpp"
#include "tarn/detail/sizing/size_class.hpp"
#include "tarn/detail/sizing/size_classes.hpp"
#include "tarn/detail/sync/atomic.hpp"
#include "tarn/detail/sync/counter.hpp"
#include "tarn/detail/sync/owner_lock.hpp"
#include "tarn/detail/sync/return_queue.hpp"

namespace tarn::pool {

class Arena;
class PoolCore;

/// How ReturnQueue links regions.
struct RegionLink {
  static Region* next(const Region* region) noexcept { return next_region(region); }
  static void set_next(Region* region, Region* next) noexcept { set_next_region(region, next); }
};

/// What ReturnQueue knows of the regions in it: how many of which stock, when all are one's.
struct OfOneStock {
  static constexpr bool kAny = true;
  static constexpr std::uint32_t kMostStocks = 255;  // a thread cache's, as 1 .. 255 in 8 bits
  static constexpr std::size_t kMostRegions = 255;   // in the other 8

  /// @returns 0, which says nothing, when it can't be said.
  static constexpr std::uint16_t of(std::size_t stock, std::size_t regions) noexcept {
    if (stock >= kMostStocks || regions > kMostRegions) return 0;
    return static_cast<std::uint16_t>((regions << 8) | (stock + 1));
  }
  /// Only of a label that is not 0.
  static constexpr std::size_t stock(std::uint16_t label) noexcept { return (label & 0xFFU) - 1; }
  static constexpr std::size_t regions(std::uint16_t label) noexcept { return label >> 8; }

  static constexpr std::uint16_t join(std::uint16_t older, std::uint16_t newer) noexcept {
    if (older == 0 || newer == 0 || stock(older) != stock(newer)) return 0;
    return of(stock(older), regions(older) + regions(newer));
  }
};

/// One thread's part of a pool. Lives as long as the pool: when its thread ends it is emptied,
/// closed and kept for the next one, so the link of a live region never dangles.
///
/// Thread safety: the owner thread, but for what says otherwise. An OwnerLock guards all that
/// changes outside of the caches' own push and pop; the owner's slow paths take it for two stores.
class alignas(RegionCache) ThreadCache {
 public:
  /// Constructs in `footprint(class_count)` bytes: its region caches lie behind it. `number`: how
  /// many there were before.
  ThreadCache(PoolCore& core, std::size_t class_count, std::size_t number) noexcept;
  ThreadCache(const ThreadCache&) = delete;
  ThreadCache& operator=(const ThreadCache&) = delete;

  /// Bytes that a cache for `class_count` classes takes, its region caches behind it.
  [[nodiscard]] static std::size_t footprint(std::size_t class_count) noexcept {
    return sizeof(ThreadCache) + 2 * class_count * sizeof(RegionCache);
  }

  [[nodiscard]] RegionCache& region_cache(MemoryKind kind, std::size_t size_class) noexcept {
    return caches()[2 * size_class + static_cast<std::size_t>(kind)];
  }
  [[nodiscard]] const RegionCache& region_cache(MemoryKind kind,
                                                std::size_t size_class) const noexcept {
    return const_cast<ThreadCache*>(this)->region_cache(kind, size_class);
  }
  /// Bytes from a class's direct stock back to its heap stock.
  static constexpr std::size_t kToHeapStock = sizeof(RegionCache);
  [[nodiscard]] std::size_t class_count() const noexcept { return class_count_; }
  [[nodiscard]] PoolCore& core() const noexcept { return core_; }

  /// Counts the allocations of a lease that is over, trims when the interval is, and starts the
  /// stock's next lease.
  [[gnu::noinline, gnu::cold]] void end_lease(RegionCache& cache) noexcept;
  /// Counts an allocation that was no hit, and trims when the interval is over.
  void count_miss() noexcept { count_allocations(1); }

  /// Remembers a live plain region of one of these caches, so that find_recent() finds it.
  void remember(Region* region) noexcept { recent_[recent_index(region->data)] = region; }

  /// Finds plain memory that this thread has taken itself, and remembers: its control block
  /// `region`, and its stock `home`, which is either that of direct memory that `home` is before,
  /// or the one that lies `to_heap` bytes before it. That is read for heap memory only.
  ///
  /// Whatever the address: that the region found for it has this address, is live, plain and of one
  /// of the two stocks is read from the region itself.
  /// @returns false when it is not remembered, or no such memory.
  /// @complexity a dozen instructions, no call, lock or read-modify-write.
  [[nodiscard]] [[gnu::always_inline]] bool find_recent(const void* memory,
                                                        const std::size_t& to_heap,
                                                        RegionCache*& home,
                                                        Region*& region) noexcept {
    region = recent_[recent_index(memory)];
    if (seen_data(region) != memory) [[unlikely]]
      return false;
    // Which of the two is a branch and not computed from the link: so the processor, which guesses
    // branches, knows the stock's address before it has the region. Read once, the link would let
    // the compiler select the address by it.
    if (seen_link(region) != reinterpret_cast<std::uintptr_t>(home) + kPlainTag) {
      home = reinterpret_cast<RegionCache*>(reinterpret_cast<std::uintptr_t>(home) - to_heap);
      if (seen_link(region) != reinterpret_cast<std::uintptr_t>(home) + kPlainTag) [[unlikely]]
        return false;
    }
    return true;
  }

  /// Takes a region when the usual path could not: from the stock, from what others have returned,
  /// from the arena, in that order. Counted as a miss.
  /// @returns null when memory is refused, or this cache is not bound to an arena of the kind.
  [[nodiscard]] Region* take_slow(RegionCache& cache, std::uintptr_t tag) noexcept;

  /// Counts a region that was taken past the stock, and makes it one of this cache's.
  void adopt(Region* region, RegionCache& cache, std::uintptr_t tag) noexcept;

  /// Keeps a region of this cache that its owner could not push: widens the stock within the
  /// thread's byte bound, else gives some of them to the arena.
  void keep_slow(Region* region, RegionCache& cache) noexcept;

  /// Releases a region of another thread's stock, when the outbox did not take it.
  void send_slow(Region* region, const RegionCache& home) noexcept;

  /// Takes a batch that another thread released of this cache's regions; `only_home`: the stock
  /// that all are of, if there is one.
  /// @returns false, and nothing was taken, when the ceiling is reached or the owner has ended.
  /// Thread safety: any thread.
  [[nodiscard]] bool accept_returned(const RegionList& list, std::uint64_t bytes,
                                     const RegionCache* only_home) noexcept;

  /// Hands over what waits for other threads, takes over what they have returned, and gives up,
  /// class by class, what was not needed since the last trim. Thread safety: any thread; a running
  /// owner is kept out meanwhile.
  void trim(bool called_by_owner) noexcept;

  /// Gives up everything cached, returned and waiting to be handed over. @returns bytes given up.
  /// Thread safety: as trim().
  std::uint64_t flush(bool called_by_owner) noexcept;

  /// Lets the calling thread release other threads' regions through this cache. @pre closed.
  void open() noexcept;
  /// Lets it also allocate. @pre open.
  void bind(Arena* heap, Arena* direct) noexcept;
  /// Empties the cache until the next open(). @returns whether it was bound.
  /// Thread safety: as trim().
  bool close(bool called_by_owner) noexcept;

  [[nodiscard]] bool is_bound() const noexcept { return bound_.load_relaxed(); }
  [[nodiscard]] Arena* arena(MemoryKind kind) const noexcept {
    return arenas_[static_cast<std::size_t>(kind)];
  }

  /// For statistics; any thread.
  [[nodiscard]] std::uint64_t cached_bytes() const noexcept;
  [[nodiscard]] std::uint64_t pending_bytes() const noexcept {
    return queued_bytes_.load_relaxed() + outbox.bytes();
  }

  /// Checks every invariant; at rest, under the lock. Fatal when one is broken.
  void audit() noexcept;

 private:
  class Revoked;

  [[nodiscard]] const RegionCache* caches() const noexcept {
    return reinterpret_cast<const RegionCache*>(this + 1);
  }
  [[nodiscard]] RegionCache* caches() noexcept { return reinterpret_cast<RegionCache*>(this + 1); }
  /// The place among caches() of one of them.
  [[nodiscard]] std::size_t index_of(const RegionCache& cache) const noexcept {
    return static_cast<std::size_t>(&cache - caches());
  }
  // Plain regions that are remembered: 2048, of which the recorded traces find 68 to 98 releases in
  // a hundred; half as many 59 to 97, which took up to 4 in a hundred more time
  // (docs/adr/0041-plain-memory-by-a-table-of-recent-addresses.md).
  static constexpr std::size_t kRecentBits = 11;
  [[nodiscard]] static std::size_t recent_index(const void* memory) noexcept {
    // Fibonacci hashing of the address's lower half: its high bits depend on all below.
    constexpr std::uint32_t kSpread = 0x9E3779B1;
    const auto low = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(memory));
    return (low * kSpread) >> (32 - kRecentBits);
  }

  void count_allocations(std::uint32_t allocations) noexcept;
  [[nodiscard]] std::uint64_t flush_locked() noexcept;
  [[nodiscard]] std::uint64_t give_all_stocks() noexcept;
  [[nodiscard]] bool anything_to_give() const noexcept;
  void hand_over(Outbox::Batch& batch) noexcept;
  void hand_over_all() noexcept;
  void take_over_returned() noexcept;
  [[nodiscard]] bool take_over_whole(Region* first, std::uint16_t label) noexcept;
  [[nodiscard]] std::uint32_t make_room(RegionCache& home, std::size_t regions) noexcept;
  void keep_locked(Region* region, RegionCache& cache) noexcept;
  [[nodiscard]] Region* refill(RegionCache& cache) noexcept;
  [[nodiscard]] bool widen(RegionCache& cache, std::uint32_t wanted) noexcept;
  void sweep() noexcept;
  [[nodiscard]] RegionCache& next_granted() noexcept;
  void reclaim_slack(const RegionCache& beneficiary, std::uint64_t wanted) noexcept;
  void end_window() noexcept;
  void set_grant(RegionCache& cache, std::uint32_t limit) noexcept;
  [[nodiscard]] std::uint64_t outbox_limit() const noexcept;

  // What others read when they release regions of this cache; written when a thread begins or ends.
  PoolCore& core_;
  const std::size_t class_count_;
  std::array<Arena*, 2> arenas_{};
  const void* owner_ = nullptr;  // null: closed
  sync::Atomic<bool> bound_{false};

 public:
  ThreadCache* next_free = nullptr;  ///< Registry's list of caches without a thread.
  ThreadCache* next = nullptr;       ///< Registry's list of all.

  // The owner's own from here on.
  alignas(64) Outbox outbox;

 private:
  std::uint32_t until_trim_ = 0;  // allocations; counts down, wraps when there is no interval
  sync::Counter leased_bytes_;    // sum of granted x size over the caches, within stock_bound_
  StockBound stock_bound_;
  std::size_t reclaim_cursor_ = 0;  // index of the region cache that is looked at next
  // Bit i: region cache i has a grant.
  std::array<std::uint64_t, (2 * sizing::kRepresentableClasses + 63) / 64> granted_{};
  sync::OwnerLock lock_{sync::LockRank::cache};
  // By address: a region that was there when this thread last took plain memory of that hash. Only
  // a hint, so nothing ever clears it; regions stay readable as long as the pool.
  std::array<Region*, std::size_t{1} << kRecentBits> recent_;
  // What other threads write, apart from what the owner does.
  alignas(64) sync::ReturnQueue<Region, RegionLink, OfOneStock> returned_;
  sync::Atomic<std::uint64_t> queued_bytes_{0};

 public:
  /// Visits every region cache. Any thread.
  template <class F>
  void for_each_region_cache(F&& f) {
    for (std::size_t i = 0; i < 2 * class_count_; ++i) f(caches()[i]);
  }
};

}  // namespace tarn::pool
