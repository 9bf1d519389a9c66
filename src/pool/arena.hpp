// SPDX-License-Identifier: Apache-2.0
// Chunks of one memory kind behind one lock, which serve regions in batches. Layer: pool.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "pool/chunk_list.hpp"
#include "pool/collapse_pace.hpp"
#include "pool/dirty_bound.hpp"
#include "pool/metadata.hpp"
#include "pool/subpage.hpp"
#include "tarn/detail/base/units.hpp"
#include "tarn/detail/platform/clock.hpp"
#include "tarn/detail/platform/memory.hpp"
#include "tarn/detail/platform/memory_kind.hpp"
#include "tarn/detail/pool/chunk.hpp"
#include "tarn/detail/pool/chunk_map.hpp"
#include "tarn/detail/pool/region.hpp"
#include "tarn/detail/pool/stats.hpp"
#include "tarn/detail/sizing/size_classes.hpp"
#include "tarn/detail/sync/atomic.hpp"
#include "tarn/detail/sync/counter.hpp"
#include "tarn/detail/sync/mutex.hpp"

namespace tarn::pool {

/// What an arena needs besides chunks, replaceable in tests.
struct ArenaSeams {
  platform::MemorySource metadata = platform::system_memory();  ///< Control blocks and page tables.
  std::uint64_t (*now_ms)() noexcept = platform::coarse_monotonic_ms;
  /// Bytes that the pool has in use besides its arenas', or null; outlives the arena.
  const sync::Counter* in_use_elsewhere = nullptr;
  /// What keeps the pool: raised when an arena's first region goes out; or null.
  sync::Atomic<std::uint64_t>* references = nullptr;
  bool (*collapse)(void* memory, std::size_t size) noexcept = platform::collapse;
  std::uint64_t (*now_us)() noexcept = platform::monotonic_us;  ///< How long that takes.
  /// How often; or null: whenever there is a place. Outlives the arena.
  CollapsePace* collapse_pace = nullptr;
};

/// Chunks of one memory kind behind one lock.
///
///     take ── subpage class ─ partly taken subpage of the class ──> slots
///        │                 └─ none: a run for a new subpage ┐
///        └─── run class ────────────────────────────────────┴─> chunk lists 50 25 0 init 75
///                                                            └─ none has room: kept chunk, else
///                                                            map
///     give ── slot ──> subpage ── last slot ──┐
///        └─── run ────────────────────────────┴─> chunk ── last run ──> kept, else unmapped
///
/// Serves everybody alike: it never looks at threads. An empty chunk that leaves the 0 list is kept
/// for reuse, one an arena, until it has been idle for kIdleMs
/// (docs/adr/0032-one-empty-chunk-is-kept.md).
///
/// Thread safety: every member, from any thread, unless it says otherwise.
class alignas(64) Arena {
 public:
  /// An empty chunk that nobody took for so long goes back to the system, in milliseconds. Shorter
  /// makes bursts map anew; longer keeps memory that the load has left.
  static constexpr std::uint64_t kIdleMs = 1000;
  static constexpr std::size_t kListCount = 6;
  /// Memory that has grown is put where it can become so many times larger, or, which is enough,
  /// a quarter of a chunk. It mostly doubles, so this is for doubling four times: a replay of
  /// postgres's trace then copies 51 MB, with half of it 69, with a quarter 160.
  static constexpr std::uint32_t kRoomToGrow = 16;
  /// Bytes of a huge page. Where the processor's are larger the system refuses.
  static constexpr std::size_t kHugePage = 2 * base::kMiB;

  /// @pre `geometry` and `map` outlive the arena.
  Arena(const sizing::Geometry& geometry, MemoryKind kind, const platform::MemorySource& source,
        ChunkMap& map, unsigned index, const ArenaSeams& seams = {}) noexcept;
  /// Unmaps every chunk. @pre no region is live; checked. No thread is inside another member.
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// Takes up to `count` regions of a class under one lock: refs 0, kind pooled, class set, linked
  /// as a list; in address order within a subpage, and as far as runs are cut from one free run.
  ///
  /// Fewer than asked for are no failure: only the first is worth a new chunk.
  /// @pre `count > 0`, the class is not huge; debug-checked.
  /// @returns an empty list when memory is refused; nothing has changed then.
  [[nodiscard]] RegionList take(sizing::SizeClass size_class, std::size_t count) noexcept;

  /// Takes one region whose address is a multiple of `alignment`, a power of two up to the chunk.
  /// The class's size is one too. @returns null when memory is refused; nothing has changed then.
  [[nodiscard]] Region* take_aligned(sizing::SizeClass size_class, std::size_t alignment) noexcept;

  /// Takes one region of a class of runs where it can grow, which no chunk is mapped for.
  /// @returns null when there is no such place, or memory is refused; nothing has changed then.
  [[nodiscard]] Region* take_growable(sizing::SizeClass size_class) noexcept;

