// SPDX-License-Identifier: Apache-2.0
// A pool whole: arenas, the caches of all threads, and the usual path through them. Layer: pool.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "tarn/detail/platform/memory.hpp"
#include "tarn/detail/platform/memory_kind.hpp"
#include "tarn/detail/pool/chunk_map.hpp"
#include "tarn/detail/pool/options.hpp"
#include "tarn/detail/pool/region.hpp"
#include "tarn/detail/pool/stats.hpp"
#include "tarn/detail/pool/thread_cache.hpp"
#include "tarn/detail/sizing/size_classes.hpp"
#include "tarn/detail/sync/atomic.hpp"
#include "tarn/detail/tls/slots.hpp"

namespace tarn::pool {

class Arena;
struct CoreParts;
struct HugeRegion;

/// Size to class for one memory kind, its alignment rounded in: one load up to 1 MiB.
struct ClassTables {
  std::array<std::uint8_t, sizing::kSmallTable.size()> small;  // by (size - 1) >> 4
  std::array<std::uint8_t, sizing::kLargeTable.size()> large;  // by (size - 1) >> 14
};

/// What a PooledAllocator is inside, and what outlives it until the last region has come back.
///
/// Thread safety: every member, from any thread, unless it says otherwise.
class PoolCore {
 public:
  /// A core with validated options: chunks and huge regions from `source`, page tables and control
  /// blocks from `metadata`. @errors std::bad_alloc.
  [[nodiscard]] static PoolCore* create(
      const PooledAllocatorOptions& options, const platform::MemorySource& source,
      const platform::MemorySource& metadata = platform::system_memory());

  /// Bytes: every page is so aligned, so all regions of a class of a multiple of so much are.
  static constexpr std::size_t kNearAlignment = sizing::Geometry::kMinPageSize;

  PoolCore(const PoolCore&) = delete;
  PoolCore& operator=(const PoolCore&) = delete;

  /// The allocator is gone: empties and closes every cache. Regions that are out stay valid; the
  /// release of the last one destroys the core, which may be at once.
  /// @pre no thread is inside another member but for releases.
  void close() noexcept;

  /// Takes a region of at least `size` bytes: a buffer's (tag 0; its refs are then 1), or plain
  /// memory (kPlainTag). 0 is like 1.
  /// @returns null when memory is refused; nothing has changed then.
  /// @complexity usual path: some thirty instructions, no call, lock or read-modify-write.
  template <std::uintptr_t kTag>
  [[nodiscard]] [[gnu::always_inline]] Region* take(std::size_t size, MemoryKind kind) noexcept {
    if (Region* const region = take_near<kTag>(size, kind)) [[likely]]
      return region;
    return take_slow(size, 1, kind, kTag);
  }

  /// Takes plain memory of at least `size` bytes at a multiple of `alignment`, a power of two up to
  /// the chunk.
  /// @returns null when memory is refused; nothing has changed then.
  /// @complexity up to kNearAlignment as take(); above it an arena's lock.
  [[nodiscard]] Region* take_aligned(std::size_t size, std::size_t alignment,
                                     MemoryKind kind) noexcept {
    if (alignment <= kNearAlignment) [[likely]] {
      const std::size_t needed = near_size(size, alignment);
      if (Region* const region = take_near<kPlainTag>(needed, kind)) [[likely]]
        return region;
    }
    return take_slow(size, alignment, kind, kPlainTag);
  }

  /// Takes back plain memory of `size` bytes, at most 16-aligned; null: nothing. Not live, not from
  /// here, or of another class: reported and fatal.
  /// @complexity usual path, for memory that this thread took not long ago: some thirty
  /// instructions, no call, lock or read-modify-write.
  [[gnu::always_inline]] void give_plain(void* memory, std::size_t size) noexcept {
    if (!give_recent(memory, size)) [[unlikely]]
      give_plain_slow(memory, size, 1);
  }

