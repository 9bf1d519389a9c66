// SPDX-License-Identifier: Apache-2.0
// Regions of an arena that grow where they are, and where those are put that will.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "pool/arena.hpp"
#include "support/own_arena.hpp"
#include "tarn/detail/base/units.hpp"

namespace tarn::pool {
namespace {

using base::kKiB;
using base::kMiB;
using sizing::Geometry;
using test::OwnArena;
using Lists = std::vector<std::size_t>;

bool try_grow(OwnArena& own, Region* region, std::size_t size) {
  const bool grew = own.arena.try_grow(region, OwnArena::class_for(size));
  own.arena.audit();
  return grew;
}

/// Whether growth is refused and leaves everything as it was.
bool refuses(OwnArena& own, Region* region, std::size_t size) {
  const ArenaStats before = own.arena.stats();
  const Lists lists = own.lists();
  const std::uint16_t size_class = region->size_class;
  const std::byte* const data = region->data;
  const bool grew = try_grow(own, region, size);
  const ArenaStats after = own.arena.stats();
  return !grew && after.in_use_bytes == before.in_use_bytes &&
         after.free_bytes == before.free_bytes && after.mapped_bytes == before.mapped_bytes &&
         own.lists() == lists && region->size_class == size_class && region->data == data;
}

TEST(ArenaGrowth, ARegionStaysWhereItIsAndIsOfTheLargerClass) {
  for (const MemoryKind kind : {MemoryKind::heap, MemoryKind::direct}) {
    OwnArena own(Geometry{}, kind);
    Region* const region = own.take(32 * kKiB);
    std::byte* const data = region->data;
    std::memset(data, 0x11, 32 * kKiB);
    ASSERT_TRUE(try_grow(own, region, 40 * kKiB)) << "to the next class";
    ASSERT_TRUE(try_grow(own, region, 4 * kMiB)) << "to all there is";
    EXPECT_EQ(region->data, data);
    EXPECT_EQ(region->size_class, OwnArena::class_for(4 * kMiB).raw());
    EXPECT_EQ(region->memory_kind, kind);
    EXPECT_EQ(own.map.region_at(data), region);
    EXPECT_EQ(own.map.region_at(data + 32 * kKiB), nullptr);
    EXPECT_TRUE(std::all_of(data, data + 32 * kKiB, [](auto b) { return b == std::byte{0x11}; }));
    std::memset(data, 0x22, 4 * kMiB);
    EXPECT_EQ(own.arena.live_regions(), 1U);
    own.give(region);
    own.arena.audit();
    EXPECT_EQ(own.arena.live_regions(), 0U);
    Region* const whole = own.take(4 * kMiB);
    EXPECT_EQ(whole->data, data) << "every page came back";
    own.give(whole);
  }
}

TEST(ArenaGrowth, InUseIsWhatTheRegionHasNow) {
  OwnArena own;
  Region* const other = own.take(64);
  Region* const region = own.take(32 * kKiB);
  for (const std::size_t size : {64 * kKiB, 80 * kKiB, kMiB, 3 * kMiB}) {
    ASSERT_TRUE(try_grow(own, region, size));
    EXPECT_EQ(own.arena.in_use_bytes(), size + 64);
    EXPECT_EQ(own.arena.stats().in_use_bytes, size + 64);
    EXPECT_EQ(own.arena.stats().free_bytes, 4 * kMiB - size - 64);
  }
  own.give(region);
  EXPECT_EQ(own.arena.in_use_bytes(), 64U);
  own.give(other);
  EXPECT_EQ(own.arena.in_use_bytes(), 0U);
  EXPECT_EQ(own.arena.chunks_mapped(), 1U);
}

// As ChunksWalkTheListsAsNettys, by one region that grows.
TEST(ArenaGrowth, ItsChunkWalksTheListsAsIfRunsWereTaken) {
  OwnArena own;
  Region* const region = own.take(512 * kKiB);
  const std::vector<std::pair<std::size_t, Lists>> up{
      {kMiB, {0, 1, 0, 0, 0, 0}},     {3 * kMiB / 2, {0, 1, 0, 0, 0, 0}},
      {2 * kMiB, {0, 0, 1, 0, 0, 0}}, {5 * kMiB / 2, {0, 0, 1, 0, 0, 0}},
      {3 * kMiB, {0, 0, 0, 1, 0, 0}}, {7 * kMiB / 2, {0, 0, 0, 1, 0, 0}},
      {4 * kMiB, {0, 0, 0, 0, 0, 1}},
  };
  ASSERT_EQ(own.lists(), (Lists{1, 0, 0, 0, 0, 0}));
  for (const auto& [size, lists] : up) {
    ASSERT_TRUE(try_grow(own, region, size));
    EXPECT_EQ(own.lists(), lists) << size;
  }
  own.give(region);
  EXPECT_EQ(own.lists(), (Lists{0, 0, 0, 0, 0, 0}));
  own.arena.audit();
}

TEST(ArenaGrowth, IsRefusedWhereThePagesBehindAreNotFree) {
  OwnArena own(Geometry{4096, 4});
  const std::vector<Region*> regions = own.take(16 * kKiB, 4);
  for (Region* const region : regions) {
    EXPECT_TRUE(refuses(own, region, 20 * kKiB)) << "a neighbour, or the chunk's end";
    EXPECT_TRUE(refuses(own, region, 64 * kKiB));
  }
  own.give(regions[1]);
  EXPECT_TRUE(refuses(own, regions[0], 40 * kKiB)) << "more than the gap";
  EXPECT_TRUE(refuses(own, regions[2], 20 * kKiB)) << "the gap is in front";
  EXPECT_TRUE(try_grow(own, regions[0], 20 * kKiB));
  EXPECT_TRUE(try_grow(own, regions[0], 32 * kKiB)) << "all of the gap";
  EXPECT_TRUE(refuses(own, regions[0], 40 * kKiB));
  own.give({regions[0], regions[2], regions[3]});
  own.arena.audit();
}

TEST(ArenaGrowth, IsRefusedToSlotsAndToClassesOfSlots) {
  OwnArena own(Geometry{4096, 4});
  for (const std::size_t size : {16U, 512U, 3072U, 10240U}) {
    ASSERT_GT(own.geometry.elements(OwnArena::class_for(size)), 1U);
    Region* const slot = own.take(size);
    EXPECT_TRUE(refuses(own, slot, 16 * kKiB)) << size;
    EXPECT_TRUE(refuses(own, slot, 12 * kKiB)) << size;
    own.give(slot);
  }
  // A class of slots, but a run of its own.
  Region* const run = own.arena.take_aligned(OwnArena::class_for(512), 8192);
  EXPECT_TRUE(refuses(own, run, 1024));
  EXPECT_TRUE(refuses(own, run, 5 * kKiB));
  EXPECT_TRUE(try_grow(own, run, 4096)) << "the page it has";
  EXPECT_TRUE(try_grow(own, run, 20 * kKiB));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(run->data) % 8192, 0U);
  own.give(run);
  own.arena.audit();
}

// Of chunks of few pages classes that a page holds once are runs, several of as many pages.
TEST(ArenaGrowth, NeedsNoPagesWhereTheRunHasThemAlready) {
  for (const Geometry& geometry : {Geometry{4096, 0}, Geometry{4096, 1}, Geometry{65536, 0}}) {
    OwnArena own(geometry);
    const std::size_t chunk = geometry.chunk_size();
    std::size_t raw = OwnArena::class_for(chunk / 2 + 1).raw();
    Region* const region = own.arena.take(sizing::SizeClass::from_index(raw), 1).first;
    std::byte* const data = region->data;
    while (++raw < geometry.class_count()) {
      const std::size_t size = sizing::size_of(sizing::SizeClass::from_index(raw));
      EXPECT_TRUE(try_grow(own, region, size)) << size << " of " << chunk;
      EXPECT_EQ(own.arena.in_use_bytes(), size);
    }
    EXPECT_EQ(region->data, data);
    EXPECT_EQ(own.lists(), (Lists{0, 0, 0, 0, 0, 1}));
    own.give(region);
    own.arena.audit();
  }
}

TEST(ArenaGrowth, TakesPagesThatWereDirtyAndThoseThatWereNot) {
  OwnArena own(Geometry{4096, 5});
  const std::vector<Region*> regions = own.take(16 * kKiB, 8);
  own.give({regions.begin() + 1, regions.begin() + 4});
  EXPECT_TRUE(try_grow(own, regions[0], 64 * kKiB)) << "over dirty pages; the audit counts them";
  own.give({regions.begin() + 4, regions.end()});
  EXPECT_TRUE(try_grow(own, regions[0], 80 * kKiB));
  own.give(regions[0]);
  own.arena.audit();
  own.arena.release_unused();
  Region* const fresh = own.take(16 * kKiB);
  EXPECT_TRUE(try_grow(own, fresh, 128 * kKiB)) << "over pages that were never used";
  own.give(fresh);
  own.arena.audit();
}

// Free pages may stay as long as they make up, with what is in use, most of what was in use lately.
TEST(ArenaGrowth, WhatARegionGrewToCountsForHowManyPagesMayStay) {
  OwnArena own;
  const std::vector<Region*> others = own.take(32 * kKiB, 8);
  Region* const region = own.take(32 * kKiB);
  ASSERT_TRUE(try_grow(own, region, 3 * kMiB));
  std::byte* const data = region->data;
  std::memset(data, 0xEE, 3 * kMiB);
  own.give(region);
  for (Region* const other : others) own.give(other);  // pages go at the second look
  own.arena.audit();
  std::size_t resident = 0;  // a page that went back to the system reads as 0
  for (std::size_t at = 0; at < 3 * kMiB; at += 4096) {
    if (data[at] == std::byte{0xEE}) resident += 4096;
  }
  EXPECT_GE(resident, 2 * kMiB);
}

TEST(ArenaGrowth, NoChunkIsMappedForWhatGrows) {
  OwnArena own(Geometry{4096, 4});
  const auto size_class = OwnArena::class_for(16 * kKiB);
  EXPECT_EQ(own.arena.take_growable(size_class), nullptr);
  EXPECT_EQ(own.payload.maps(), 0U);
  own.arena.audit();
  // Room in a chunk, but not twice as much.
  Region* const most = own.take(40 * kKiB);
  EXPECT_EQ(own.arena.take_growable(size_class), nullptr);
  EXPECT_EQ(own.arena.live_regions(), 1U);
  EXPECT_EQ(own.arena.in_use_bytes(), 40 * kKiB);
  EXPECT_EQ(own.arena.chunks_mapped(), 1U);
  own.arena.audit();
  own.give(most);
}

TEST(ArenaGrowth, WhatGrowsIsPutWhereItCan) {
  OwnArena own;
  // Gaps of 64 KiB between regions that stay, which best fit would take.
  std::vector<Region*> live = own.take(64 * kKiB, 16);
  std::vector<Region*> stay;
  for (std::size_t i = 0; i < live.size(); i += 2) {
    own.give(live[i]);
    stay.push_back(live[i + 1]);
  }
  Region* const region = own.arena.take_growable(OwnArena::class_for(64 * kKiB));
  ASSERT_NE(region, nullptr);
  own.arena.audit();
  EXPECT_EQ(region->data, live.back()->data + 64 * kKiB) << "behind all of them";
  EXPECT_EQ(region->size_class, OwnArena::class_for(64 * kKiB).raw());
  EXPECT_EQ(region->kind, RegionKind::pooled);
  EXPECT_EQ(region->memory_kind, MemoryKind::direct);
  EXPECT_EQ(region->refs.load_relaxed(), 0U);
  EXPECT_EQ(own.map.region_at(region->data), region);
  EXPECT_EQ(own.arena.live_regions(), 9U);
  EXPECT_EQ(own.arena.in_use_bytes(), 9 * 64 * kKiB);
  EXPECT_TRUE(try_grow(own, region, 64 * kKiB * Arena::kRoomToGrow));
  EXPECT_EQ(own.arena.chunks_mapped(), 1U);
  own.give(region);
  own.give(stay);
  EXPECT_EQ(own.arena.in_use_bytes(), 0U);
  own.arena.audit();
}

// The lists' order is for best fit; what grows looks through all chunks for the most room first.
TEST(ArenaGrowth, AnotherChunkWithMoreRoomIsPreferred) {
  OwnArena own;
  // The first chunk, more than half full: free are 256 KiB and, at its end, 768 KiB.
  const std::vector<Region*> first = own.take(256 * kKiB, 13);
  own.give(first[4]);
  // The second one has 2 MiB.
  Region* const filler = own.take(768 * kKiB);
  Region* const second = own.take(2 * kMiB);
  ASSERT_EQ(own.arena.chunks_mapped(), 2U);
  own.give(filler);
  const auto chunk_of = [](const Region* region) {
    return reinterpret_cast<std::uintptr_t>(region->data) / (4 * kMiB);
  };
  Region* const large = own.arena.take_growable(OwnArena::class_for(64 * kKiB));
  EXPECT_EQ(chunk_of(large), chunk_of(second)) << "room for 1 MiB";
  Region* const small = own.arena.take_growable(OwnArena::class_for(32 * kKiB));
  EXPECT_EQ(chunk_of(small), chunk_of(first[0])) << "room for 512 KiB";
  own.arena.audit();
  std::vector<Region*> rest = first;
  rest.erase(rest.begin() + 4);
  own.give(rest);
  own.give({second, large, small});
}

TEST(ArenaGrowth, HalfTheRoomIsBetterThanNone) {
  OwnArena own;
  std::vector<Region*> all = own.take(128 * kKiB, 32);
  own.give(all[1]);
  own.give({all[30], all[31]});
  EXPECT_EQ(own.arena.take_growable(OwnArena::class_for(160 * kKiB)), nullptr)
      << "not twice its size";
  Region* const region = own.arena.take_growable(OwnArena::class_for(64 * kKiB));
  ASSERT_NE(region, nullptr);
  EXPECT_EQ(region->data, all[30]->data) << "256 KiB, not 128";
  own.give(region);
  all.erase(all.begin() + 30, all.end());
  all.erase(all.begin() + 1);
  own.give(all);
  own.arena.audit();
}

// 320 KiB want a quarter of a chunk, half of which is less than twice as much as they have.
TEST(ArenaGrowth, TwiceItsSizeIsTriedWhateverHalvingMakes) {
  OwnArena own;
  std::vector<Region*> all = own.take(128 * kKiB, 32);
  own.give({all[10], all[11], all[12], all[13], all[14]});
  Region* const region = own.arena.take_growable(OwnArena::class_for(320 * kKiB));
  ASSERT_NE(region, nullptr);
  EXPECT_EQ(region->data, all[10]->data) << "640 KiB";
  own.give(region);
  all.erase(all.begin() + 10, all.begin() + 15);
  own.give(all);
  own.arena.audit();
}

// The chunk it is put into moves on as with any other run.
TEST(ArenaGrowth, AChunkThatServesWhatGrowsWalksTheListsToo) {
  OwnArena own;
  Region* const first = own.take(512 * kKiB);
  Region* const second = own.arena.take_growable(OwnArena::class_for(kMiB));
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(own.lists(), (Lists{0, 1, 0, 0, 0, 0}));
  Region* const third = own.arena.take_growable(OwnArena::class_for(kMiB));
  ASSERT_NE(third, nullptr);
  EXPECT_EQ(own.lists(), (Lists{0, 0, 1, 0, 0, 0}));
  own.arena.audit();
  own.give({first, second, third});
  EXPECT_EQ(own.lists(), (Lists{0, 0, 0, 0, 0, 0}));
  own.arena.audit();
}

TEST(ArenaGrowthDeathTest, AnotherArenasRegionIsFatal) {
  OwnArena own;
  OwnArena other;
  Region* const region = other.take(32 * kKiB);
  EXPECT_DEATH(static_cast<void>(own.arena.try_grow(region, OwnArena::class_for(64 * kKiB))),
               "not live");
  other.give(region);
}

TEST(ArenaGrowthDeathTest, ADoubleGiveOfWhatGrewIsFatal) {
  OwnArena own;
  Region* const other = own.take(32 * kKiB);
  Region* const region = own.take(32 * kKiB);
  ASSERT_TRUE(try_grow(own, region, kMiB));
  own.give(region);
  EXPECT_DEATH(own.give(region), "not live");
  own.give(other);
}

}  // namespace
}  // namespace tarn::pool