  /// Makes a live region that is a run of its own one of a larger class, where it is.
  /// @returns false, and nothing has changed, when it is a slot, or the pages behind it are not
  /// free.
  [[nodiscard]] bool try_grow(Region* region, sizing::SizeClass size_class) noexcept;

  /// Takes back a null-terminated list of regions under one lock. One that is not live and of this
  /// arena is reported and fatal.
  ///
  /// Chunks are unmapped without the lock. live_regions() falls last, so who sees it at 0 may
  /// destroy the arena.
  /// @returns whether nothing is out any more: the caller then owes ArenaSeams::references one.
  bool give(Region* first) noexcept;

  /// Gives back to the system every chunk that holds nothing live, with the empty subpages that are
  /// kept in it, all free pages of the other chunks, and the pages of control blocks that are not
  /// in use. The lock is held for some megabytes at a time.
  void release_unused() noexcept;

  /// Gives back what an arena that is used gives back by itself: the kept chunk when it has been
  /// idle for kIdleMs, and free pages above their bound (DirtyBound) when nobody has looked at them
  /// for long.
  /// @complexity a lock; a system call when something goes.
  void release_idle() noexcept;

  [[nodiscard]] ArenaStats stats() const noexcept;
  [[nodiscard]] std::size_t live_regions() const noexcept;
  [[nodiscard]] std::uint64_t chunks_mapped() const noexcept;    ///< Ever.
  [[nodiscard]] std::uint64_t chunks_unmapped() const noexcept;  ///< Ever.

  /// Bytes of the regions that are out. No lock.
  [[nodiscard]] std::uint64_t in_use_bytes() const noexcept { return in_use_bytes_.load(); }
  [[nodiscard]] MemoryKind kind() const noexcept { return kind_; }
  [[nodiscard]] unsigned index() const noexcept { return index_; }

  // How many thread caches are bound here; written under the registry's lock, read by anybody.
  void bind_thread_cache() noexcept { thread_caches_.store_relaxed(thread_caches() + 1); }
  void unbind_thread_cache() noexcept { thread_caches_.store_relaxed(thread_caches() - 1); }
  [[nodiscard]] std::size_t thread_caches() const noexcept { return thread_caches_.load_relaxed(); }

  /// Walks everything: chunks, lists, subpages, counts. Fatal when an invariant is broken.
  void audit() const noexcept;

 private:
  // The lists by what their chunks have in use at least.
  enum ListIndex : std::size_t { kInit, k0, k25, k50, k75, k100 };
  /// Half full chunks first, so that emptier ones may become empty; those nearly full last, because
  /// most have no room.
  static constexpr std::array kWhereToLook{k50, k25, k0, kInit, k75};

  struct Census;

  /// A run of a chunk of this arena.
  struct Run {
    Chunk* chunk = nullptr;  // null: there is none
    std::uint32_t page = 0;
    bool is_fresh = false;  // none of its pages may hold memory of the system
  };
  /// Which run: `alignment` in pages; 1 where any place will do.
  struct RunWish {
    std::uint32_t pages;
    std::uint32_t alignment = 1;
    bool may_map = true;     // or keep to what is mapped
    std::uint32_t room = 0;  // pages that the free run must have at least; 0: as many as it takes
  };

  /// The pages of a region that is a run of its own. In chunks of few pages a subpage's layout may
  /// have more of them than its only element needs.
  [[nodiscard]] std::uint32_t pages_of_run(sizing::SizeClass size_class) const noexcept {
    // Rounded up by a shift: the page size is no constant, and a division takes longer.
    return static_cast<std::uint32_t>((sizing::size_of(size_class) + geometry_.page_size() - 1) >>
                                      geometry_.page_shift());
  }
  /// Fresh memory that is about to be used: one piece, since runs mostly lie one behind the other.
  struct FreshMemory {
    std::byte* begin = nullptr;
    std::size_t bytes = 0;

