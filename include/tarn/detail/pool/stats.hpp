// SPDX-License-Identifier: Apache-2.0
// Snapshots of what a pool holds and has done. Layer: pool; public through tarn/allocator.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tarn {

/// What users did in one category of sizes, cache hits included.
///
/// By the rounded size: tiny < 512 <= small < smallest run class <= normal <= chunk < huge. Of a
/// memory kind without arenas every size is huge.
struct CategoryStats {
  std::uint64_t allocations = 0;
  std::uint64_t deallocations = 0;
  std::uint64_t active = 0;  ///< allocations - deallocations
};

/// One chunk list of an arena: how full its chunks are, in percent, and how many there are.
struct ChunkListStats {
  unsigned min_usage = 0;
  unsigned max_usage = 0;
  std::size_t chunks = 0;
};

/// One arena. `in_use_bytes + free_bytes == mapped_bytes`; what thread caches hold, and what waits
/// to go back to one, is in use for the arena.
struct ArenaStats {
  std::size_t thread_caches = 0;  ///< Caches that are bound to this arena now.
  std::size_t chunks = 0;         ///< Mapped now, an empty one kept for reuse included.
  std::uint64_t mapped_bytes = 0;
  std::uint64_t in_use_bytes = 0;  ///< Sum of the class sizes of all regions handed out.
  std::uint64_t free_bytes = 0;
  /// init 1-25, 0: 1-50, 25: 25-75, 50: 50-100, 75: 75-100, 100: 100-100. A chunk kept for reuse
  /// is in none.
  std::array<ChunkListStats, 6> chunk_lists{};
  /// Of the free ones: pages that were used before and have not gone back to the system, so that
  /// they may be resident.
  std::uint64_t dirty_bytes = 0;
};

/// One allocator. `mapped_bytes == in_use_bytes + cached_bytes + pending_bytes + free_bytes`: each
/// counts whole regions; huge ones are counted apart, in huge_bytes.
struct PooledAllocatorStats {
  std::uint64_t mapped_bytes = 0;
  std::uint64_t in_use_bytes = 0;   ///< Held by users.
  std::uint64_t cached_bytes = 0;   ///< In thread caches.
  std::uint64_t pending_bytes = 0;  ///< Released by another thread, not yet back in a cache.
  std::uint64_t free_bytes = 0;     ///< In the arenas' chunks.
  std::uint64_t huge_bytes = 0;
  CategoryStats tiny;
  CategoryStats small;
  CategoryStats normal;
  CategoryStats huge;
  std::uint64_t cache_hits = 0;  ///< Hits + misses = allocations of tiny, small and normal.
  std::uint64_t cache_misses = 0;
  /// Given up by trims at intervals or by time; what trim_all() and the end of a thread give up is
  /// not counted.
  std::uint64_t trimmed_regions = 0;
  std::uint64_t chunks_mapped = 0;  ///< Ever; so is the next.
  std::uint64_t chunks_unmapped = 0;
  std::size_t thread_caches = 0;  ///< Threads that have one now.
  std::vector<ArenaStats> heap_arenas;
  std::vector<ArenaStats> direct_arenas;
  std::uint64_t dirty_bytes = 0;  ///< Of the free ones, those that may be resident.
};

}  // namespace tarn
