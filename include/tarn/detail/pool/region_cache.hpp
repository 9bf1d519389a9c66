// SPDX-License-Identifier: Apache-2.0
// A bounded stock of free regions of one class and kind, used by one thread. Layer: pool.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tarn/detail/pool/region.hpp"
#include "tarn/detail/sync/atomic.hpp"
#include "tarn/detail/sync/counter.hpp"
#include "tarn/detail/sync/gated_count.hpp"

namespace tarn::pool {

class ThreadCache;

/// How many regions pass between a stock and the arena at once: 1, 2, 4 .. `most`. `Count` holds
/// every `most`.
///
/// Thread safety: the holder of the ThreadCache's lock.
template <class Count>
class DoublingBatch {
 public:
  /// @pre `most > 0`.
  [[nodiscard]] std::uint32_t next(std::uint32_t most) noexcept {
    const std::uint32_t count = next_ < most ? next_ : most;
    next_ = static_cast<Count>(count * 2 < most ? count * 2 : most);
    return count;
  }
  void restart() noexcept { next_ = 1; }

 private:
  Count next_ = 1;
};

/// The regions of one class and kind that a thread keeps: last in, first out, linked through the
/// regions' control blocks, so that a hit touches this line and the region's.
///
/// A push or pop is enclosed by two plain stores of one word, which is the gate, the count of the
/// regions, and the lease. Anyone but the owner who wants to change the stock first makes both fail
/// (`revoke`), runs the asymmetric fence and waits until the owner is outside; the failing owner
/// then takes its slow path, which waits for the cache's lock.
///
/// Hits are counted by a lease: so many pops the thread grants the stock, and counts as one when it
/// has made them; so one countdown on the usual path serves the stock's statistics and the thread's
/// interval of trims.
///
/// Stock arithmetic, for the statistics: regions enter by push or are moved in, leave by pop
/// (`hits`) or are moved out; pushes are not counted but follow: size + hits - those moved in, less
/// those moved out.
///
/// Thread safety: `pop`, `push`: the owner thread. What is said to be under the lock: the holder of
/// the ThreadCache's lock, who is the owner in its slow path, or has revoked. Counters may be read
/// by anyone.
class alignas(64) RegionCache {
  static constexpr std::size_t kLine = 64;  // bytes of a cache line

 public:
  /// Places in an Outbox, see there.
  static constexpr std::size_t kOutboxPlaces = 8;
  /// Pops that a lease may have at most.
  static constexpr std::uint32_t kMostLease = 255;
  /// Regions that a refill may bring at most.
  static constexpr std::uint32_t kMostRefill = 255;

  constexpr RegionCache() noexcept = default;
  RegionCache(const RegionCache&) = delete;
  RegionCache& operator=(const RegionCache&) = delete;

  /// Takes the newest region and makes it live with this cache as its home, tagged by `tag`. Tells
  /// whether the lease is over: then start_lease() must come before the next pop.
  /// @returns null when there is none, or the owner's right is revoked; nothing has changed then.
  /// @complexity a dozen and a half instructions, no call, lock or read-modify-write.
  [[nodiscard]] Region* pop(std::uintptr_t tag, bool& lease_is_over) noexcept {
    bool allowed = false;
    const auto word = stock_.enter_to_take(allowed);
    if (!allowed) [[unlikely]]
      return nullptr;
    Region* const region = newest_;
    newest_ = next_region(region);
    set_link(region, reinterpret_cast<std::uintptr_t>(this) + tag);
    lease_is_over = stock_.leave_with_one_less(word);
    return region;
  }

  /// Keeps a region that nobody holds any more, unless there is no room or `token` is not the
  /// owner.
  /// @returns whether it was kept.
  [[nodiscard]] bool push(Region* region, const void* token) noexcept {
    // Relaxed: equal only in the thread that stored it. Others must not touch the gate.
    if (owner_.load_relaxed() != token) [[unlikely]]
      return false;
    return push_own(region);
  }

  /// As push(). @pre the calling thread is the owner.
  [[nodiscard]] bool push_own(Region* region) noexcept {
    bool allowed = false;
    const auto word = stock_.enter_to_put(allowed);
    if (!allowed) [[unlikely]]
      return false;
    set_next_region(region, newest_);
    newest_ = region;
    stock_.leave_with_one_more(word);
    return true;
  }

