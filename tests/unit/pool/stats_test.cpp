// SPDX-License-Identifier: Apache-2.0
// Statistics are plain values that start at nothing.
#include "tarn/detail/pool/stats.hpp"

#include <gtest/gtest.h>

#include <type_traits>

namespace tarn {
namespace {

static_assert(std::is_aggregate_v<CategoryStats> && std::is_aggregate_v<ChunkListStats>);
static_assert(std::is_aggregate_v<ArenaStats> && std::is_aggregate_v<PooledAllocatorStats>);
static_assert(std::is_trivially_copyable_v<ArenaStats>);
static_assert(std::is_nothrow_move_constructible_v<PooledAllocatorStats>);

TEST(Stats, StartAtNothing) {
  const PooledAllocatorStats stats;
  EXPECT_EQ(stats.mapped_bytes + stats.in_use_bytes + stats.cached_bytes + stats.pending_bytes, 0U);
  EXPECT_EQ(stats.free_bytes + stats.huge_bytes + stats.cache_hits + stats.cache_misses, 0U);
  EXPECT_EQ(stats.trimmed_regions + stats.chunks_mapped + stats.chunks_unmapped, 0U);
  EXPECT_EQ(stats.thread_caches, 0U);
  for (const CategoryStats& category : {stats.tiny, stats.small, stats.normal, stats.huge}) {
    EXPECT_EQ(category.allocations + category.deallocations + category.active, 0U);
  }
  EXPECT_TRUE(stats.heap_arenas.empty() && stats.direct_arenas.empty());
  const ArenaStats arena;
  EXPECT_EQ(arena.thread_caches + arena.chunks, 0U);
  EXPECT_EQ(arena.mapped_bytes + arena.in_use_bytes + arena.free_bytes + arena.dirty_bytes, 0U);
  ASSERT_EQ(arena.chunk_lists.size(), 6U);
  for (const ChunkListStats& list : arena.chunk_lists) {
    EXPECT_EQ(list.min_usage + list.max_usage + list.chunks, 0U);
  }
}

}  // namespace
}  // namespace tarn