  /// As give_plain(), for memory at a multiple of `alignment`.
  void give_aligned(void* memory, std::size_t size, std::size_t alignment) noexcept {
    if (alignment > kNearAlignment || !give_recent(memory, near_size(size, alignment)))
        [[unlikely]] {
      give_plain_slow(memory, size, alignment);
    }
  }

  /// Takes back plain memory that the calling thread's cache remembers; the size is what its class
  /// was looked up by.
  /// @returns false, and nothing has changed, when it does not, or the stock has no room.
  /// @complexity some thirty instructions, no call, lock or read-modify-write.
  [[nodiscard]] [[gnu::always_inline]] bool give_recent(void* memory, std::size_t size) noexcept {
    RegionCache* home = nullptr;
    Region* region = nullptr;
    return find_recent(memory, size, home, region) && home->push_own(region);
  }

  /// As give_aligned(), but finds the region by its chunk.
  void give_plain_slow(void* memory, std::size_t size, std::size_t alignment) noexcept;

  /// Takes back plain memory by its region. @pre plain_region() has said that it is.
  void give_plain_region(Region* region) noexcept;

  /// Gives plain memory another size by the usual path: memory that this thread took not long ago
  /// stays where its class has `new_size` bytes, else it moves to a region of the thread's stock.
  /// @pre `alignment` is a power of two.
  /// @returns where it is then; null when that is not the way, and nothing has changed.
  /// @complexity no lock or read-modify-write, unless the stock of the old class is full.
  [[nodiscard]] void* resize_near(void* memory, std::size_t size, std::size_t new_size,
                                  std::size_t alignment) noexcept;

  /// The region of live plain memory, checked as give_plain() does.
  [[nodiscard]] Region* plain_region(void* memory, std::size_t size,
                                     std::size_t alignment) const noexcept;
  /// Lets plain memory have `new_size` bytes where it is, if its class has so many or the pages
  /// behind it are free.
  /// @pre plain_region() has said that `region` is of `size` bytes.
  /// @returns false, and nothing has changed, when it can't stay.
  [[nodiscard]] bool resize_plain(Region* region, std::size_t size, std::size_t alignment,
                                  std::size_t new_size) noexcept;

  /// Takes a region that grows, where it can grow again: a run with free pages behind it, which
  /// try_grow() can have.
  /// @returns null when `size` is not of a class of runs, or there is no such place: then take() is
  /// the way.
  [[nodiscard]] Region* take_growable(std::size_t size, std::size_t alignment, MemoryKind kind,
                                      std::uintptr_t tag) noexcept {
    return size <= largest_slot_ ? nullptr : take_growable_run(size, alignment, kind, tag);
  }

  /// The slow half of release_region(): full stock, another thread's region, huge and foreign ones.
  [[gnu::noinline]] static void release_slow(Region* region) noexcept;

  /// As take_like(), take_larger() and try_grow() for this core's regions.
  [[nodiscard]] Region* take_like(MemoryKind kind, std::size_t size);
  [[nodiscard]] Region* take_larger(MemoryKind kind, std::size_t size);
  [[nodiscard]] bool try_grow(Region* region, std::size_t size) noexcept;

  /// Gives up what this thread's cache holds. @returns false when it has none.
  bool trim_current_thread_cache() noexcept;
  /// Gives up what every thread's cache holds, and the arenas' empty chunks. @returns bytes.
  std::size_t trim_all() noexcept;

  [[nodiscard]] PooledAllocatorStats stats() const;
  [[nodiscard]] const PooledAllocatorOptions& options() const noexcept { return options_; }
  [[nodiscard]] const sizing::Geometry& geometry() const noexcept { return geometry_; }

  /// Checks every structure of the pool; at rest. Fatal when an invariant is broken.
  void audit() noexcept;

  // --- for ThreadCache and the registry ----------------------------------------------------------

