// SPDX-License-Identifier: Apache-2.0
// Memory that is refused, at every place where an arena asks for some.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "pool/arena.hpp"
#include "pool/region_list.hpp"
#include "support/own_arena.hpp"
#include "support/pool_parts.hpp"

namespace tarn::pool {
namespace {

using sizing::Geometry;
using test::OwnArena;

bool operator==(const ArenaStats& a, const ArenaStats& b) {
  for (std::size_t i = 0; i < a.chunk_lists.size(); ++i) {
    if (a.chunk_lists[i].chunks != b.chunk_lists[i].chunks) return false;
  }
  return a.chunks == b.chunks && a.mapped_bytes == b.mapped_bytes &&
         a.in_use_bytes == b.in_use_bytes && a.free_bytes == b.free_bytes;
}

/// Takes batches of every class, two rounds, with something refused on the way.
///
/// @returns how many takes came back empty; each must have changed nothing.
std::size_t run_with_refusals(OwnArena& own, std::vector<Region*>& live) {
  std::size_t refused = 0;
  for (std::size_t i = 0; i < 2 * own.geometry.class_count(); ++i) {
    const auto size_class = sizing::SizeClass::from_index(i % own.geometry.class_count());
    const ArenaStats before = own.arena.stats();
    const std::size_t mapped = own.payload.mapped_bytes();
    const bool aligned = i % 5 == 0;
    RegionList list;
    if (aligned) {
      Region* const region = own.arena.take_aligned(size_class, 2 * own.geometry.page_size());
      if (region != nullptr) append(list, region);
    } else {
      list = own.arena.take(size_class, 1 + i % 7);
    }
    own.arena.audit();
    if (list.count == 0) {
      ++refused;
      EXPECT_TRUE(own.arena.stats() == before) << "a refused take has changed something";
      EXPECT_EQ(own.payload.mapped_bytes(), mapped) << "a refused take has leaked a chunk";
    }
    for (Region* region = list.first; region != nullptr; region = next_region(region)) {
      std::memset(region->data, 0x11, sizing::size_of(size_class));
      live.push_back(region);
    }
  }
  return refused;
}

void end(OwnArena& own, const std::vector<Region*>& live) {
  own.give(live);
  own.arena.audit();
  own.arena.release_unused();
  EXPECT_EQ(own.payload.mapped_bytes(), 0U);
  EXPECT_EQ(own.arena.chunks_mapped(), own.payload.maps());
}

// Goal: the n-th chunk refused costs one take and nothing else. Method: the same work for every n
// that it asks for.
TEST(ArenaRefusal, OfAnyChunkChangesNothing) {
  const Geometry geometry{4096, 3};
  std::size_t asked = 0;
  {
    OwnArena own(geometry);
    std::vector<Region*> live;
    EXPECT_EQ(run_with_refusals(own, live), 0U);
    asked = own.payload.maps();
    end(own, live);
  }
  ASSERT_GT(asked, 10U);
  for (std::size_t n = 1; n <= asked; ++n) {
    OwnArena own(geometry);
    own.payload.refuse_nth(n);
    std::vector<Region*> live;
    EXPECT_EQ(run_with_refusals(own, live), 1U) << n;
    end(own, live);
  }
}

TEST(ArenaRefusal, OfAnyMetadataChangesNothing) {
  // Pages of 64 KiB: a subpage of 4096 slots fills more than a block, so many blocks are asked for.
  const Geometry geometry{65536, 1};
  std::size_t asked = 0;
  {
    OwnArena own(geometry);
    std::vector<Region*> live;
    EXPECT_EQ(run_with_refusals(own, live), 0U);
    asked = own.metadata.maps();
    end(own, live);
  }
  ASSERT_GE(asked, 4U);
  for (std::size_t n = 1; n <= asked; ++n) {
    OwnArena own(geometry);
    own.metadata.refuse_nth(n);
    std::vector<Region*> live;
    EXPECT_GE(run_with_refusals(own, live), 1U) << n;
    EXPECT_EQ(own.metadata.refusals(), 1U);
    end(own, live);
  }
}

TEST(ArenaRefusal, OfALeafOfTheChunkMapChangesNothing) {
  const Geometry geometry{4096, 3};
  test::FakeMemory tables;
  test::FakeMemory payload;
  ChunkMap map(geometry.chunk_size(), tables.source());
  Arena arena(geometry, MemoryKind::direct, payload.source(), map, 0);
  tables.refuse_all();
  EXPECT_EQ(arena.take(OwnArena::class_for(64), 3).count, 0U);
  EXPECT_EQ(arena.take(OwnArena::class_for(16384), 3).count, 0U);
  EXPECT_EQ(payload.mapped_bytes(), 0U);
  EXPECT_EQ(arena.chunks_mapped(), 0U);
  arena.audit();
  tables.refuse_all(false);
  const RegionList list = arena.take(OwnArena::class_for(64), 3);
  EXPECT_EQ(list.count, 3U);
  arena.give(list.first);
}

TEST(ArenaRefusal, WhatIsMappedStillServes) {
  OwnArena own(Geometry{4096, 3});
  std::vector<Region*> live{own.take(64)};
  own.payload.refuse_all();
  live.push_back(own.take(16384));
  ASSERT_NE(live.back(), nullptr);
  EXPECT_EQ(own.take(32768), nullptr);
  const RegionList rest = own.arena.take(OwnArena::class_for(4096), 10);
  EXPECT_EQ(rest.count, 3U) << "seven pages are left of eight, four of them taken";
  for (Region* region = rest.first; region != nullptr; region = next_region(region)) {
    live.push_back(region);
  }
  EXPECT_EQ(own.take(4096), nullptr);
  EXPECT_NE(live.emplace_back(own.take(64)), nullptr) << "the subpage has room";
  own.arena.audit();
  own.give(live);
}

TEST(ArenaRefusal, LosesNoControlBlocks) {
  OwnArena own(Geometry{4096, 3});
  const std::vector<Region*> live = own.take(4096, 8);  // the chunk is full
  own.payload.refuse_all();
  EXPECT_EQ(own.take(32768), nullptr);
  EXPECT_EQ(own.take(512), nullptr);
  const std::size_t mapped = own.metadata.mapped_bytes();
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_EQ(own.take(32768), nullptr);
    ASSERT_EQ(own.take(512), nullptr);
  }
  EXPECT_EQ(own.metadata.mapped_bytes(), mapped);
  own.give(live);
}

// Memory that was refused once is asked for again.
TEST(ArenaRefusal, IsNotRemembered) {
  OwnArena own(Geometry{4096, 3});
  own.payload.refuse_all();
  EXPECT_EQ(own.take(64), nullptr);
  own.payload.refuse_all(false);
  Region* const region = own.take(64);
  ASSERT_NE(region, nullptr);
  own.give(region);
}

}  // namespace
}  // namespace tarn::pool