    void add(std::byte* memory, std::size_t size) noexcept {
      if (memory != begin + bytes) *this = {.begin = memory, .bytes = 0};
      bytes += size;
    }
  };
  void take_slots(sizing::SizeClass size_class, std::size_t count, RegionList& list,
                  FreshMemory& fresh) noexcept TARN_REQUIRES(lock_);
  void take_runs(sizing::SizeClass size_class, std::size_t count, RegionList& list) noexcept
      TARN_REQUIRES(lock_);
  [[nodiscard]] Subpage* add_subpage(sizing::SizeClass size_class, bool may_map,
                                     FreshMemory& fresh) noexcept TARN_REQUIRES(lock_);
  void drop_subpage(Subpage* subpage, Chunk*& doomed) noexcept TARN_REQUIRES(lock_);
  [[nodiscard]] Region* take_run_region(sizing::SizeClass size_class, const RunWish& wish) noexcept
      TARN_REQUIRES(lock_);
  [[nodiscard]] Run take_run(const RunWish& wish) noexcept TARN_REQUIRES(lock_);
  [[nodiscard]] Run take_dirty_run(std::uint32_t pages) noexcept TARN_REQUIRES(lock_);
  [[nodiscard]] Run take_run_from(Chunk& chunk, const RunWish& wish) noexcept TARN_REQUIRES(lock_);
  [[nodiscard]] Chunk* add_chunk() noexcept TARN_REQUIRES(lock_);
  [[nodiscard]] Chunk* map_chunk() noexcept TARN_REQUIRES(lock_);
  /// Bytes in use in this arena, and in the pool outside of arenas.
  [[nodiscard]] std::uint64_t held_bytes() const noexcept TARN_REQUIRES(lock_) {
    return in_use_bytes_.load() + (in_use_elsewhere_ == nullptr ? 0 : in_use_elsewhere_->load());
  }
  [[nodiscard]] std::byte* huge_page_due(const RegionList& taken) noexcept TARN_REQUIRES(lock_);
  void collapse(std::byte* memory) noexcept;
  void count_taken(sizing::SizeClass size_class, std::size_t count) noexcept TARN_REQUIRES(lock_);

  void give_run_region(Region* region, Chunk& chunk, Chunk*& doomed) noexcept TARN_REQUIRES(lock_);
  void relink(Subpage* subpage, Chunk*& doomed) noexcept TARN_REQUIRES(lock_);
  void give_run(Chunk& chunk, std::uint32_t page, Chunk*& doomed) noexcept TARN_REQUIRES(lock_);
  [[nodiscard]] Chunk& chunk_of(const Region* region) const noexcept;

  [[nodiscard]] std::uint64_t dirty_bytes() const noexcept TARN_REQUIRES(lock_) {
    return std::uint64_t{dirty_pages_} << geometry_.page_shift();
  }
  void bound_dirty_pages() noexcept TARN_REQUIRES(lock_);
  void purge_excess() noexcept TARN_REQUIRES(lock_);
  void purge_free_pages() noexcept;
  std::size_t age_free_pages(const DirtyBound::Excess& excess) noexcept TARN_REQUIRES(lock_);
  void doom(Chunk* chunk, Chunk*& doomed) noexcept TARN_REQUIRES(lock_);
  void doom_idle(Chunk*& doomed) noexcept TARN_REQUIRES(lock_);
  bool finish(Chunk* doomed, std::size_t given) noexcept;
  /// The last that happens to an arena in give(). @returns whether these were the last that were
  /// out.
  [[nodiscard]] bool count_given(std::size_t count) noexcept TARN_REQUIRES(lock_) {
    live_regions_ -= count;
    return live_regions_ == 0 && count != 0;
  }

  void audit_chunk(const Chunk& chunk, Census& census) const noexcept TARN_REQUIRES(lock_);
  void audit_subpages(const Census& census) const noexcept TARN_REQUIRES(lock_);

  const sizing::Geometry& geometry_;
  const MemoryKind kind_;
  const unsigned index_;
  const platform::MemorySource source_;
  ChunkMap& map_;
  std::uint64_t (*const now_ms_)() noexcept;
  const sync::Counter* const in_use_elsewhere_;
  sync::Atomic<std::uint64_t>* const references_;
  bool (*const collapse_)(void* memory, std::size_t size) noexcept;
  std::uint64_t (*const now_us_)() noexcept;
  CollapsePace* const collapse_pace_;

  mutable sync::Mutex lock_{sync::LockRank::arena};
  Metadata metadata_ TARN_GUARDED_BY(lock_);
  std::array<SubpageList, sizing::Geometry::kMaxClassCount> subpages_ TARN_GUARDED_BY(lock_);
  std::array<ChunkList, kListCount> lists_ TARN_GUARDED_BY(lock_);
  Chunk* kept_ TARN_GUARDED_BY(lock_) = nullptr;  // empty, in no list
  std::uint64_t kept_since_ms_ TARN_GUARDED_BY(lock_) = 0;
  std::size_t live_regions_ TARN_GUARDED_BY(lock_) = 0;
  sync::Counter in_use_bytes_;  // written under the lock
  DirtyBound dirty_bound_ TARN_GUARDED_BY(lock_);
  std::size_t dirty_pages_ TARN_GUARDED_BY(lock_) = 0;  // of all chunks
  std::uint64_t chunks_mapped_ TARN_GUARDED_BY(lock_) = 0;
  std::uint64_t chunks_unmapped_ TARN_GUARDED_BY(lock_) = 0;

  sync::Atomic<std::size_t> thread_caches_{0};  // relaxed: a number to choose by and to show
};

}  // namespace tarn::pool