  /// Gives a list of regions back to their arenas, one lock for each run of the same arena's.
  /// The core may be gone afterwards, unless the caller keeps it alive.
  void give_to_arenas(Region* first) noexcept;
  /// As give_to_arenas() of one region that a user has released past any cache; counts the release.
  void release_uncached(Region* region) noexcept;
  /// Takes back a huge region; the core may be gone afterwards.
  void give_huge(HugeRegion* region) noexcept;
  /// Takes up to `count` regions from an arena.
  [[nodiscard]] RegionList take_from_arena(Arena& arena, std::uint8_t size_class,
                                           std::size_t count) noexcept;
  [[nodiscard]] bool is_closed() const noexcept {
    // [sync: core-close] Acquire: pairs with close().
    return closed_.load_acquire();
  }
  /// The calling thread's cache; null also when it has one that is not near.
  [[nodiscard]] ThreadCache* near_cache() const noexcept {
    return static_cast<ThreadCache*>(tls::slot_get_near(near_index_));
  }
  /// What never changes of the stocks of a class and kind.
  [[nodiscard]] RegionCache::Description stock_description(MemoryKind kind,
                                                           std::size_t size_class) const noexcept;
  [[nodiscard]] unsigned category(std::size_t size_class) const noexcept;
  /// Time-based trims, if it is time for one; called on slow paths with no lock held.
  void trim_by_time() noexcept;
  /// Looks after one arena, each time another one: those that no thread uses any more do nothing by
  /// themselves. Called now and then, with no lock held.
  void visit_next_arena() noexcept;
  /// What keeps the core alive: its arenas raise it.
  [[nodiscard]] sync::Atomic<std::uint64_t>& references() noexcept { return references_; }
  void count_trimmed(std::size_t regions) noexcept { trimmed_regions_.add(regions); }

 private:
  PoolCore(const PooledAllocatorOptions& options, const platform::MemorySource& source,
           const platform::MemorySource& metadata);
  ~PoolCore();

  /// The calling thread's stock for `size` bytes.
  /// @returns null when there is none by the tables: for 0 bytes, and above 1 MiB; or no cache
  /// near.
  [[nodiscard]] [[gnu::always_inline]] RegionCache* near_stock(std::size_t size, MemoryKind kind,
                                                               ThreadCache*& cache) const noexcept {
    const std::size_t last = size - 1;  // wraps for 0, which so takes the slow path
    const ClassTables& tables = class_tables_[static_cast<std::size_t>(kind)];
    std::size_t size_class = 0;
    if (last < sizing::kSmallTableLimit) [[likely]] {
      size_class = tables.small[last >> 4];
    } else if (last < sizing::kLargeTableLimit) [[likely]] {
      size_class = tables.large[last >> sizing::kLargeTableShift];
    } else {
      return nullptr;
    }
    cache = near_cache();
    if (cache == nullptr) [[unlikely]]
      return nullptr;
    return &cache->region_cache(kind, size_class);
  }

  /// See ThreadCache::find_recent().
  [[nodiscard]] [[gnu::always_inline]] bool find_recent(const void* memory, std::size_t size,
                                                        RegionCache*& home,
                                                        Region*& region) const noexcept {
    ThreadCache* cache = nullptr;
    home = near_stock(size, MemoryKind::direct, cache);
    if (home == nullptr) [[unlikely]]
      return false;
    return cache->find_recent(memory, to_heap_stock_, home, region);
  }

