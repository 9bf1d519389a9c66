// SPDX-License-Identifier: Apache-2.0
// Taking from a pool and giving back, by one thread: sizes, classes, alignments, bounds, ends.
#include "tarn/detail/pool/core.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "support/pool_parts.hpp"
#include "support/scale.hpp"
#include "support/small_pool.hpp"
#include "tarn/detail/platform/clock.hpp"

namespace tarn::pool {
namespace {

using test::in_thread;
using test::scaled;
using test::small_options;
using test::SmallPool;

constexpr MemoryKind kKinds[] = {MemoryKind::heap, MemoryKind::direct};
constexpr std::size_t kChunk = 32768;  // bytes, of small_options()

std::uintptr_t address(const void* p) { return reinterpret_cast<std::uintptr_t>(p); }

// S0-1: 100 rounds of one size: the arena serves one region, and nothing goes back to it.
TEST(PoolCore, ServesTheNextAllocationFromWhatTheThreadHasReleased) {
  SmallPool pool;
  Region* const first = pool.take(256);
  std::byte* const data = first->data;
  SmallPool::give(first);
  for (int i = 0; i < 99; ++i) {
    Region* const region = pool.take(256);
    ASSERT_EQ(region->data, data) << "same chunk, same offset";
    SmallPool::give(region);
  }
  // Netty counts what misses the cache: allocations 1, deallocations 0, active 1. Here the arena
  // still holds one region out, but the statistics tell what the user did.
  EXPECT_EQ(pool.stats().direct_arenas[0].in_use_bytes, 256U);
  EXPECT_EQ(pool.stats().cache_misses, 1U);
  EXPECT_EQ(pool.stats().cache_hits, 99U);
  EXPECT_EQ(pool.stats().tiny.allocations, 100U);
  EXPECT_EQ(pool.stats().tiny.active, 0U);
  pool.check();
}

// S0-13: a cached run comes back as the same run, a slot as the same slot, each with its class.
TEST(PoolCore, ACachedRegionComesBackAsItWas) {
  SmallPool pool;
  for (const std::size_t size : {24U, 600U, 16384U}) {
    Region* const region = pool.take(size);
    std::byte* const data = region->data;
    const std::uint16_t size_class = region->size_class;
    SmallPool::give(region);
    Region* const again = pool.take(size);
    EXPECT_EQ(again, region);
    EXPECT_EQ(again->data, data);
    EXPECT_EQ(again->size_class, size_class);
    EXPECT_EQ(again->refs.load_relaxed(), 1U);
    SmallPool::give(again);
  }
}

// S0-13, the order: Netty gives back 0, 64, 128, 192; here the newest comes first.
TEST(PoolCore, GivesBackTheNewestOfAClassFirst) {
  SmallPool pool;
  const std::vector<Region*> regions = pool.take_many(4, 64);
  SmallPool::give_all(regions);
  for (std::size_t i = 4; i-- > 0;) EXPECT_EQ(pool.take(64), regions[i]);
  SmallPool::give_all(regions);
}

// S0-12: what one thread has released is not what another is given.
TEST(PoolCore, OtherThreadsDoNotGetWhatAThreadKeeps) {
  SmallPool pool;
  const std::vector<Region*> mine = pool.take_many(3, 64);
  SmallPool::give_all(mine);
  test::in_thread([&] {
    const std::vector<Region*> others = pool.take_many(8, 64);
    for (const Region* const region : others) {
      for (const Region* const kept : mine) EXPECT_NE(region->data, kept->data);
    }
    SmallPool::give_all(others);
  });
  EXPECT_EQ(pool.stock(64, MemoryKind::direct).size(), 3U);
}

TEST(PoolCore, ServesEverySizeUpToTheChunkAndBeyond) {
  SmallPool pool;
  for (const MemoryKind kind : kKinds) {
    for (std::size_t size = 0; size <= kChunk + 100; size += size < 300 ? 1 : 97) {
      Region* const region = pool.take(size, kind);
      ASSERT_NE(region, nullptr) << size;
      ASSERT_GE(region_capacity(region), size);
      ASSERT_EQ(region->memory_kind, kind);
      ASSERT_EQ(address(region->data) % 16, 0U);
      ASSERT_EQ(region->kind, size <= kChunk ? RegionKind::pooled : RegionKind::huge) << size;
      SmallPool::give(region);
    }
  }
  pool.check();
}

TEST(PoolCore, NothingIsLikeOneByte) {
  SmallPool pool;
  void* const none = pool.take_plain(0);
  void* const one = pool.take_plain(1);
  EXPECT_NE(none, nullptr);
  EXPECT_NE(none, one) << "zero bytes have an address of their own";
  pool.give_plain(none, 0);
  pool.give_plain(one, 1);
  EXPECT_EQ(pool.stats().tiny.deallocations, 2U);
  pool.check();
}

TEST(PoolCore, LiveRegionsNeverOverlap) {
  SmallPool pool;
  test::Random random;
  struct Piece {
    std::uintptr_t begin;
    std::size_t size;
    bool operator<(const Piece& other) const { return begin < other.begin; }
  };
  std::set<Piece> live;
  for (int step = 0; step < scaled(30'000); ++step) {
    if (live.empty() || random.below(5) < 3) {
      const std::size_t size = 1 + random.below(random.one_in(4) ? 2 * kChunk : 600);
      const Piece piece{address(pool.take_plain(size)), size};
      const auto next = live.lower_bound(piece);
      ASSERT_TRUE(next == live.end() || piece.begin + size <= next->begin);
      ASSERT_TRUE(next == live.begin() ||
                  std::prev(next)->begin + std::prev(next)->size <= piece.begin);
      live.insert(piece);
    } else {
      const auto piece = std::next(live.begin(), static_cast<long>(random.below(live.size())));
      pool.give_plain(reinterpret_cast<void*>(piece->begin), piece->size);
      live.erase(piece);
    }
  }
  for (const Piece& piece : live) pool.give_plain(reinterpret_cast<void*>(piece.begin), piece.size);
  pool.check();
}

// By the tables, 65,536 bytes being the last size of the fine one, and beyond them; as a buffer and
// as plain memory, which is taken back by the same size.
TEST(PoolCore, ASizeIsOfItsClassWhateverTableSaysSo) {
  for (const std::size_t direct_alignment : {0U, 64U, 4096U}) {
    PooledAllocatorOptions options;
    options.heap_arenas = options.direct_arenas = 1;
    options.direct_alignment = direct_alignment;
    SmallPool pool(options);
    for (const MemoryKind kind : kKinds) {
      const std::size_t alignment = kind == MemoryKind::direct ? direct_alignment : 0;
      for (std::size_t i = 0; i <= sizing::class_of(2 * base::kMiB); ++i) {
        const std::size_t largest = sizing::size_of(sizing::SizeClass::from_index(i));
        for (const std::size_t size : {largest - 15, largest - 1, largest, largest + 1}) {
          const std::size_t rounded =
              alignment == 0 ? size : (size + alignment - 1) / alignment * alignment;
          Region* const region = pool.take(size, kind);
          ASSERT_NE(region, nullptr);
          ASSERT_EQ(region->size_class, sizing::class_of(rounded)) << size << " at " << alignment;
          SmallPool::give(region);
          Region* const plain = pool.core().take<kPlainTag>(size, kind);
          ASSERT_EQ(plain->size_class, sizing::class_of(rounded)) << size << " at " << alignment;
          pool.give_plain(plain->data, size);
        }
      }
    }
    pool.check();
  }
}

TEST(PoolCore, AlignsToAnyPowerOfTwoUpToTheChunk) {
  for (const std::size_t direct_alignment : {0U, 64U, 4096U}) {
    auto options = small_options();
    options.direct_alignment = direct_alignment;
    SmallPool pool(options);
    for (const MemoryKind kind : kKinds) {
      for (std::size_t alignment = 16; alignment <= kChunk; alignment *= 2) {
        for (const std::size_t size : {0U, 1U, 17U, 100U, 1000U, 5000U, 12288U, 32768U, 40000U}) {
          // Twice: from the arena, and from the cache.
          for (int round = 0; round < 2; ++round) {
            Region* const region = pool.core().take_aligned(size, alignment, kind);
            ASSERT_NE(region, nullptr);
            ASSERT_EQ(address(region->data) % alignment, 0U) << size << " at " << alignment;
            ASSERT_GE(region_capacity(region), size);
            round == 0 ? pool.core().give_plain_slow(region->data, size, alignment)
                       : pool.core().give_aligned(region->data, size, alignment);
          }
        }
      }
    }
    pool.check();
  }
}

// Both ways: what the one gives the other takes, and neither asks the arena.
TEST(PoolCore, AlignedMemoryOfUpToAPageIsServedFromTheStock) {
  SmallPool pool;
  for (const std::size_t alignment : {32U, 64U, 4096U}) {
    for (const std::size_t size : {1U, 100U, 2000U}) {
      Region* const first = pool.core().take_aligned(size, alignment, MemoryKind::direct);
      pool.core().give_aligned(first->data, size, alignment);
      const auto before = pool.stats();
      Region* const again = pool.core().take_aligned(size, alignment, MemoryKind::direct);
      EXPECT_EQ(again, first) << size << " at " << alignment;
      pool.core().give_aligned(again->data, size, alignment);
      EXPECT_EQ(pool.stats().cache_hits, before.cache_hits + 1);
      EXPECT_EQ(pool.stats().cache_misses, before.cache_misses);
    }
  }
  pool.check();
}

// The class of the size alone has a stock, of regions that are not so aligned.
TEST(PoolCore, AStockOfTheSizesOwnClassIsNotAskedForAlignedMemory) {
  SmallPool pool;
  SmallPool::give_all(pool.take_many(4, 112));
  ASSERT_EQ(pool.stock(112, MemoryKind::direct).size(), 4U);
  std::vector<Region*> aligned;
  for (int i = 0; i < 4; ++i) {
    aligned.push_back(pool.core().take_aligned(100, 64, MemoryKind::direct));
    EXPECT_EQ(address(aligned.back()->data) % 64, 0U);
    EXPECT_EQ(region_capacity(aligned.back()), 128U);
  }
  for (Region* const region : aligned) pool.core().give_aligned(region->data, 100, 64);
  EXPECT_EQ(pool.stock(112, MemoryKind::direct).size(), 4U);
  pool.check();
}

TEST(PoolCoreDeathTest, AlignedMemoryIsOfTheClassOfItsSizeRoundedUp) {
  SmallPool pool;
  Region* const region = pool.core().take_aligned(70, 64, MemoryKind::direct);
  EXPECT_EQ(region_capacity(region), 128U);
  EXPECT_DEATH(pool.core().give_aligned(region->data, 64, 64), "size 64 and alignment 64");
  pool.core().give_aligned(region->data, 128, 16);  // the same class, said otherwise
  EXPECT_EQ(pool.stock(128, MemoryKind::direct).size(), 1U);
  pool.check();
}

TEST(PoolCore, EveryDirectRegionHasTheDirectAlignment) {
  auto options = small_options();
  options.direct_alignment = 256;
  SmallPool pool(options);
  for (std::size_t size = 0; size < 2 * kChunk; size += 119) {
    Region* const region = pool.take(size);
    ASSERT_EQ(address(region->data) % 256, 0U) << size;
    SmallPool::give(region);
  }
  Region* const heap = pool.take(16, MemoryKind::heap);
  EXPECT_EQ(region_capacity(heap), 16U) << "heap memory is not rounded up";
  SmallPool::give(heap);
}

TEST(PoolCore, PlainMemoryAndBuffersShareOneStock) {
  SmallPool pool;
  Region* const region = pool.take(64);
  std::byte* const data = region->data;
  SmallPool::give(region);
  EXPECT_EQ(pool.take_plain(64), data);
  pool.give_plain(data, 50);  // any size of the class
  EXPECT_EQ(pool.take(64), region);
  SmallPool::give(region);
}

TEST(PoolCore, ClassesAboveTheCapacityBoundAreNotCached) {
  auto options = small_options();
  options.max_cached_buffer_capacity = 1024;
  SmallPool pool(options);
  SmallPool::give(pool.take(1024));
  SmallPool::give(pool.take(1025));
  EXPECT_EQ(pool.stock(1024, MemoryKind::direct).size(), 1U);
  EXPECT_EQ(pool.stock(1025, MemoryKind::direct).size(), 0U);
  EXPECT_EQ(pool.stats().cached_bytes, 1024U);
  EXPECT_EQ(pool.stats().small.deallocations, 2U);
  pool.check();
}

TEST(PoolCore, ACategoryOfCacheSizeNoneIsNotCached) {
  struct Case {
    std::size_t PooledAllocatorOptions::*option;
    std::size_t size;
  };
  const Case cases[] = {{&PooledAllocatorOptions::tiny_cache_size, 448},
                        {&PooledAllocatorOptions::small_cache_size, 512},
                        {&PooledAllocatorOptions::normal_cache_size, 16384}};
  for (const Case& none : cases) {
    auto options = small_options();
    options.*none.option = 0;
    SmallPool pool(options);
    for (const Case& any : cases) SmallPool::give(pool.take(any.size));
    for (const Case& any : cases) {
      EXPECT_EQ(pool.stock(any.size, MemoryKind::direct).size(),
                any.option == none.option ? 0U : 1U);
    }
    pool.check();
  }
}

TEST(PoolCore, WithoutBytesToCacheNoThreadHasACache) {
  auto options = small_options();
  options.max_cached_bytes_per_thread = 0;
  SmallPool pool(options);
  for (int i = 0; i < 100; ++i) SmallPool::give(pool.take(64));
  EXPECT_EQ(pool.cache(), nullptr);
  // testArenaMetricsNoCache: 100 x allocation and release: active 0, allocations and
  // deallocations 100, and each of them at the arena.
  EXPECT_EQ(pool.stats().tiny.allocations, 100U);
  EXPECT_EQ(pool.stats().tiny.deallocations, 100U);
  EXPECT_EQ(pool.stats().tiny.active, 0U);
  EXPECT_EQ(pool.stats().cache_misses, 100U);
  EXPECT_EQ(pool.stats().thread_caches, 0U);
  EXPECT_FALSE(pool.core().trim_current_thread_cache());
  pool.check();
}

TEST(PoolCore, AKindWithoutArenasIsNotPooled) {
  auto options = small_options();
  options.direct_arenas = 0;
  SmallPool pool(options);
  Region* const direct = pool.take(64);
  Region* const heap = pool.take(64, MemoryKind::heap);
  EXPECT_EQ(direct->kind, RegionKind::huge);
  EXPECT_EQ(direct->memory_kind, MemoryKind::direct);
  EXPECT_EQ(heap->kind, RegionKind::pooled);
  EXPECT_EQ(pool.stats().huge.active, 1U);
  EXPECT_EQ(pool.stats().huge_bytes, 64U);
  SmallPool::give(direct);
  SmallPool::give(heap);
  void* const plain = pool.take_plain(100);
  pool.give_plain(plain, 100);
  EXPECT_EQ(pool.stats().huge.deallocations, 2U);
  pool.check();
}

// Two kinds without arenas: every size is huge, and there is nothing to bind a thread to.
TEST(PoolCore, WorksWithoutAnyArena) {
  auto options = small_options();
  options.heap_arenas = options.direct_arenas = 0;
  SmallPool pool(options);
  for (const MemoryKind kind : kKinds) {
    for (const std::size_t size : {0U, 1U, 5000U, 100'000U}) {
      SmallPool::give(pool.take(size, kind));
      pool.give_plain(pool.take_plain(size, kind), size);
    }
  }
  EXPECT_EQ(pool.stats().thread_caches, 0U);
  EXPECT_EQ(pool.core().trim_all(), 0U);
  pool.check();
}

// --- growth -------------------------------------------------------------------------------------

/// What reallocate() asks first: whether plain memory can have another size where it is.
bool resize(const SmallPool& pool, void* memory, std::size_t size, std::size_t new_size) {
  PoolCore& core = pool.core();
  return core.resize_plain(core.plain_region(memory, size, 16), size, 16, new_size);
}

TEST(PoolCore, MemoryThatGrewIsOfItsNewClassAndStillItsThreads) {
  SmallPool pool;
  void* const memory = pool.take_plain(16384);
  EXPECT_TRUE(resize(pool, memory, 16384, 20000));
  EXPECT_EQ(pool.stats().in_use_bytes, 20480U);
  EXPECT_EQ(pool.stats().normal.allocations, 1U);
  pool.check();
  pool.give_plain(memory, 20480);
  EXPECT_EQ(pool.stock(16384, MemoryKind::direct).size(), 0U);
  EXPECT_EQ(pool.stock(20480, MemoryKind::direct).size(), 1U);
  EXPECT_EQ(pool.stats().cached_bytes, 20480U);
  EXPECT_EQ(pool.stats().normal.active, 0U);
  pool.check();
}

TEST(PoolCore, MemoryDoesNotGrowIntoAnotherCategoryOrPastTheChunk) {
  SmallPool pool;
  const auto stays = [&](void* memory, std::size_t size, std::size_t new_size) {
    const bool stayed = resize(pool, memory, size, new_size);
    pool.check();
    return stayed;
  };
  void* const small = pool.take_plain(8192);  // alone in its run
  ASSERT_EQ(pool.core().geometry().elements(sizing::size_class_of(8192)), 1U);
  EXPECT_FALSE(stays(small, 8192, 16384)) << "that is counted as normal";
  EXPECT_FALSE(stays(small, 8192, 10240)) << "a class of slots";
  EXPECT_TRUE(stays(small, 8192, 7169));
  pool.give_plain(small, 8192);
  static_cast<void>(pool.core().trim_all());
  void* const run = pool.take_plain(16384);
  EXPECT_FALSE(stays(run, 16384, kChunk + 1));
  EXPECT_FALSE(stays(run, 16384, SIZE_MAX)) << "cannot be rounded up";
  EXPECT_FALSE(stays(run, 16384, SIZE_MAX / 2));
  EXPECT_FALSE(stays(run, 16384, 14336)) << "it never shrinks in place";
  EXPECT_FALSE(stays(run, 16384, 0));
  EXPECT_TRUE(stays(run, 16384, kChunk));
  EXPECT_EQ(pool.stats().in_use_bytes, kChunk);
  pool.give_plain(run, kChunk);
}

TEST(PoolCore, TakesWhatGrowsOnlyWhereItCan) {
  auto options = small_options();
  options.max_order = 6;
  SmallPool pool(options);
  const auto take = [&](std::size_t size, std::size_t alignment = 16) {
    return pool.core().take_growable(size, alignment, MemoryKind::direct, kPlainTag);
  };
  EXPECT_EQ(take(16384), nullptr) << "no chunk is mapped for it";
  EXPECT_EQ(pool.memory().mappings(), 0U);
  Region* const other = pool.take(16384);
  EXPECT_EQ(take(64), nullptr) << "slots don't grow";
  EXPECT_EQ(take(10240), nullptr);
  EXPECT_EQ(take(std::size_t{262144} + 1), nullptr);
  EXPECT_EQ(take(SIZE_MAX), nullptr);
  EXPECT_EQ(take(16384, 8192), nullptr) << "it knows no alignment above the page";
  EXPECT_EQ(take(131072), nullptr) << "less than twice as much is free";
  EXPECT_EQ(pool.stats().normal.allocations, 1U);
  Region* const region = take(16384, 4096);
  ASSERT_NE(region, nullptr);
  EXPECT_EQ(region->data, other->data + 16384);
  EXPECT_EQ(region->link, address(&pool.stock(16384, MemoryKind::direct)) | kPlainTag);
  EXPECT_EQ(pool.stats().normal.allocations, 2U);
  EXPECT_EQ(pool.stats().cache_misses, 2U);
  EXPECT_EQ(pool.stats().in_use_bytes, 2 * 16384U);
  pool.check();
  EXPECT_TRUE(resize(pool, region->data, 16384, 245760 - 16384));
  pool.give_plain(region->data, 245760 - 16384);
  SmallPool::give(other);
  EXPECT_EQ(pool.stats().normal.active, 0U);
  pool.check();
}

// As take() does: a buffer's region has one holder from the beginning.
TEST(PoolCore, ABuffersRegionThatGrowsHasOneHolder) {
  auto options = small_options();
  options.max_order = 6;
  SmallPool pool(options);
  Region* const other = pool.take(16384);
  Region* const region = pool.core().take_growable(16384, 16, MemoryKind::direct, 0);
  ASSERT_NE(region, nullptr);
  EXPECT_EQ(region->refs.load_relaxed(), 1U);
  SmallPool::give_all({region, other});
  EXPECT_EQ(pool.stock(16384, MemoryKind::direct).size(), 2U);
  pool.check();
}

// --- trimming -----------------------------------------------------------------------------------

// testTrim: a thread without a cache has nothing to trim; one with a cache has.
TEST(PoolCore, TrimsTheCurrentThreadsCacheIfThereIsOne) {
  SmallPool pool;
  EXPECT_FALSE(pool.core().trim_current_thread_cache());
  SmallPool::give(pool.take(64));
  EXPECT_EQ(pool.stats().cached_bytes, 64U);
  EXPECT_TRUE(pool.core().trim_current_thread_cache());
  EXPECT_EQ(pool.stats().cached_bytes, 0U);
  EXPECT_TRUE(pool.core().trim_current_thread_cache());
  pool.check();
}

TEST(PoolCore, TrimAllSaysHowMuchCachesGaveUp) {
  SmallPool pool;
  SmallPool::give_all(pool.take_many(3, 64));
  SmallPool::give_all(pool.take_many(2, 1024, MemoryKind::heap));
  const std::uint64_t cached = pool.stats().cached_bytes;
  EXPECT_GE(cached, 3 * 64U + 2 * 1024U);
  EXPECT_EQ(pool.core().trim_all(), cached);
  EXPECT_EQ(pool.core().trim_all(), 0U);
  EXPECT_EQ(pool.stats().mapped_bytes, 0U) << "nothing is live, so no chunk is needed";
  pool.check();
}

// A thread whose load has gone, and that does nothing more: what is above the arena's bound goes
// back while others work elsewhere.
TEST(PoolCore, AnArenaThatNobodyUsesIsLookedAfterByOtherThreads) {
  PooledAllocatorOptions options;
  options.heap_arenas = 1;
  options.direct_arenas = 2;
  options.cache_trim_interval = 16;
  const std::uint64_t start = platform::coarse_monotonic_ms();
  SmallPool pool(options);
  constexpr std::size_t kSize = 16384;
  SmallPool::give(pool.take(64));  // binds this thread to one arena, the other thread to the other
  std::vector<Region*> live;
  std::vector<const std::byte*> given;
  in_thread([&] {
    std::vector<Region*> all = pool.take_many(2048, kSize);
    for (std::size_t i = 0; i < all.size(); ++i) {
      std::memset(all[i]->data, 0xEE, kSize);
      if (i % 16 == 0) {
        live.push_back(all[i]);
      } else {
        given.push_back(all[i]->data);
        SmallPool::give(all[i]);
      }
    }
    pool.core().trim_current_thread_cache();
  });
  const auto resident = [&] {
    return std::count_if(given.begin(), given.end(),
                         [](const std::byte* at) { return *at == std::byte{0xEE}; });
  };
  const auto before = resident();
  // More than the budget of that moment; fewer of the 1920 only where the other thread took
  // seconds, in each of which half of what it had in use before is forgotten. The last 20 never
  // have to go.
  const bool took_long = platform::coarse_monotonic_ms() - start >= 1000;
  ASSERT_GT(before, took_long ? 50 : 700) << "nothing is left to look after";
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (resident() > before / 2 && std::chrono::steady_clock::now() < end) {
    for (int i = 0; i < 64; ++i) SmallPool::give(pool.take(64));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_LE(resident(), before / 2);
  for (const Region* const region : live) EXPECT_EQ(region->data[kSize - 1], std::byte{0xEE});
  SmallPool::give_all(live);
  pool.check();
}

TEST(PoolCore, TrimAllGivesFreePagesBackToTheSystem) {
  SmallPool pool;
  constexpr std::size_t kSize = 8192;
  std::vector<Region*> live;
  std::vector<const std::byte*> given;
  for (Region* const region : pool.take_many(64, kSize)) {
    std::memset(region->data, 0xEE, kSize);
    if (live.size() <= given.size()) {
      live.push_back(region);
    } else {
      given.push_back(region->data);
      SmallPool::give(region);
    }
  }
  ASSERT_TRUE(std::any_of(given.begin(), given.end(),
                          [](const std::byte* at) { return *at == std::byte{0xEE}; }));
  static_cast<void>(pool.core().trim_all());
  for (const std::byte* const at : given) EXPECT_EQ(*at, std::byte{0});
  for (const Region* const region : live) EXPECT_EQ(region->data[0], std::byte{0xEE});
  SmallPool::give_all(live);
  pool.check();
}

// --- the end ------------------------------------------------------------------------------------

TEST(PoolCore, EndsAtOnceWhenNothingIsOut) {
  SmallPool pool;
  SmallPool::give_all(pool.take_many(5, 64));
  pool.close();
  EXPECT_EQ(pool.memory().mappings(), 0U);
}

TEST(PoolCore, LivesOnUntilTheLastRegionIsBack) {
  SmallPool pool;
  std::vector<Region*> regions = pool.take_many(10, 64);
  regions.push_back(pool.take(16384, MemoryKind::heap));
  regions.push_back(pool.take(100'000));
  pool.close();
  for (Region* const region : regions) {
    EXPECT_NE(pool.memory().mappings(), 0U);
    std::fill_n(region->data, region_capacity(region), std::byte{0x5A});
    SmallPool::give(region);
  }
  EXPECT_EQ(pool.memory().mappings(), 0U);
}

TEST(PoolCore, ManyLiveOneAfterTheOther) {
  // Each takes a thread-local index and gives it back; more would run out of them.
  for (int i = 0; i < scaled(400); ++i) {
    SmallPool pool;
    Region* const region = pool.take(64);
    pool.close();
    SmallPool::give(region);
  }
}

}  // namespace
}  // namespace tarn::pool