  /// The thread whose push is taken; null when no thread's is.
  [[nodiscard]] const void* owner() const noexcept { return owner_.load_relaxed(); }
  [[nodiscard]] ThreadCache& cache() const noexcept { return *cache_; }
  /// Whether `size` bytes, at most 16-aligned, are of this class and kind.
  [[nodiscard]] bool fits(std::size_t size) const noexcept {
    return size <= largest_ && size > below_smallest_;
  }
  /// Regions in the stock; see GatedCount::count().
  [[nodiscard]] std::uint32_t size() const noexcept { return stock_.count(); }
  [[nodiscard]] std::uint32_t max_size() const noexcept { return max_size_; }
  [[nodiscard]] std::size_t region_size() const noexcept { return region_size_; }
  [[nodiscard]] std::uint8_t size_class() const noexcept { return size_class_; }
  [[nodiscard]] MemoryKind memory_kind() const noexcept { return memory_kind_; }
  /// Index of the class's category; only for a class that there are regions of.
  [[nodiscard]] std::uint8_t category() const noexcept { return category_; }
  /// Where other threads' outboxes keep regions of this cache's thread.
  [[nodiscard]] std::uint8_t outbox_place() const noexcept { return outbox_place_; }
  /// Pops so far. While the owner starts a lease, others may read as much as a lease too many.
  [[nodiscard]] std::uint64_t hits() const noexcept {
    // In this order, so that what is left is never of a lease that is not in the sum.
    const std::uint32_t left = stock_.countdown();
    return leases_.load() - left;
  }
  [[nodiscard]] std::uint64_t misses() const noexcept { return misses_.load(); }
  [[nodiscard]] std::uint64_t pushes() const noexcept { return size() + hits() - moved_in_.load(); }

  /// What never changes.
  struct Description {
    MemoryKind memory_kind = MemoryKind::heap;
    std::uint8_t size_class = 0;
    std::uint8_t category = 0;
    std::uint32_t max_size = 0;   ///< Regions that the stock may ever hold.
    std::size_t region_size = 0;  ///< In bytes.
    // Sizes in bytes that are of this class and kind: above the one, up to the other.
    std::size_t below_smallest = 0;
    std::size_t largest = 0;
  };
  /// Before any thread can see the cache. `number`: the ThreadCache's.
  void describe(ThreadCache& cache, std::size_t number, const Description& description) noexcept {
    cache_ = &cache;
    outbox_place_ = static_cast<std::uint8_t>(number % kOutboxPlaces);
    category_ = description.category;
    memory_kind_ = description.memory_kind;
    size_class_ = description.size_class;
    region_size_ = description.region_size;
    max_size_ = description.max_size;
    below_smallest_ = description.below_smallest;
    largest_ = description.largest;
  }

  /// Lets the owner make `pops` pops until its thread counts them. The owner only.
  /// @pre the lease before is over, and 1 <= pops <= kMostLease.
  void start_lease(std::uint32_t pops) noexcept {
    leases_.add(pops);
    granted_lease_ = static_cast<std::uint8_t>(pops);
    stock_.set_countdown(pops);
  }
  /// Pops of the present lease, made or not. The owner only.
  [[nodiscard]] std::uint32_t granted_lease() const noexcept { return granted_lease_; }

  // --- under the ThreadCache's lock -------------------------------------------------------------

  /// Whose pushes are taken; null: nobody's.
  void set_owner(const void* token) noexcept { owner_.store_relaxed(token); }

  /// Makes the owner's pushes and pops fail; they have stopped only when the fence has been run and
  /// owner_is_inside() was false after it.
  void revoke() noexcept { stock_.revoke(); }
  /// Lets the owner in again.
  void restore() noexcept { stock_.restore(); }
  [[nodiscard]] bool owner_is_inside() const noexcept { return stock_.is_inside(); }

  /// The most regions the stock may hold now.
  [[nodiscard]] std::uint32_t granted() const noexcept { return granted_; }
  /// Takes effect for the owner at once, or when it is revoked, at restore().
  void grant(std::uint32_t limit) noexcept {
    granted_ = limit;
    stock_.set_limit(limit);
  }