  /// The usual path of take(): from this thread's stock of the class.
  /// @returns null when that is not the way; nothing has changed then.
  template <std::uintptr_t kTag>
  [[nodiscard]] [[gnu::always_inline]] Region* take_near(std::size_t size,
                                                         MemoryKind kind) noexcept {
    ThreadCache* cache = nullptr;
    RegionCache* const near = near_stock(size, kind, cache);
    if (near == nullptr) [[unlikely]]
      return nullptr;
    RegionCache& stock = *near;
    bool lease_is_over = false;
    Region* const region = stock.pop(kTag, lease_is_over);
    if (region == nullptr) [[unlikely]]
      return nullptr;
    if constexpr (kTag == 0) {
      // Relaxed: nobody else knows the region yet.
      region->refs.store_relaxed(1);
    } else {
      cache->remember(region);
    }
    if (lease_is_over) [[unlikely]]
      cache->end_lease(stock);
    return region;
  }
  /// What `size` bytes at a multiple of `alignment` need; 0, for which no path is the usual one,
  /// when `size` is, or there is no such size. @pre a power of two up to kNearAlignment.
  [[nodiscard]] static constexpr std::size_t near_size(std::size_t size,
                                                       std::size_t alignment) noexcept {
    return (size + (alignment - 1)) & ~(alignment - 1);  // may wrap, to 0
  }

  [[gnu::noinline]] Region* take_slow(std::size_t size, std::size_t alignment, MemoryKind kind,
                                      std::uintptr_t tag) noexcept;
  [[nodiscard]] Region* take_from(ThreadCache* cache, std::size_t size_class, std::size_t alignment,
                                  MemoryKind kind, std::uintptr_t tag) noexcept;
  [[nodiscard]] Region* take_uncached(std::size_t size_class, std::size_t alignment,
                                      MemoryKind kind, std::uintptr_t tag) noexcept;
  [[nodiscard]] Region* take_one(Arena& arena, std::uint8_t size_class,
                                 std::size_t alignment) noexcept;
  /// Releases a region of another thread's stock: usually into this thread's outbox.
  void send(Region* region, const RegionCache& home) noexcept;
  [[gnu::noinline]] void send_to_owner(Region* region, const RegionCache& home) noexcept;
  /// As plain_region(), where `region`, null when there is none, is not plain memory of a chunk and
  /// the size's class by the first look. Apart, so that the usual path saves no registers for it.
  [[nodiscard, gnu::noinline]] Region* plain_region_slow(Region* region, void* memory,
                                                         std::size_t size,
                                                         std::size_t alignment) const noexcept;
  /// @pre the class is above that of largest_slot_.
  [[nodiscard]] bool try_grow_to_class(Region* region, std::size_t size_class) noexcept;
  /// @pre `size` is above largest_slot_.
  [[nodiscard]] Region* take_growable_run(std::size_t size, std::size_t alignment, MemoryKind kind,
                                          std::uintptr_t tag) noexcept;
  [[nodiscard]] std::uint32_t max_cached(std::size_t size_class) const noexcept;
  [[nodiscard]] std::size_t rounded(std::size_t size, std::size_t alignment,
                                    MemoryKind kind) const noexcept;
  void drop_references(std::uint64_t count) noexcept;

  std::array<ClassTables, 2> class_tables_;
  // Of the thread caches' key; 0, where no thread has one, when it is not near: then every path is
  // the slow one, which asks the key.
  std::size_t near_index_ = 0;
  // Bytes from a size's direct stock back to its heap stock; 0 when direct memory has an alignment
  // of its own, as then a size need not be of the same class in both.
  const std::size_t to_heap_stock_;
  ChunkMap chunks_;
  const PooledAllocatorOptions options_;
  const sizing::Geometry geometry_;
  const std::size_t largest_slot_;  // bytes; regions of more are runs
  const platform::MemorySource source_;
  CoreParts* parts_ = nullptr;  // arenas, huge table, registry of caches: what only slow paths need
  sync::Atomic<bool> closed_{false};
  // What threads write while others read the above: a line apart.
  // What keeps the core: each arena that has regions out, each huge region, and the allocator.
  alignas(64) sync::Atomic<std::uint64_t> references_{1};
  sync::SharedCounter trimmed_regions_;
};

inline void release_region(Region* region) noexcept {
  // A live region's link is its cache; that of foreign ones is a cache that nobody owns.
  auto& cache = *reinterpret_cast<RegionCache*>(region->link);
  if (!cache.push(region, tls::thread_token())) [[unlikely]]
    PoolCore::release_slow(region);
}

}  // namespace tarn::pool
