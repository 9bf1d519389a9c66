// SPDX-License-Identifier: Apache-2.0
// One thread's caches: what they keep, refill, bound and trim.
#include "tarn/detail/pool/thread_cache.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "pool/arena.hpp"
#include "support/pool_parts.hpp"
#include "support/scale.hpp"
#include "support/small_pool.hpp"
#include "tarn/detail/platform/clock.hpp"
#include "tarn/detail/tls/slots.hpp"

namespace tarn::pool {
namespace {

using sizing::Category;
using test::scaled;
using test::small_options;
using test::SmallPool;

constexpr MemoryKind kHeap = MemoryKind::heap;
constexpr MemoryKind kDirect = MemoryKind::direct;

/// Regions in the stocks of a kind and category.
std::size_t stocked(const SmallPool& pool, MemoryKind kind, Category category) {
  std::size_t regions = 0;
  pool.cache()->for_each_region_cache([&](const RegionCache& stock) {
    if (stock.size_class() >= pool.core().geometry().class_count()) return;
    if (stock.memory_kind() != kind) return;
    const auto of_stock = static_cast<Category>(pool.core().category(stock.size_class()));
    if (of_stock == category) regions += stock.size();
  });
  return regions;
}

/// Stocks that only the bytes of all of them bound.
PooledAllocatorOptions bounded_by_bytes(std::size_t bytes) {
  PooledAllocatorOptions options = small_options();
  options.tiny_cache_size = options.small_cache_size = options.normal_cache_size = 1000;
  options.max_cached_bytes_per_thread = bytes;
  return options;
}

std::uint64_t at_arena(const SmallPool& pool) { return pool.stats().direct_arenas[0].in_use_bytes; }

// --- what there is ------------------------------------------------------------------------------

// S0-10: six groups of stocks, tiny, small and normal of each kind: a release fills one of them.
TEST(ThreadCache, KeepsEveryCategoryOfEachKindApart) {
  struct Case {
    std::size_t size;
    MemoryKind kind;
    Category category;
  };
  const Case cases[] = {{24, kHeap, Category::tiny},      {24, kDirect, Category::tiny},
                        {700, kHeap, Category::small},    {700, kDirect, Category::small},
                        {16384, kHeap, Category::normal}, {16384, kDirect, Category::normal}};
  for (const Case& one : cases) {
    SmallPool pool;
    SmallPool::give(pool.take(one.size, one.kind));
    for (const Case& other : cases) {
      const bool same = other.kind == one.kind && other.category == one.category;
      EXPECT_EQ(stocked(pool, other.kind, other.category), same ? 1U : 0U);
    }
  }
}

// S0-11: one stock a class. Netty's older classes: 32 tiny, 4 small, 3 normal with pages of 8192;
// of today's there are 15, 24 and those from 32768 to 1 MiB.
TEST(ThreadCache, HasAStockOfEveryClassUpToTheCapacityBound) {
  PooledAllocatorOptions options;
  options.heap_arenas = options.direct_arenas = 1;
  SmallPool pool(options);
  SmallPool::give(pool.take(1));
  std::size_t counts[3] = {};
  pool.cache()->for_each_region_cache([&](const RegionCache& stock) {
    const std::size_t size = stock.region_size();
    const std::size_t expected = size < 512        ? 512U
                                 : size <= 28672   ? 256U
                                 : size <= 1 << 20 ? 64U
                                                   : 0U;
    EXPECT_EQ(stock.max_size(), expected) << size;
    if (stock.memory_kind() == kHeap && expected != 0) {
      ++counts[size < 512 ? 0 : size <= 28672 ? 1 : 2];
    }
  });
  EXPECT_EQ(counts[0], 15U);
  EXPECT_EQ(counts[1], 24U);
  EXPECT_EQ(counts[2], 21U);
}

// S0-11: smaller pages make fewer classes small.
TEST(ThreadCache, DividesClassesByTheirPage) {
  PooledAllocatorOptions options = small_options();
  options.small_cache_size = 3;
  options.normal_cache_size = 2;
  SmallPool pool(options);
  SmallPool::give(pool.take(1));
  EXPECT_EQ(pool.stock(14336, kDirect).max_size(), 3U);
  EXPECT_EQ(pool.stock(16384, kDirect).max_size(), 2U);
  EXPECT_EQ(pool.stock(32768, kDirect).max_size(), 2U);
  EXPECT_EQ(pool.stock(32769, kDirect).max_size(), 0U) << "larger than a chunk";
}

// --- refill
// ---------------------------------------------------------------------------------------

TEST(ThreadCache, BringsMoreRegionsWithEachMiss) {
  PooledAllocatorOptions options = small_options();
  options.tiny_cache_size = 64;
  SmallPool pool(options);
  std::vector<Region*> live;
  std::vector<std::uint64_t> brought;
  while (brought.size() < 7) {
    const std::uint64_t before = at_arena(pool);
    live.push_back(pool.take(64));
    if (at_arena(pool) != before) brought.push_back((at_arena(pool) - before) / 64);
  }
  EXPECT_EQ(brought, (std::vector<std::uint64_t>{1, 2, 4, 8, 16, 16, 16}));
  EXPECT_EQ(pool.stats().cache_misses, 7U);
  SmallPool::give_all(live);
  pool.check();
}

TEST(ThreadCache, BringsNoMoreThanItMayKeep) {
  SmallPool pool;  // four of a class
  std::vector<Region*> live;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t before = at_arena(pool);
    live.push_back(pool.take(64));
    ASSERT_LE(at_arena(pool) - before, 4 * 64U);
    pool.core().audit();
  }
  SmallPool::give_all(live);
  pool.check();
}

TEST(ThreadCache, BringsOneOfAClassThatItMayNotKeep) {
  PooledAllocatorOptions options = small_options();
  options.tiny_cache_size = 0;
  SmallPool pool(options);
  std::vector<Region*> live;
  for (std::size_t i = 1; i <= 20; ++i) {
    live.push_back(pool.take(64));
    ASSERT_EQ(at_arena(pool), i * 64);
  }
  SmallPool::give_all(live);
  EXPECT_EQ(at_arena(pool), 0U);
  pool.check();
}

// --- bounds
// ---------------------------------------------------------------------------------------

TEST(ThreadCache, AFullStockGivesItsOldestToTheArena) {
  SmallPool pool;
  const std::vector<Region*> regions = pool.take_many(5, 64);
  SmallPool::give_all(regions);
  // The fifth found four: three stay, and it.
  EXPECT_EQ(pool.stock(64, kDirect).size(), 4U);
  for (const std::size_t i : {4U, 3U, 2U, 1U}) EXPECT_EQ(pool.take(64), regions[i]);
  SmallPool::give_all({regions[1], regions[2], regions[3], regions[4]});
  pool.check();
}

// A long one gives its newest, which it need not look for.
TEST(ThreadCache, AFullLongStockGivesItsNewestToTheArena) {
  for (const std::size_t limit : {64U, 65U}) {
    const bool is_long = limit == 65;
    PooledAllocatorOptions options = small_options();
    options.tiny_cache_size = limit;
    SmallPool pool(options);
    std::vector<Region*> regions = pool.take_many(limit + 1, 64);
    while (pool.stock(64, kDirect).size() != 0) regions.push_back(pool.take(64));
    for (std::size_t i = 0; i <= limit; ++i) SmallPool::give(regions[i]);
    EXPECT_EQ(pool.take(64), regions[limit]);
    EXPECT_EQ(pool.take(64), regions[is_long ? limit - 2 : limit - 1]);
    SmallPool::give(regions[limit]);
    SmallPool::give(regions[is_long ? limit - 2 : limit - 1]);
    for (std::size_t i = limit + 1; i < regions.size(); ++i) SmallPool::give(regions[i]);
    pool.check();
  }
}

// [run] 300 freed: Netty keeps 256, the 44 that find the queue full go to the arena one by one.
// Here the 257th moves one, and as long as that goes on twice as many each time, up to
// half of the stock, under one lock.
TEST(ThreadCache, GivesTwiceAsManyEachTimeItIsFull) {
  PooledAllocatorOptions options = small_options();
  options.tiny_cache_size = 256;
  SmallPool pool(options);
  const std::vector<Region*> regions = pool.take_many(300, 256);
  std::size_t expected = pool.stock(256, kDirect).size();
  std::size_t surplus = 1;
  for (std::size_t i = 0; i < regions.size(); ++i) {
    if (expected == 256) {
      expected -= surplus;
      surplus *= 2;
    }
    ++expected;
  }
  SmallPool::give_all(regions);
  EXPECT_EQ(pool.stock(256, kDirect).size(), expected);
  EXPECT_EQ(pool.stats().tiny.active, 0U);
  pool.check();
}

// A burst of as many as the stock may hold, with one region more in circulation: after the first
// overflow all of it is served from the stock.
TEST(ThreadCache, ServesAFullBurstByItself) {
  PooledAllocatorOptions options = small_options();
  options.tiny_cache_size = 64;
  SmallPool pool(options);
  SmallPool::give_all(pool.take_many(65, 256));
  SmallPool::give_all(pool.take_many(64, 256));
  const std::uint64_t misses = pool.stats().cache_misses;
  for (int burst = 0; burst < 10; ++burst) SmallPool::give_all(pool.take_many(64, 256));
  EXPECT_EQ(pool.stats().cache_misses, misses);
  pool.check();
}

// A release without room that comes after a refill is the first of its kind again.
TEST(ThreadCache, ARefillMakesTheSurplusSmallAgain) {
  PooledAllocatorOptions options = small_options();
  options.tiny_cache_size = 64;
  SmallPool pool(options);
  SmallPool::give_all(pool.take_many(400, 256));  // by now half of the stock goes at once
  const std::vector<Region*> regions = pool.take_many(pool.stock(256, kDirect).size() + 1, 256);
  std::vector<Region*> more = pool.take_many(65 - regions.size(), 256);
  SmallPool::give_all(regions);
  SmallPool::give_all(more);
  EXPECT_GE(pool.stock(256, kDirect).size(), 57U);
  pool.check();
}

TEST(ThreadCache, KeepsNoMoreBytesThanItsBoundOverAllClasses) {
  const PooledAllocatorOptions options = bounded_by_bytes(64 << 10);
  SmallPool pool(options);
  for (std::size_t size = 16; size <= 32768; size += size / 8 + 16) {
    SmallPool::give_all(pool.take_many(20, size));
    SmallPool::give_all(pool.take_many(20, size, kHeap));
    ASSERT_LE(pool.stats().cached_bytes, options.max_cached_bytes_per_thread) << size;
    pool.check();
  }
  EXPECT_GT(pool.stats().cached_bytes, 0U);
}

// What a class was granted and does not use goes to the class that needs it.
TEST(ThreadCache, AClassThatIsUsedNoMoreMakesRoomForOthers) {
  const PooledAllocatorOptions options = bounded_by_bytes(64 << 10);
  SmallPool pool(options);
  const std::vector<Region*> of_one = pool.take_many(128, 512);
  SmallPool::give_all(of_one);
  EXPECT_EQ(pool.stats().cached_bytes, 64U << 10) << "all of the bound";
  const std::vector<Region*> again = pool.take_many(128, 512);  // granted, but empty now
  SmallPool::give_all(pool.take_many(100, 64));
  EXPECT_GE(pool.stock(64, kDirect).size(), 100U);
  pool.core().audit();
  SmallPool::give_all(again);
  EXPECT_LE(pool.stats().cached_bytes, options.max_cached_bytes_per_thread);
  pool.check();
}

/// Lets a window of slow steps go by and another begin, which a class without room makes up: the
/// whole bound must be granted to others.
void end_windows(SmallPool& pool, std::size_t size, int windows) {
  // A window has 128 steps, and each of these is a refill and a region without room.
  for (int i = 0; i < windows * 64; ++i) SmallPool::give(pool.take(size));
}

// A class in use has its only region out and in turn: its place is kept for it, but not for ever.
TEST(ThreadCache, AClassInUseKeepsThePlaceOfOneRegion) {
  PooledAllocatorOptions options = small_options();
  options.max_cached_bytes_per_thread = 48 << 10;
  SmallPool pool(options);
  const auto grant_of = [&](std::size_t size) { return pool.stock(size, kDirect).granted(); };
  SmallPool::give(pool.take(16384));
  SmallPool::give(pool.take(32768));
  ASSERT_EQ(grant_of(16384) + grant_of(32768), 2U) << "all of the bound";
  Region* const small = pool.take(16384);  // hits
  Region* const large = pool.take(32768);
  end_windows(pool, 12288, 1);
  EXPECT_EQ(grant_of(16384), 1U);
  EXPECT_EQ(grant_of(32768), 1U);
  EXPECT_EQ(pool.stock(12288, kDirect).size(), 0U);
  end_windows(pool, 12288, 1);
  EXPECT_EQ(grant_of(16384) + grant_of(32768), 0U) << "no hit in a whole window";
  EXPECT_EQ(pool.stock(12288, kDirect).size(), 1U);
  SmallPool::give(small);
  SmallPool::give(large);
  pool.check();
}

// What no class uses goes back to the arena by halves, where others can have its pages.
TEST(ThreadCache, ASweepGivesUpHalfOfWhatWasNotUsed) {
  SmallPool pool(bounded_by_bytes(16 << 10));
  SmallPool::give_all(pool.take_many(16, 1024));
  const RegionCache& unused = pool.stock(1024, kDirect);
  end_windows(pool, 16384, 1);
  ASSERT_EQ(unused.size(), 16U) << "all of the bound; in use while they were taken";
  for (const std::uint32_t left : {8U, 4U, 2U, 1U, 0U}) {
    const std::uint64_t before = at_arena(pool);
    const std::uint32_t given_up = unused.size() - left;
    end_windows(pool, 16384, 1);
    EXPECT_EQ(unused.size(), left);
    EXPECT_EQ(unused.granted(), left);
    EXPECT_EQ(at_arena(pool), before - 1024 * given_up + (left == 0 ? 16384 : 0));
  }
  pool.check();
}

// A class that was hit since the last sweep keeps all of its stock.
TEST(ThreadCache, ASweepLeavesAClassInUseItsStock) {
  SmallPool pool(bounded_by_bytes(16 << 10));
  SmallPool::give_all(pool.take_many(16, 1024));
  for (int i = 0; i < 5; ++i) {
    SmallPool::give(pool.take(1024));  // a hit
    end_windows(pool, 12288, 1);
    EXPECT_EQ(pool.stock(1024, kDirect).size(), 16U);
  }
  pool.check();
}

/// Misses of a burst: `count` regions taken, then given back.
std::uint64_t misses_of_burst(SmallPool& pool, std::size_t count, std::size_t size) {
  const std::uint64_t before = pool.stats().cache_misses;
  SmallPool::give_all(pool.take_many(count, size));
  return pool.stats().cache_misses - before;
}

// 1 MiB in all, which is in nobody's hands between the bursts: more than a thread keeps at first.
TEST(ThreadCache, KeepsALargeBurstWhenItComesAgainAndAgain) {
  PooledAllocatorOptions options;
  options.heap_arenas = options.direct_arenas = 1;
  options.normal_cache_size = options.small_cache_size = 64;
  SmallPool pool(options);
  static_cast<void>(misses_of_burst(pool, 64, 16384));
  EXPECT_GE(misses_of_burst(pool, 64, 16384), 16U);
  int bursts = 0;
  while (misses_of_burst(pool, 64, 16384) != 0) ASSERT_LT(++bursts, 1000);
  EXPECT_GE(bursts, 10) << "not before it has cost as much as the memory";
  EXPECT_EQ(misses_of_burst(pool, 64, 16384), 0U);
  pool.check();
}

// A quarter of what is in use is kept without waiting until that.
TEST(ThreadCache, KeepsABurstThatIsLittleBesideWhatIsInUse) {
  PooledAllocatorOptions options;
  options.heap_arenas = options.direct_arenas = 1;
  options.normal_cache_size = options.small_cache_size = 64;
  SmallPool pool(options);
  const std::vector<Region*> in_use = pool.take_many(16, 1 << 20);
  int bursts = 0;
  while (misses_of_burst(pool, 64, 16384) != 0) ASSERT_LT(++bursts, 6);
  SmallPool::give_all(in_use);
  pool.check();
}

// A refill that widens a stock must not count the room it takes from that very stock.
TEST(ThreadCache, AClassDoesNotMakeRoomForItself) {
  const PooledAllocatorOptions options = bounded_by_bytes(32 << 10);
  SmallPool pool(options);
  // Class 1024 is granted 16 regions, half of the bound, and has none of them in stock; class 64
  // has the other half in stock.
  std::vector<Region*> live = pool.take_many(16, 1024);
  SmallPool::give_all(live);
  SmallPool::give_all(pool.take_many(256, 64));
  live = pool.take_many(16, 1024);
  for (int i = 0; i < 100; ++i) {
    live.push_back(pool.take(1024));
    pool.core().audit();
  }
  SmallPool::give_all(live);
  EXPECT_LE(pool.stats().cached_bytes, options.max_cached_bytes_per_thread);
  pool.check();
}

TEST(ThreadCache, ARegionLargerThanTheBoundIsNotKept) {
  PooledAllocatorOptions options = small_options();
  options.max_cached_bytes_per_thread = 8192;
  SmallPool pool(options);
  SmallPool::give(pool.take(16384));
  SmallPool::give(pool.take(8192));
  EXPECT_EQ(pool.stock(16384, kDirect).size(), 0U);
  EXPECT_EQ(pool.stock(8192, kDirect).size(), 1U);
  pool.check();
}

// A buffer of a quarter of a chunk in a loop: Netty makes and drops a chunk each time (#14257).
TEST(ThreadCache, ServesALoopOfTheLargestCachedSizeByItself) {
  PooledAllocatorOptions options;
  options.heap_arenas = options.direct_arenas = 1;
  const std::uint64_t start = platform::coarse_monotonic_ms();
  SmallPool pool(options);
  for (int i = 0; i < 1000; ++i) SmallPool::give(pool.take(1 << 20));
  const std::uint64_t hits = pool.stats().cache_hits;
  for (int i = 0; i < 100; ++i) SmallPool::give(pool.take(1 << 20));
  EXPECT_EQ(pool.stats().cache_hits, hits + 100);
  // Before the region is kept, its chunk is an idle one between two turns: who is stopped for as
  // long as such a one may last makes another.
  const std::uint64_t stops = (platform::coarse_monotonic_ms() - start) / Arena::kIdleMs;
  EXPECT_LE(pool.stats().chunks_mapped, 1 + stops);
}

// Twice what a thread keeps at first: one window of slow steps, which 64 loops are, is enough.
TEST(ThreadCache, KeepsOneRegionLargerThanItsFirstBound) {
  PooledAllocatorOptions options;
  options.heap_arenas = options.direct_arenas = 1;
  SmallPool pool(options);
  for (int i = 0; i < 70; ++i) SmallPool::give(pool.take(1 << 20));
  const std::uint64_t hits = pool.stats().cache_hits;
  for (int i = 0; i < 10; ++i) SmallPool::give(pool.take(1 << 20));
  EXPECT_EQ(pool.stats().cache_hits, hits + 10);
  pool.check();
}

// testCacheWorksForNormalAllocations: a cached size reaches the arena once, one above the bound
// each time. Netty's bound is 32768 by default: 32768 -> 1, 1; 32769 -> 2, 3.
TEST(ThreadCache, ServesNormalSizesUpToTheBound) {
  PooledAllocatorOptions options;
  options.heap_arenas = options.direct_arenas = 1;
  options.max_cached_buffer_capacity = 32768;
  SmallPool pool(options);
  SmallPool::give(pool.take(32768));
  EXPECT_EQ(pool.stats().cache_misses, 1U);
  SmallPool::give(pool.take(32768));
  EXPECT_EQ(pool.stats().cache_misses, 1U);
  SmallPool::give(pool.take(32769));
  EXPECT_EQ(pool.stats().cache_misses, 2U);
  SmallPool::give(pool.take(32769));
  EXPECT_EQ(pool.stats().cache_misses, 3U);
  EXPECT_EQ(pool.stats().normal.allocations, 4U);
}

// --- plain memory that is remembered
// --------------------------------------------------------------

Region* take_plain(SmallPool& pool, std::size_t size, MemoryKind kind = kDirect) {
  Region* const region = pool.core().take<kPlainTag>(size, kind);
  EXPECT_NE(region, nullptr);
  return region;
}

void expect_to_take_back(SmallPool& pool, std::size_t size, MemoryKind kind) {
  std::array<Region*, 3> taken{};
  for (Region*& region : taken) region = take_plain(pool, size, kind);
  // This makes room in the stock.
  for (Region* const region : taken) pool.core().give_plain(region->data, size);
  for (int round = 0; round < 2; ++round) {
    Region* const region = take_plain(pool, size, kind);
    const std::uint32_t stocked_before = pool.stock(size, kind).size();
    EXPECT_TRUE(pool.core().give_recent(region->data, size)) << size;
    EXPECT_EQ(pool.stock(size, kind).size(), stocked_before + 1);
  }
}

TEST(ThreadCache, TakesBackPlainMemoryThatItRemembers) {
  SmallPool pool;
  for (const MemoryKind kind : {kHeap, kDirect}) {
    for (const std::size_t size : {1U, 16U, 100U, 4096U, 16384U}) {
      expect_to_take_back(pool, size, kind);
    }
  }
  pool.check();
}

// From 64 KiB on classes come from another table.
TEST(ThreadCache, TakesBackLargePlainMemoryThatItRemembers) {
  PooledAllocatorOptions options = test::small_options();
  options.max_order = 8;  // chunks of 1 MiB
  for (const MemoryKind kind : {kHeap, kDirect}) {
    for (const std::size_t size : {65536U, 65537U, 100'000U}) {
      SmallPool pool(options);  // a new one, as all together would be more than a thread keeps
      expect_to_take_back(pool, size, kind);
      pool.check();
    }
  }
}

TEST(ThreadCache, TakesBackNothingElseAsRemembered) {
  SmallPool pool;
  pool.core().give_plain(take_plain(pool, 100)->data, 100);  // makes room in the stock
  Region* const region = take_plain(pool, 100);
  std::byte* const memory = region->data;
  PoolCore& core = pool.core();
  EXPECT_FALSE(core.give_recent(nullptr, 100));
  EXPECT_FALSE(core.give_recent(memory + 16, 84)) << "inside";
  EXPECT_FALSE(core.give_recent(&pool, 100)) << "foreign";
  for (const std::size_t size : {0U, 96U, 113U, 4096U}) {
    for (const MemoryKind kind : {kHeap, kDirect}) {
      if (size != 0) core.give_plain(take_plain(pool, size, kind)->data, size);  // makes room there
    }
    EXPECT_FALSE(core.give_recent(memory, size)) << "of another class than " << size;
  }
  EXPECT_TRUE(core.give_recent(memory, 97));
  EXPECT_FALSE(core.give_recent(memory, 100)) << "released already";
  Region* const buffers = pool.take(100);
  ASSERT_EQ(buffers, region);
  EXPECT_FALSE(core.give_recent(memory, 100)) << "a buffer's now";
  SmallPool::give(buffers);
  pool.check();
}

// Where direct memory has an alignment of its own, a size is of one class there and of another in
// the heap's stocks: what was taken from these goes back to them, and by its own sizes only.
TEST(ThreadCache, TakesBackPlainMemoryByTheClassOfItsKind) {
  PooledAllocatorOptions options = test::small_options();
  options.direct_alignment = 64;
  SmallPool pool(options);
  for (const MemoryKind kind : {kHeap, kDirect}) {
    pool.core().give_plain(take_plain(pool, 50, kind)->data, 50);  // makes room in the stock
    Region* const region = take_plain(pool, 50, kind);             // of 64 bytes
    EXPECT_EQ(region->memory_kind, kind);
    std::byte* const memory = region->data;
    if (kind == kHeap) {
      // 20 bytes are of the class of 64 if direct, of that of 32 here.
      EXPECT_FALSE(pool.core().give_recent(memory, 20));
    }
    const std::uint32_t stocked_before = pool.stock(64, kind).size();
    pool.core().give_plain(memory, kind == kHeap ? 50 : 20);
    EXPECT_EQ(pool.stock(64, kind).size(), stocked_before + 1);
  }
  pool.check();
}

TEST(ThreadCache, DoesNotTakeAnotherThreadsMemoryForItsOwn) {
  SmallPool pool;
  std::byte* const memory = take_plain(pool, 100)->data;
  Region* const neighbour = pool.take(100);  // keeps the chunk where it is
  pool.core().give_plain(memory, 100);
  ThreadCache* const first = pool.cache();
  pool.core().trim_all();
  // The same memory, now of another thread's cache; the first still has its address in mind.
  test::in_thread([&] {
    std::vector<std::byte*> taken;
    while (taken.empty() || (taken.back() != memory && taken.size() < 32)) {
      taken.push_back(take_plain(pool, 100)->data);
    }
    ASSERT_EQ(taken.back(), memory);
    Region* region = nullptr;
    RegionCache* home = &first->region_cache(kDirect, sizing::class_of(100));
    EXPECT_FALSE(first->find_recent(memory, ThreadCache::kToHeapStock, home, region));
    EXPECT_EQ(region->data, memory) << "no longer in mind";
    for (std::byte* const one : taken) pool.core().give_plain(one, 100);
  });
  SmallPool::give(neighbour);
  pool.check();
}

// An address whose hash another one has taken since is found by its chunk instead.
TEST(ThreadCache, TakesBackMemoryThatItHasForgotten) {
  PooledAllocatorOptions options;
  options.heap_arenas = options.direct_arenas = 1;
  options.cache_trim_interval = 0;
  SmallPool pool(options);
  std::vector<std::byte*> taken;
  for (int i = 0; i < 5000; ++i) taken.push_back(take_plain(pool, 64)->data);
  for (std::byte* const memory : taken) pool.core().give_plain(memory, 64);
  EXPECT_EQ(pool.stats().in_use_bytes, 0U);
  pool.check();
}

// Slots past those that every thread has are not looked at by the usual path.
TEST(ThreadCache, ServesACoreWhoseKeyIsNotNear) {
  std::vector<std::unique_ptr<tls::Key>> keys;
  while (keys.empty() || keys.back()->index() < tls::kNearSlots) {
    keys.push_back(std::make_unique<tls::Key>([](void*, void*) {}, nullptr));
  }
  SmallPool pool;
  EXPECT_EQ(pool.core().near_cache(), nullptr);
  SmallPool::give(pool.take(100));
  EXPECT_EQ(pool.core().near_cache(), nullptr);
  for (int i = 0; i < 10; ++i) {
    SmallPool::give(pool.take(100));
    pool.core().give_plain(take_plain(pool, 100)->data, 100);
  }
  EXPECT_EQ(pool.stats().thread_caches, 1U);
  EXPECT_EQ(pool.stats().cache_hits + pool.stats().cache_misses, 21U);
  EXPECT_GE(pool.stats().cache_hits, 20U);
  EXPECT_EQ(pool.stats().in_use_bytes, 0U);
}

// --- trims
// ----------------------------------------------------------------------------------------

/// A pool whose threads trim every `interval` allocations, with 256 regions of a class.
PooledAllocatorOptions trimming(std::size_t interval) {
  PooledAllocatorOptions options = small_options();
  options.tiny_cache_size = 256;
  options.cache_trim_interval = interval;
  return options;
}

// [run] trim on the 8192nd: exactly on the interval's last allocation, and then on every such one.
TEST(ThreadCache, TrimsOnTheLastAllocationOfEachInterval) {
  SmallPool pool(trimming(100));
  SmallPool::give_all(pool.take_many(50, 64));  // 50 allocations
  const std::size_t kept = pool.stock(64, kDirect).size();
  ASSERT_GE(kept, 50U);
  for (int i = 51; i < 100; ++i) SmallPool::give(pool.take(1024, kHeap));
  EXPECT_EQ(pool.stats().trimmed_regions, 0U);
  SmallPool::give(pool.take(1024, kHeap));
  // 50 taken, of which a refill's first ones missed: as many as hits were needed, the rest is not.
  EXPECT_EQ(pool.stats().trimmed_regions, kept - pool.stock(64, kDirect).size());
  EXPECT_EQ(pool.stock(64, kDirect).size(), pool.stock(64, kDirect).hits());
  for (int i = 1; i < 100; ++i) SmallPool::give(pool.take(1024, kHeap));
  EXPECT_NE(pool.stock(64, kDirect).size(), 0U);
  SmallPool::give(pool.take(1024, kHeap));
  EXPECT_EQ(pool.stock(64, kDirect).size(), 0U) << "two intervals without a use empty a class";
  pool.check();
}

// An interval of thousands is counted in leases of up to 64 hits: what a class has not used up of
// its own delays the trim, by no more than that.
TEST(ThreadCache, TrimsALeaseAClassLateAtMost) {
  SmallPool pool(trimming(8192));
  SmallPool::give_all(pool.take_many(50, 64));
  ASSERT_NE(pool.stock(64, kDirect).size(), 0U);
  int allocations = 50;
  while (pool.stats().trimmed_regions == 0 && allocations < 10'000) {
    SmallPool::give(pool.take(1024, kHeap));
    ++allocations;
  }
  EXPECT_GE(allocations, 8192);
  EXPECT_LE(allocations, 8192 + 64);
}

// [run] of 256 cached with 100 hits since, trim #1 gives up 156 and trim #2 the other 100.
TEST(ThreadCache, GivesUpWhatTheIntervalDidNotNeed) {
  SmallPool pool(trimming(0));
  const std::vector<Region*> regions = pool.take_many(200, 256);
  // The owner's own trims need an interval; anybody may trim by time instead: the same rule.
  pool.cache()->trim(false);
  SmallPool::give_all(regions);
  RegionCache& stock = pool.stock(256, kDirect);
  const std::size_t size = stock.size();
  ASSERT_GE(size, 200U);
  const std::uint64_t hits = stock.hits();
  const std::uint64_t trimmed = pool.stats().trimmed_regions;
  for (int i = 0; i < 100; ++i) SmallPool::give(pool.take(256));
  ASSERT_EQ(stock.hits(), hits + 100);
  pool.cache()->trim(false);
  EXPECT_EQ(pool.stats().trimmed_regions - trimmed, size - 100);
  EXPECT_EQ(stock.size(), 100U);
  pool.cache()->trim(false);
  EXPECT_EQ(pool.stats().trimmed_regions - trimmed, size);
  EXPECT_EQ(pool.stats().cached_bytes, 0U) << "two trims in a row empty everything";
  pool.check();
}

TEST(ThreadCache, TrimKeepsTheNewest) {
  SmallPool pool(trimming(0));
  const std::vector<Region*> regions = pool.take_many(10, 256);
  SmallPool::give_all(regions);
  pool.cache()->trim(false);
  SmallPool::give_all(pool.take_many(pool.stock(256, kDirect).size(), 256));
  pool.cache()->trim(false);
  Region* newest = pool.take(256);
  SmallPool::give(newest);  // one hit
  pool.cache()->trim(false);
  ASSERT_EQ(pool.stock(256, kDirect).size(), 1U);
  EXPECT_EQ(pool.take(256), newest);
  SmallPool::give(newest);
}

TEST(ThreadCache, WithoutAnIntervalNothingIsTrimmed) {
  SmallPool pool(trimming(0));
  SmallPool::give_all(pool.take_many(100, 64));
  for (int i = 0; i < 20'000; ++i) SmallPool::give(pool.take(1024, kHeap));
  EXPECT_EQ(pool.stats().trimmed_regions, 0U);
  EXPECT_GE(pool.stock(64, kDirect).size(), 100U);
}

TEST(ThreadCache, FlushSaysHowMuchItGaveUp) {
  SmallPool pool;
  SmallPool::give_all(pool.take_many(4, 64));
  const std::uint64_t cached = pool.stats().cached_bytes;
  EXPECT_EQ(pool.cache()->flush(true), cached);
  EXPECT_EQ(pool.cache()->flush(true), 0U);
  EXPECT_EQ(pool.stats().cached_bytes, 0U);
  EXPECT_TRUE(pool.cache()->is_bound()) << "it goes on";
  SmallPool::give(pool.take(64));
  EXPECT_EQ(pool.stats().cached_bytes, 64U);
  pool.check();
}

// More than it gathers for one visit to the arenas, of many classes and both kinds.
TEST(ThreadCache, FlushGivesUpStocksOfAnySizeAndKind) {
  PooledAllocatorOptions options = small_options();
  options.tiny_cache_size = options.small_cache_size = 700;
  SmallPool pool(options);
  std::uint64_t given = 0;
  for (const std::size_t size : {16U, 32U, 64U, 96U, 128U, 1024U}) {
    for (const MemoryKind kind : {kHeap, kDirect}) {
      const std::size_t count = size == 32 ? 700 : 90;
      SmallPool::give_all(pool.take_many(count, size, kind));
      given += count * size;
    }
  }
  const std::uint64_t cached = pool.stats().cached_bytes;
  ASSERT_GE(cached, given);
  EXPECT_EQ(pool.cache()->flush(true), cached);
  EXPECT_EQ(pool.stats().cached_bytes, 0U);
  EXPECT_EQ(pool.stats().heap_arenas[0].in_use_bytes, 0U);
  EXPECT_EQ(pool.stats().direct_arenas[0].in_use_bytes, 0U);
  pool.check();
}

// By time: whoever takes a slow path trims what no thread has used for a period.
TEST(ThreadCache, IsTrimmedByTimeThoughItsThreadSleeps) {
  PooledAllocatorOptions options = small_options();
  options.cache_trim_period = std::chrono::milliseconds(1);
  SmallPool pool(options);
  SmallPool::give_all(pool.take_many(4, 64));
  ThreadCache* const sleeping = pool.cache();
  const std::uint64_t cached = sleeping->cached_bytes();
  ASSERT_NE(cached, 0U);
  test::in_thread([&] {
    // Two sweeps empty it; each needs a miss, a period after the one before.
    for (int i = 0; i < 1000 && sleeping->cached_bytes() != 0; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      SmallPool::give(pool.take(20'000));
      pool.core().trim_current_thread_cache();
    }
  });
  EXPECT_EQ(sleeping->cached_bytes(), 0U);
  EXPECT_EQ(pool.stats().trimmed_regions, cached / 64);
  pool.check();
}

// --- everything at random
// -------------------------------------------------------------------------

// Goal: whatever one thread does, the cache's counts and bounds hold. Method: random operations
// against the trivial model of what is live, all audited after each.
TEST(ThreadCache, HoldsItsInvariantsWhateverItsThreadDoes) {
  PooledAllocatorOptions options = small_options();
  options.max_order = 2;  // chunks of 16 KiB
  options.cache_trim_interval = 16;
  options.max_cached_bytes_per_thread = 20'000;
  SmallPool pool(options);
  test::Random random;
  std::vector<Region*> live;
  std::uint64_t taken = 0;
  for (int step = 0; step < scaled(40'000); ++step) {
    const std::size_t what = random.below(100);
    if (what < 45 || live.empty()) {
      const MemoryKind kind = random.one_in(2) ? kHeap : kDirect;
      // Few sizes, so that stocks fill.
      const std::size_t sizes[] = {16, 16, 64, 500, 1024, 3000, 16384, 17000};
      live.push_back(pool.take(sizes[random.below(8)], kind));
      ++taken;
    } else if (what < 95) {
      std::swap(live[random.below(live.size())], live.back());
      SmallPool::give(live.back());
      live.pop_back();
    } else if (what < 97) {
      pool.cache()->trim(false);
    } else {
      pool.core().trim_current_thread_cache();
    }
    ASSERT_NO_FATAL_FAILURE(pool.check());
    const PooledAllocatorStats stats = pool.stats();
    ASSERT_EQ(stats.tiny.allocations + stats.small.allocations + stats.normal.allocations +
                  stats.huge.allocations,
              taken);
    ASSERT_EQ(stats.tiny.active + stats.small.active + stats.normal.active + stats.huge.active,
              live.size());
    ASSERT_LE(stats.cached_bytes, options.max_cached_bytes_per_thread);
  }
  SmallPool::give_all(live);
  pool.core().trim_all();
  EXPECT_EQ(pool.stats().mapped_bytes, 0U);
}

}  // namespace
}  // namespace tarn::pool