  /// Adds a list of regions from elsewhere, in front, so that its first is popped first.
  void add(const RegionList& list) noexcept {
    if (list.first == nullptr) return;
    set_next_region(list.last, newest_);
    newest_ = list.first;
    stock_.set_count(size() + static_cast<std::uint32_t>(list.count));
    moved_in_.add(list.count);
  }

  /// Adds a null-terminated list whose last region is not known. @pre size() is 0.
  void fill(Region* first, std::uint32_t count) noexcept {
    newest_ = first;
    stock_.set_count(count);
    moved_in_.add(count);
  }

  /// Removes the newest `count` regions. @pre `count <= size()`. @complexity O(count).
  [[nodiscard]] RegionList shed_newest(std::uint32_t count) noexcept;
  /// Removes the oldest `count` regions. @pre `count <= size()`. @complexity O(size), a cache miss
  /// for each region that stays.
  [[nodiscard]] RegionList shed_oldest(std::uint32_t count) noexcept;

  /// Adds a region that its owner has released.
  void add_released(Region* region) noexcept {
    set_next_region(region, newest_);
    newest_ = region;
    stock_.set_count(size() + 1);
  }
  /// Takes the newest region, for an allocation that is counted as a miss. @pre size() > 0.
  [[nodiscard]] Region* remove_newest() noexcept {
    Region* const region = newest_;
    newest_ = next_region(region);
    stock_.set_count(size() - 1);
    moved_in_.subtract(1);
    return region;
  }

  /// Counts a region that was released into this class but went past the stock.
  void count_passed_by() noexcept { moved_in_.subtract(1); }
  void count_miss() noexcept { misses_.add(1); }

  /// Hits since the last call: what the interval needed.
  [[nodiscard]] std::uint64_t take_interval_hits() noexcept {
    const std::uint64_t now = hits();
    const std::uint64_t interval = now - hits_at_trim_;
    hits_at_trim_ = now;
    return interval;
  }
  /// Whether there were hits since the last call.
  [[nodiscard]] bool was_hit_since_sweep() noexcept {
    const auto now = static_cast<std::uint32_t>(hits());
    const bool hit = now != hits_at_sweep_;
    hits_at_sweep_ = now;
    return hit;
  }
  /// Regions that the next refill asks the arena for.
  [[nodiscard]] DoublingBatch<std::uint8_t>& refill() noexcept { return refill_; }
  /// Regions that the next release without room gives to the arena, from the last refill on: so one
  /// region too many in a cycle costs the cycle one, and a thread that only releases takes the
  /// arena's lock seldom.
  [[nodiscard]] DoublingBatch<std::uint16_t>& surplus() noexcept { return surplus_; }

  /// Walks the list: its length is size(), and each region is one of a list. Fatal otherwise.
  void audit() const noexcept;

 private:
  /// The region that comes `steps` after `region` in a list.
  [[nodiscard]] static Region* region_after(Region* region, std::uint32_t steps) noexcept;

  // The first line: what the owner writes, all the time. Nobody else looks at it to find out whose
  // a region is: each look would take the line away from the owner.
  Region* newest_ = nullptr;
  sync::GatedCount stock_;  // its countdown is the lease
  sync::Counter leases_{1};
  sync::Counter misses_;
  sync::Counter moved_in_;  // less what has moved out; wraps
  std::uint32_t granted_ = 0;
  DoublingBatch<std::uint16_t> surplus_;
  DoublingBatch<std::uint8_t> refill_;
  std::uint8_t granted_lease_ = 1;
  // The second line: what others read too, and only the beginning and end of a thread, trims, and
  // looks for unused grants write.
  alignas(kLine) sync::Atomic<const void*> owner_{nullptr};
  ThreadCache* cache_ = nullptr;
  std::size_t below_smallest_ = 0;
  std::size_t largest_ = 0;
  std::size_t region_size_ = 0;
  std::uint32_t max_size_ = 0;
  std::uint8_t size_class_ = 0;
  MemoryKind memory_kind_ = MemoryKind::heap;
  std::uint8_t category_ = 0;
  std::uint8_t outbox_place_ = 0;
  std::uint32_t hits_at_sweep_ = 0;
  std::uint64_t hits_at_trim_ = 0;
};
static_assert(sizeof(RegionCache) == 128, "two lines: the owner's, and what others read");
static_assert(alignof(RegionCache) > kPlainTag, "the tag needs a free bit");

}  // namespace tarn::pool
