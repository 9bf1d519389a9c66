// SPDX-License-Identifier: Apache-2.0
// What an arena hands out, keeps and gives back to the system; Netty's numbers where it has some.
#include "pool/arena.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "pool/region_list.hpp"
#include "support/own_arena.hpp"
#include "support/pool_parts.hpp"
#include "tarn/detail/base/units.hpp"

namespace tarn::pool {
namespace {

using base::kKiB;
using base::kMiB;
using sizing::Geometry;
using test::OwnArena;
using Lists = std::vector<std::size_t>;

TEST(Arena, TakesNothingBeforeItIsAsked) {
  OwnArena own;
  EXPECT_EQ(own.payload.maps() + own.metadata.maps(), 0U);
  const ArenaStats stats = own.arena.stats();
  EXPECT_EQ(stats.chunks + stats.mapped_bytes + stats.in_use_bytes + stats.free_bytes, 0U);
  own.arena.release_unused();
  own.arena.audit();
}

TEST(Arena, ATakenRegionIsReadyForItsHolder) {
  for (const MemoryKind kind : {MemoryKind::heap, MemoryKind::direct}) {
    OwnArena own(Geometry{4096, 4}, kind);
    EXPECT_EQ(own.arena.kind(), kind);
    for (std::size_t raw = 0; raw < own.geometry.class_count(); ++raw) {
      const auto size_class = sizing::SizeClass::from_index(raw);
      for (int round = 0; round < 2; ++round) {  // fresh, then reused
        const RegionList list = own.arena.take(size_class, 3);
        ASSERT_GE(list.count, 1U);
        for (Region* region = list.first; region != nullptr; region = next_region(region)) {
          EXPECT_EQ(region->refs.load_relaxed(), 0U);
          EXPECT_EQ(region->size_class, raw);
          EXPECT_EQ(region->kind, RegionKind::pooled);
          EXPECT_EQ(region->memory_kind, kind);
          EXPECT_EQ(own.map.region_at(region->data), region);
          std::memset(region->data, 0xEE, sizing::size_of(size_class));
        }
        EXPECT_EQ(next_region(list.last), nullptr);
        own.arena.audit();
        EXPECT_EQ(own.arena.live_regions(), list.count);
        EXPECT_EQ(own.arena.stats().in_use_bytes, list.count * sizing::size_of(size_class));
        own.arena.give(list.first);
        own.arena.audit();
      }
    }
    EXPECT_EQ(own.arena.live_regions(), 0U);
  }
}

TEST(Arena, ABatchIsInAddressOrder) {
  OwnArena own;
  for (const std::size_t size : {16U, 1024U, 32768U}) {
    const std::vector<Region*> regions = own.take(size, 8);
    EXPECT_TRUE(std::is_sorted(regions.begin(), regions.end(),
                               [](auto* a, auto* b) { return a->data < b->data; }));
    own.give(regions);
  }
}

// Only the first region is worth a chunk; the rest of a batch is a convenience.
TEST(Arena, ABatchMapsNoChunkForMoreThanOneRegion) {
  OwnArena own(Geometry{4096, 2});
  const RegionList pages = own.arena.take(OwnArena::class_for(4096), 100);
  const RegionList slots = own.arena.take(OwnArena::class_for(512), 100);
  const RegionList chunk = own.arena.take(OwnArena::class_for(16384), 2);
  EXPECT_EQ(pages.count, 4U);
  EXPECT_EQ(slots.count, 32U);
  EXPECT_EQ(chunk.count, 1U);
  EXPECT_EQ(own.arena.stats().chunks, 3U);
  own.arena.audit();
  for (const RegionList& list : {pages, slots, chunk}) own.arena.give(list.first);
}

// --- Netty's rows -------------------------------------------------------------------------------

// PooledByteBufAllocatorTest.testPoolChunkListMetric.
TEST(Arena, ReportsSixListsWithNettysBounds) {
  OwnArena own;
  const ArenaStats stats = own.arena.stats();
  const std::vector<std::pair<unsigned, unsigned>> bounds{{1, 25},   {1, 50},   {25, 75},
                                                          {50, 100}, {75, 100}, {100, 100}};
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(stats.chunk_lists[i].min_usage, bounds[i].first);
    EXPECT_EQ(stats.chunk_lists[i].max_usage, bounds[i].second);
  }
}

// PooledByteBufAllocatorTest.testFreePoolChunk: one 16 MiB region with order 11.
TEST(Arena, AWholeChunkIsInTheLastListAndThenInNone) {
  OwnArena own(Geometry{8192, 11});
  Region* const region = own.take(16 * kMiB);
  EXPECT_EQ(own.lists(), (Lists{0, 0, 0, 0, 0, 1}));
  own.give(region);
  EXPECT_EQ(own.lists(), (Lists{0, 0, 0, 0, 0, 0}));
  own.arena.release_unused();
  EXPECT_EQ(own.payload.mapped_bytes(), 0U);
}

// NETTY.md 1.7, "list walk": 512 KiB x 10 in chunks of 4 MiB.
TEST(Arena, ChunksWalkTheListsAsNettys) {
  OwnArena own;
  const std::vector<Lists> up{{1, 0, 0, 0, 0, 0}, {0, 1, 0, 0, 0, 0}, {0, 1, 0, 0, 0, 0},
                              {0, 0, 1, 0, 0, 0}, {0, 0, 1, 0, 0, 0}, {0, 0, 0, 1, 0, 0},
                              {0, 0, 0, 1, 0, 0}, {0, 0, 0, 0, 0, 1}, {1, 0, 0, 0, 0, 1},
                              {0, 1, 0, 0, 0, 1}};
  std::vector<Region*> regions;
  for (const Lists& expected : up) {
    regions.push_back(own.take(512 * kKiB));
    EXPECT_EQ(own.lists(), expected) << regions.size();
    own.arena.audit();
  }
  const std::vector<Lists> down{{0, 1, 0, 0, 1, 0}, {0, 1, 0, 0, 1, 0}, {0, 1, 0, 1, 0, 0},
                                {0, 1, 0, 1, 0, 0}, {0, 1, 1, 0, 0, 0}, {0, 1, 1, 0, 0, 0},
                                {0, 2, 0, 0, 0, 0}, {0, 1, 0, 0, 0, 0}};
  for (std::size_t i = 0; i < down.size(); ++i) {
    own.give(regions[i]);
    EXPECT_EQ(own.lists(), down[i]) << i;
    own.arena.audit();
  }
  own.give(regions[8]);
  own.give(regions[9]);
  EXPECT_EQ(own.lists(), (Lists{0, 0, 0, 0, 0, 0}));
}

// Of pages that were never used, too. (Then no chunk was fuller before.)
TEST(Arena, FillsTheFullestChunkThatHasRoom) {
  OwnArena own(Geometry{4096, 4});
  const std::size_t page = own.geometry.page_size();
  // None fits into what those before it leave: 2, 6 and 9 pages.
  std::vector<Region*> regions;
  for (const std::size_t pages : {14U, 10U, 7U}) regions.push_back(own.take(pages * page));
  ASSERT_EQ(own.lists(), (Lists{0, 1, 1, 1, 0, 0}));
  std::vector<std::size_t> expected;
  expected.insert(expected.end(), 2, 0);
  expected.insert(expected.end(), 6, 1);
  expected.insert(expected.end(), 9, 2);
  for (const std::size_t from : expected) {
    Region* const region = own.take(page);
    EXPECT_EQ(own.map.find(region->data), own.map.find(regions[from]->data));
    regions.push_back(region);
  }
  EXPECT_EQ(own.lists(), (Lists{0, 0, 0, 0, 0, 3}));
  own.give(regions);
}

// NETTY.md 1.7, "allocation path normal": 50, 25, 0, init, 75.
TEST(Arena, AsksTheListsInNettysOrder) {
  OwnArena own(Geometry{4096, 4});
  const std::size_t page = own.geometry.page_size();
  // Four full chunks and one that has just been mapped; then the full ones are left with 14, 11, 7
  // and 3 of their 16 pages.
  constexpr std::array<std::size_t, 4> kLeft{14, 11, 7, 3};
  std::vector<std::vector<Region*>> chunks;
  for (std::size_t i = 0; i < kLeft.size(); ++i) chunks.push_back(own.take(page, 16));
  chunks.push_back(own.take(page, 1));
  for (std::size_t i = 0; i < kLeft.size(); ++i) {
    own.give({chunks[i].begin() + static_cast<long>(kLeft[i]), chunks[i].end()});
    chunks[i].resize(kLeft[i]);
  }
  ASSERT_EQ(own.lists(), (Lists{1, 1, 1, 1, 1, 0}));
  enum : std::size_t { kIn75, kIn50, kIn25, kIn0, kInInit };
  // Aligned runs, since of others those are preferred that are resident. On even pages 1, 2, 4, 6
  // and 7 have room; a chunk that fills moves at most so far that it is still asked first.
  std::vector<std::size_t> expected;
  expected.insert(expected.end(), 2, kIn50);
  expected.insert(expected.end(), 4, kIn25);
  expected.insert(expected.end(), 6, kIn0);
  expected.insert(expected.end(), 7, kInInit);
  expected.insert(expected.end(), 1, kIn75);
  for (const std::size_t from : expected) {
    Region* const region = own.arena.take_aligned(sizing::size_class_of(page), 2 * page);
    ASSERT_NE(region, nullptr);
    EXPECT_EQ(own.map.find(region->data), own.map.find(chunks[from][0]->data));
    chunks[from].push_back(region);
  }
  EXPECT_EQ(own.lists(), (Lists{0, 0, 3, 1, 1, 0}));
  for (const auto& regions : chunks) own.give(regions);
}

// PooledByteBufAllocatorTest.testNormalPoolSubpageRelease: 1024 x 8192 B.
TEST(Arena, FreeBytesGrowWhenPagesComeBack) {
  OwnArena own;
  const std::vector<Region*> regions = own.take(8192, 1024);
  const std::uint64_t before = own.arena.stats().free_bytes;
  EXPECT_EQ(before, 0U);
  own.give(regions.back());
  EXPECT_EQ(own.arena.stats().free_bytes, before + 8192);
  own.give({regions.begin(), regions.end() - 1});
  own.arena.audit();
}

// PoolArenaTest.testAllocationCounter: 800 and 40960 from one chunk, which stays.
TEST(Arena, SmallAndNormalShareAChunk) {
  OwnArena own;
  Region* const small = own.take(800);
  Region* const normal = own.take(40960);
  EXPECT_EQ(own.arena.live_regions(), 2U);
  EXPECT_EQ(own.arena.stats().in_use_bytes, 896U + 40960U);
  own.give(small);
  own.give(normal);
  EXPECT_EQ(own.arena.live_regions(), 0U);
  EXPECT_EQ(own.arena.chunks_mapped(), 1U);
  EXPECT_EQ(own.arena.chunks_unmapped(), 0U);
  EXPECT_EQ(own.arena.stats().chunks, 1U);
}

// PooledByteBufAllocatorTest.testSmallSubpageMetric: 500 B, one subpage in use.
TEST(Arena, SmallRegionsOfAClassShareASubpage) {
  OwnArena own;
  Region* const first = own.take(500);
  Region* const second = own.take(500);
  EXPECT_EQ(second->data, first->data + 512);
  own.give({first, second});
}

// PooledByteBufAllocatorTest.shouldCreateTwoChunks: 16896 B x (1 + chunk / 16896).
TEST(Arena, MapsASecondChunkWhenTheFirstIsFull) {
  OwnArena own;
  const std::vector<Region*> regions = own.take(16896, 1 + own.geometry.chunk_size() / 16896);
  EXPECT_EQ(own.arena.chunks_mapped(), 2U);
  own.give(regions);
}

// PooledByteBufAllocatorTest.shouldReuseTheSameChunk: two regions short of full, then 128 rounds.
TEST(Arena, ReusesTheRoomOfANearlyFullChunk) {
  OwnArena own;
  constexpr std::size_t kFitting = 512 / 5 * 2;  // 16896 B: two in five pages
  const std::vector<Region*> regions = own.take(16896, kFitting - 2);
  for (int i = 0; i < 128; ++i) own.give(own.take(16896));
  EXPECT_EQ(own.arena.chunks_mapped(), 1U);
  own.give(regions);
}

// netty/netty 10988: a run of one element is full and empty in turn; it must go back each time.
TEST(Arena, RunsOfOneElementGoBackAtOnce) {
  OwnArena own;
  for (const std::size_t size : {8192U, 16384U, 24576U}) {
    const std::vector<Region*> regions = own.take(size, 40);
    own.give(regions);
    own.arena.audit();
    EXPECT_EQ(own.arena.stats().free_bytes, own.arena.stats().mapped_bytes);
  }
  Region* const whole = own.take(4 * kMiB);
  EXPECT_EQ(own.arena.chunks_mapped(), 1U) << "the chunk was not whole again";
  own.give(whole);
}

// --- what is kept -------------------------------------------------------------------------------

TEST(Arena, TheLastEmptySubpageOfAClassIsKept) {
  OwnArena own;
  Region* const first = own.take(1024);
  std::byte* const place = first->data;
  own.give(first);
  Region* const page = own.take(8192);
  EXPECT_NE(page->data, place) << "the empty subpage's run was handed out";
  Region* const again = own.take(1024);
  EXPECT_EQ(again->data, place);
  own.give({page, again});
  own.arena.release_unused();
  EXPECT_EQ(own.payload.mapped_bytes(), 0U);
}

TEST(Arena, AnEmptySubpageOfLargeSlotsGoesAtOnce) {
  for (const std::size_t size : {2560U, 5120U, 28672U}) {
    OwnArena own;
    const std::vector<Region*> two = own.take(size, 2);
    own.give(two[0]);
    EXPECT_EQ(own.arena.stats().free_bytes, own.arena.stats().mapped_bytes - size);
    own.give(two[1]);
    own.arena.audit();
    Region* const whole = own.take(4 * kMiB);
    EXPECT_EQ(own.arena.chunks_mapped(), 1U) << size << ": the chunk was not whole again";
    own.give(whole);
  }
}

TEST(Arena, AnEmptySubpageGoesWhenAnotherHasRoom) {
  OwnArena own;
  const std::vector<Region*> regions = own.take(1024, 16);  // two subpages of 8
  own.give({regions.begin(), regions.begin() + 8});
  own.arena.audit();
  own.give(regions[8]);
  own.arena.audit();
  Region* const page = own.take(8192);
  own.give({regions.begin() + 9, regions.end()});
  own.arena.audit();
  own.give(page);
}

// The fullest subpage is filled first, so that the others may run empty.
TEST(Arena, TakesFromTheSubpageThatWasFull) {
  OwnArena own;
  const std::vector<Region*> regions = own.take(1024, 24);
  own.give({regions.begin(), regions.begin() + 6});
  own.give(regions[20]);
  Region* const taken = own.take(1024);
  EXPECT_EQ(taken, regions[20]);
  std::vector<Region*> rest(regions.begin() + 6, regions.end());
  own.give(rest);
}

// NETTY.md 4, rows 25 and 26: 1 MiB is 25 percent of a chunk, so it passes the list 0 each time.
TEST(Arena, AQuarterOfAChunkInALoopNeverMaps) {
  for (const std::size_t size : {kMiB, 3 * kMiB, 4 * kMiB}) {
    OwnArena own;
    for (int i = 0; i < 100; ++i) own.give(own.take(size));
    EXPECT_EQ(own.arena.chunks_mapped(), 1U);
    EXPECT_EQ(own.arena.chunks_unmapped(), 0U);
    EXPECT_EQ(own.lists(), (Lists{0, 0, 0, 0, 0, 0}));
    EXPECT_EQ(own.arena.stats().chunks, 1U);
    own.arena.audit();
  }
}

TEST(Arena, OneEmptyChunkIsKeptAndNoMore) {
  OwnArena own;
  const std::vector<Region*> regions = own.take(4 * kMiB, 5);
  own.give(regions);
  EXPECT_EQ(own.arena.stats().chunks, 1U);
  EXPECT_EQ(own.arena.chunks_unmapped(), 4U);
  EXPECT_EQ(own.payload.mapped_bytes(), 4 * kMiB);
  own.arena.audit();
}

/// Keeps an empty chunk beside one in use, lets time pass, and looks when `event` gives it up.
template <class F>
void expect_idle_chunk_goes_at(F event) {
  OwnArena own(Geometry{4096, 4});
  const std::size_t chunk = own.geometry.chunk_size();
  std::vector<Region*> live = own.take(64, 10);
  own.give(own.take(chunk));
  ASSERT_EQ(own.payload.mapped_bytes(), 2 * chunk);
  test::fake_now_ms += Arena::kIdleMs - 1;
  event(own, live);
  EXPECT_EQ(own.payload.mapped_bytes(), 2 * chunk) << "too early";
  test::fake_now_ms += 1;
  event(own, live);
  EXPECT_EQ(own.payload.mapped_bytes(), chunk) << "too late";
  own.arena.audit();
  own.give(live);
}

TEST(Arena, AKeptChunkThatWasIdleGoesAtTheNextTake) {
  expect_idle_chunk_goes_at(
      [](OwnArena& own, std::vector<Region*>& live) { live.push_back(own.take(64)); });
}

TEST(Arena, AKeptChunkThatWasIdleGoesAtTheNextGive) {
  expect_idle_chunk_goes_at([](OwnArena& own, std::vector<Region*>& live) {
    own.give(live.back());
    live.pop_back();
  });
}

TEST(Arena, AKeptChunkThatWasIdleGoesWhenAsked) {
  expect_idle_chunk_goes_at([](OwnArena& own, std::vector<Region*>&) { own.arena.release_idle(); });
}

TEST(Arena, ReuseStartsTheIdleTimeAnew) {
  OwnArena own(Geometry{4096, 4});
  for (int i = 0; i < 10; ++i) {
    own.give(own.take(own.geometry.chunk_size()));
    test::fake_now_ms += Arena::kIdleMs - 1;
  }
  EXPECT_EQ(own.arena.chunks_mapped(), 1U);
  EXPECT_EQ(own.arena.chunks_unmapped(), 0U);
}

// A chunk that never passed 25 percent stays in init, as Netty's, until somebody asks.
TEST(Arena, AnEmptyChunkInInitStaysUntilReleased) {
  OwnArena own;
  own.give(own.take(512 * kKiB));
  EXPECT_EQ(own.lists(), (Lists{1, 0, 0, 0, 0, 0}));
  test::fake_now_ms += 2 * Arena::kIdleMs;
  own.arena.release_idle();
  EXPECT_EQ(own.lists(), (Lists{1, 0, 0, 0, 0, 0}));
  own.arena.release_unused();
  EXPECT_EQ(own.lists(), (Lists{0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(own.payload.mapped_bytes(), 0U);
}

TEST(Arena, ReleaseEmptyKeepsWhatIsLive) {
  OwnArena own;
  std::vector<Region*> regions;
  for (std::size_t raw = 0; raw < own.geometry.class_count(); ++raw) {
    regions.push_back(own.arena.take(sizing::SizeClass::from_index(raw), 1).first);
  }
  Region* const survivor = regions[3];
  std::memset(survivor->data, 0x5A, 64);
  regions.erase(regions.begin() + 3);
  own.give(regions);
  own.arena.release_unused();
  own.arena.audit();
  EXPECT_EQ(own.arena.stats().chunks, 1U);
  EXPECT_EQ(own.arena.live_regions(), 1U);
  EXPECT_EQ(survivor->data[63], std::byte{0x5A});
  own.give(survivor);
}

// --- alignment ----------------------------------------------------------------------------------

TEST(Arena, AlignedRegionsAreAligned) {
  for (const Geometry& geometry : {Geometry{}, Geometry{4096, 4}, Geometry{65536, 2}}) {
    OwnArena own(geometry);
    std::vector<Region*> regions;
    for (std::size_t alignment = 2 * geometry.page_size(); alignment <= geometry.chunk_size();
         alignment *= 2) {
      for (const std::size_t size : {std::size_t{1}, alignment + 1, 3 * alignment}) {
        const auto size_class = OwnArena::class_for(base::align_up(size, alignment));
        if (size_class.raw() >= geometry.class_count()) continue;
        regions.push_back(own.arena.take(OwnArena::class_for(16), 1).first);
        Region* const region = own.arena.take_aligned(size_class, alignment);
        ASSERT_NE(region, nullptr);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(region->data) % alignment, 0U);
        EXPECT_EQ(region->size_class, size_class.raw());
        EXPECT_EQ(own.map.region_at(region->data), region);
        std::memset(region->data, 0xEE, sizing::size_of(size_class));
        own.arena.audit();
        regions.push_back(region);
      }
    }
    own.give(regions);
    own.arena.audit();
    EXPECT_EQ(own.arena.live_regions(), 0U);
  }
}

// --- others -------------------------------------------------------------------------------------

TEST(Arena, CountsItsThreadCaches) {
  OwnArena own;
  own.arena.bind_thread_cache();
  own.arena.bind_thread_cache();
  EXPECT_EQ(own.arena.stats().thread_caches, 2U);
  own.arena.unbind_thread_cache();
  EXPECT_EQ(own.arena.thread_caches(), 1U);
}

// An address inside a region, or behind the last one of a run, leads to a control block of the
// run's own, so that asking for it reads nothing else (sizing::slot_in_run may give a slot too
// many).
TEST(Arena, EveryAddressOfASubpageLeadsToOneOfItsControlBlocks) {
  for (const Geometry& geometry :
       {Geometry{}, Geometry{4096, 0}, Geometry{4096, 1}, Geometry{65536, 3}}) {
    OwnArena own(geometry);
    for (std::size_t raw = 0; raw < geometry.small_count(); ++raw) {
      const sizing::ClassLayout& layout = geometry.layout(sizing::SizeClass::from_index(raw));
      if (layout.elements == 1) continue;
      Region* const region = own.arena.take(sizing::SizeClass::from_index(raw), 1).first;
      const PageEntry& entry = own.map.find(region->data)->entry_of(region->data);
      const std::size_t capacity = Subpage::of_regions(entry.regions)->capacity();
      const std::size_t run = layout.run_pages * geometry.page_size();
      for (std::size_t offset = run - std::min(run, std::size_t{40'000}); offset < run; ++offset) {
        const std::size_t slot = sizing::slot_in_run(offset, entry.reciprocal);
        ASSERT_LT(slot, capacity) << "class " << raw << ", offset " << offset;
      }
      own.give(region);
    }
  }
}

// Whoever looks an address up must never meet a chunk whose memory is gone.
TEST(Arena, AChunkLeavesTheMapBeforeItsMemoryGoes) {
  const Geometry geometry{4096, 2};
  static ChunkMap* map;
  static int unmapped;
  ChunkMap chunks(geometry.chunk_size());
  map = &chunks;
  unmapped = 0;
  const platform::MemorySource source{.map = platform::system_memory().map,
                                      .unmap =
                                          [](void* context, void* memory, std::size_t size,
                                             std::size_t alignment, MemoryKind kind) noexcept {
                                            EXPECT_EQ(map->find(memory), nullptr);
                                            ++unmapped;
                                            platform::system_memory().unmap(context, memory, size,
                                                                            alignment, kind);
                                          },
                                      .context = nullptr};
  {
    Arena arena(geometry, MemoryKind::direct, source, chunks, 0);
    RegionList all;
    for (int i = 0; i < 4; ++i) append(all, arena.take(OwnArena::class_for(16384), 1).first);
    arena.give(all.first);
  }
  EXPECT_EQ(unmapped, 4);
}

// Whoever sees no live region may destroy the arena; so none may be seen while memory is unmapped.
TEST(Arena, LiveRegionsFallAfterTheLastUse) {
  const Geometry geometry{4096, 1};
  ChunkMap map(geometry.chunk_size());
  static Arena* arena;
  static int unmapped;
  unmapped = 0;
  const platform::MemorySource source{
      .map = platform::system_memory().map,
      .unmap =
          [](void* context, void* memory, std::size_t size, std::size_t alignment,
             MemoryKind kind) noexcept {
            EXPECT_EQ(arena->live_regions(), unmapped < 2 ? 3U : 0U);
            ++unmapped;
            platform::system_memory().unmap(context, memory, size, alignment, kind);
          },
      .context = nullptr};
  Arena own(geometry, MemoryKind::direct, source, map, 0);
  arena = &own;
  RegionList all;
  for (int i = 0; i < 3; ++i) append(all, own.take(OwnArena::class_for(8192), 1).first);
  own.give(all.first);  // one chunk is kept
  EXPECT_EQ(unmapped, 2);
  EXPECT_EQ(own.live_regions(), 0U);
}

TEST(Arena, ArenasOfOneMapAreApart) {
  const Geometry geometry{4096, 2};
  ChunkMap map(geometry.chunk_size());
  const platform::MemorySource source = platform::system_memory();
  Arena a(geometry, MemoryKind::direct, source, map, 0);
  Arena b(geometry, MemoryKind::heap, source, map, 1);
  Region* const from_a = a.take(OwnArena::class_for(64), 1).first;
  Region* const from_b = b.take(OwnArena::class_for(64), 1).first;
  EXPECT_EQ(&map.find(from_a->data)->arena(), &a);
  EXPECT_EQ(&map.find(from_b->data)->arena(), &b);
  EXPECT_EQ(b.index(), 1U);
  a.give(from_a);
  b.give(from_b);
}

// A resident page of metadata more for each small subpage would double what few small regions cost.
TEST(Arena, MetadataOfAFewRegionsIsSmall) {
  OwnArena own;
  std::vector<Region*> regions;
  for (std::size_t raw = 0; raw < own.geometry.small_count(); ++raw) {
    regions.push_back(own.arena.take(sizing::SizeClass::from_index(raw), 1).first);
  }
  EXPECT_LE(own.metadata.mapped_bytes(), 448 * kKiB);
  own.give(regions);
}

// --- misuse -------------------------------------------------------------------------------------

TEST(ArenaDeathTest, ADoubleGiveIsFatal) {
  for (const std::size_t size : {64U, 8192U, 32768U}) {
    OwnArena own;
    Region* const region = own.take(size);
    own.give(region);
    const std::string bytes = std::to_string(size) + " bytes";
    EXPECT_DEATH(own.give(region), "fatal: region given back that is not live.* at 0x.*" + bytes);
  }
}

TEST(ArenaDeathTest, ARegionTwiceInOneListIsFatal) {
  OwnArena own;
  Region* const region = own.take(64);
  set_next_region(region, region);
  EXPECT_DEATH(own.arena.give(region), "not live");
  own.give(region);
}

TEST(ArenaDeathTest, ADoubleGiveIsFoundAfterItsSubpageAndChunkAreGone) {
  OwnArena own;
  Region* const region = own.take(64);
  own.give(region);
  own.arena.release_unused();
  EXPECT_EQ(own.payload.mapped_bytes(), 0U);
  EXPECT_DEATH(own.give(region), "not live");
  Region* const other = own.take(32768);
  EXPECT_DEATH(own.give(region), "not live");
  own.give(other);
}

TEST(ArenaDeathTest, AnotherArenasRegionIsFatal) {
  OwnArena own;
  OwnArena other;
  Region* const region = other.take(64);
  EXPECT_DEATH(own.give(region), "not live");
  Arena second(own.geometry, MemoryKind::direct, platform::system_memory(), own.map, 1);
  Region* const sibling = second.take(OwnArena::class_for(64), 1).first;
  EXPECT_DEATH(own.give(sibling), "not live");
  second.give(sibling);
  other.give(region);
}

TEST(ArenaDeathTest, AForgedRegionIsFatal) {
  OwnArena own;
  Region* const region = own.take(64);
  Region forged;
  forged.data = region->data;
  forged.size_class = region->size_class;
  EXPECT_DEATH(own.give(&forged), "not live");
  forged.data = nullptr;
  EXPECT_DEATH(own.give(&forged), "not live");
  Region* const run = own.take(32768);
  run->data += 16;
  EXPECT_DEATH(own.give(run), "not live");
  run->data -= 16;
  own.give({region, run});
}

TEST(ArenaDeathTest, AnArenaWithLiveRegionsCannotEnd) {
  EXPECT_DEATH(
      {
        OwnArena own;
        static_cast<void>(own.take(64));
      },
      "live_regions_ == 0");
}

}  // namespace
}  // namespace tarn::pool
