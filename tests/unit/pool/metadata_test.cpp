// SPDX-License-Identifier: Apache-2.0
// Memory for control blocks: type-stable, zeroed, refused without harm.
#include "pool/metadata.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <map>
#include <set>
#include <vector>

#include "support/fake_memory.hpp"
#include "support/pool_parts.hpp"
#include "support/resident_pages.hpp"
#include "tarn/detail/base/units.hpp"

namespace tarn::pool {
namespace {

using base::kKiB;
using base::kMiB;
using test::resident_pages;

constexpr std::size_t kChunkFootprint = 1000;

TEST(Metadata, TakesNothingBeforeItIsAsked) {
  test::FakeMemory fake;
  const Metadata metadata(fake.source(), kChunkFootprint);
  EXPECT_EQ(fake.maps(), 0U);
  EXPECT_EQ(metadata.mapped_bytes(), 0U);
}

TEST(Metadata, BlocksGrowAndAllGoBackAtItsEnd) {
  test::FakeMemory fake;
  {
    Metadata metadata(fake.source(), kChunkFootprint);
    while (fake.maps() < 1) ASSERT_NE(metadata.take_region(), nullptr);
    EXPECT_EQ(metadata.mapped_bytes(), 64 * kKiB);
    while (fake.maps() < 7) ASSERT_NE(metadata.take_region(), nullptr);
    EXPECT_EQ(metadata.mapped_bytes(), (64 + 128 + 256 + 512 + 1024 + 1024 + 1024) * kKiB);
    EXPECT_EQ(fake.mapped_bytes(), metadata.mapped_bytes());
  }
  EXPECT_EQ(fake.mapped_bytes(), 0U);
}

// A stale pointer reads a region for ever: what was one becomes one again, nothing else.
TEST(Metadata, IsTypeStable) {
  test::FakeMemory fake;
  Metadata metadata(fake.source(), kChunkFootprint);
  Region* const region = metadata.take_region();
  Subpage* const small = metadata.take_subpage(5);
  Subpage* const large = metadata.take_subpage(512);
  void* const storage = metadata.take_chunk();
  EXPECT_EQ(small->capacity(), 8U);
  metadata.give_subpage(small);
  metadata.give_subpage(large);
  metadata.give_region(region);
  EXPECT_EQ(metadata.take_subpage(8), small);
  EXPECT_NE(metadata.take_subpage(8), large);
  EXPECT_EQ(metadata.take_region(), region);
  EXPECT_NE(metadata.take_region(), region);
  EXPECT_EQ(metadata.take_subpage(300), large);
  EXPECT_NE(metadata.take_chunk(), storage);
}

TEST(Metadata, KeepsWhatARegionSaidForReports) {
  test::FakeMemory fake;
  Metadata metadata(fake.source(), kChunkFootprint);
  Region* const region = metadata.take_region();
  std::byte payload{};
  region->data = &payload;
  region->size_class = 7;
  metadata.give_region(region);
  EXPECT_EQ(region->data, &payload);
  EXPECT_EQ(region->size_class, 7U);
  EXPECT_EQ(region->link & kPlainTag, 0U);
}

TEST(Metadata, ChunkStorageServesOneChunkAfterAnother) {
  const sizing::Geometry geometry{4096, 2};
  test::FakeMemory fake;
  fake.fill();
  Metadata metadata(fake.source(), Chunk::footprint(geometry));
  auto* const payload = reinterpret_cast<std::byte*>(geometry.chunk_size());  // never looked at
  void* const storage = metadata.take_chunk();
  for (int life = 0; life < 3; ++life) {
    Chunk* const chunk = Chunk::create(storage, geometry, payload, nullptr);
    chunk->audit();
    metadata.give_chunk(chunk);
    ASSERT_EQ(metadata.take_chunk(), storage);
  }
}

TEST(Metadata, ARefusalChangesNothing) {
  test::FakeMemory fake;
  Metadata metadata(fake.source(), kChunkFootprint);
  fake.refuse_all();
  EXPECT_EQ(metadata.take_region(), nullptr);
  EXPECT_EQ(metadata.take_subpage(64), nullptr);
  EXPECT_EQ(metadata.take_chunk(), nullptr);
  EXPECT_EQ(metadata.mapped_bytes(), 0U);
  fake.refuse_all(false);
  Region* const region = metadata.take_region();
  ASSERT_NE(region, nullptr);
  fake.refuse_all();
  EXPECT_EQ(metadata.take_subpage(64 * kKiB), nullptr);  // larger than what is left of the block
  // What the block has left still serves.
  EXPECT_NE(metadata.take_region(), nullptr);
  EXPECT_EQ(metadata.mapped_bytes(), 64 * kKiB);
}

TEST(Metadata, APieceLargerThanABlockGetsItsOwn) {
  test::FakeMemory fake;
  Metadata metadata(fake.source(), kChunkFootprint);
  Subpage* const subpage = metadata.take_subpage(256 * kKiB);
  ASSERT_NE(subpage, nullptr);
  EXPECT_EQ(subpage->capacity(), 256 * kKiB);
  EXPECT_GT(metadata.mapped_bytes(), 6 * kMiB);
}

// After a peak of small regions their control blocks are the most of what stays.
TEST(Metadata, PurgesWhatIsUnusedAndNothingElse) {
  Metadata metadata(platform::system_memory(), kChunkFootprint);
  const Subpage::Shape shape{.size_class = sizing::SizeClass{0},
                             .memory_kind = MemoryKind::heap,
                             .slot_count = 512,
                             .slot_size = 16};
  std::vector<std::byte> payload(512 * 16);
  constexpr std::size_t kBytes = 512 * sizeof(Region);
  Subpage* const unused = metadata.take_subpage(512);
  Subpage* const used = metadata.take_subpage(512);
  for (Subpage* const subpage : {unused, used}) {
    EXPECT_LE(resident_pages(subpage->regions(), kBytes), 2U) << "touched before it is used";
    subpage->start(shape, nullptr, 0, payload.data());
    RegionList list;
    EXPECT_EQ(subpage->take(list, 512), 512U);
    EXPECT_GE(resident_pages(subpage->regions(), kBytes), 3U);
  }
  for (std::size_t i = 0; i < 512; ++i) ASSERT_TRUE(unused->try_give(unused->regions() + i));
  metadata.give_subpage(unused);
  metadata.purge_unused();
  EXPECT_LE(resident_pages(unused->regions(), kBytes), 2U);  // the first and the last are shared
  for (std::size_t i = 0; i < 512; ++i) ASSERT_EQ(unused->regions()[i].data, nullptr);
  EXPECT_EQ(used->regions()[100].data, payload.data() + 1600);
  used->audit();
  ASSERT_EQ(metadata.take_subpage(512), unused);
  unused->start(shape, nullptr, 0, payload.data());
  unused->audit();
  metadata.purge_unused();
}

TEST(Metadata, APurgedChunkServesAgain) {
  const sizing::Geometry geometry;
  Metadata metadata(platform::system_memory(), Chunk::footprint(geometry));
  auto* const payload = reinterpret_cast<std::byte*>(geometry.chunk_size());  // never looked at
  void* const storage = metadata.take_chunk();
  for (int life = 0; life < 3; ++life) {
    Chunk* const chunk = Chunk::create(storage, geometry, payload, nullptr);
    Region region;
    const std::uint32_t page = chunk->take_run(300);
    chunk->bind_run(page, &region, 0);
    chunk->audit();
    chunk->give_run(page);
    metadata.give_chunk(chunk);
    metadata.purge_unused();
    ASSERT_EQ(metadata.take_chunk(), storage);
  }
}

TEST(MetadataDeathTest, ASubpageInUseIsRefused) {
  test::FakeMemory fake;
  Metadata metadata(fake.source(), kChunkFootprint);
  Subpage* const subpage = metadata.take_subpage(8);
  std::byte payload[8 * 16];
  subpage->start({.size_class = sizing::SizeClass{0},
                  .memory_kind = MemoryKind::heap,
                  .slot_count = 8,
                  .slot_size = 16},
                 nullptr, 0, payload);
  RegionList list;
  subpage->take(list, 1);
  EXPECT_DEATH(metadata.give_subpage(subpage), "is_empty");
}

// Goal: no two pieces overlap, none is used for another type. Method: random takes and returns from
// a source that fills its memory; every live piece is remembered with its bounds.
TEST(Metadata, PiecesNeverOverlap) {
  test::FakeMemory fake;
  fake.fill();
  Metadata metadata(fake.source(), kChunkFootprint);
  test::Random random;
  std::map<std::uintptr_t, std::uintptr_t> pieces;  // start, end
  std::map<std::uintptr_t, std::size_t> kinds;  // start, what it was first used for: 0 or capacity
  std::vector<Region*> regions;
  std::vector<Subpage*> subpages;
  const auto enter = [&](std::uintptr_t start, std::size_t size, std::size_t kind) {
    const auto after = pieces.lower_bound(start);
    ASSERT_TRUE(after == pieces.end() || start + size <= after->first);
    ASSERT_TRUE(after == pieces.begin() || std::prev(after)->second <= start);
    pieces.emplace(start, start + size);
    ASSERT_EQ(kinds.emplace(start, kind).first->second, kind);
  };
  const auto address_of = [](const void* p) { return reinterpret_cast<std::uintptr_t>(p); };
  for (int step = 0; step < 5000; ++step) {
    const bool draining = step / 500 % 2 == 1;
    if (random.one_in(2)) {
      if (!regions.empty() && (draining || random.one_in(4))) {
        Region* const victim = regions[random.below(regions.size())];
        std::erase(regions, victim);
        pieces.erase(address_of(victim));
        metadata.give_region(victim);
      } else {
        regions.push_back(metadata.take_region());
        ASSERT_NO_FATAL_FAILURE(enter(address_of(regions.back()), sizeof(Region), 0));
      }
    } else if (!subpages.empty() && (draining || random.one_in(4))) {
      Subpage* const victim = subpages[random.below(subpages.size())];
      std::erase(subpages, victim);
      pieces.erase(address_of(victim));
      metadata.give_subpage(victim);
    } else {
      const std::size_t capacity = 1 + random.below(512);
      subpages.push_back(metadata.take_subpage(capacity));
      const std::size_t rounded = std::bit_ceil(capacity);
      ASSERT_EQ(subpages.back()->capacity(), rounded);
      ASSERT_TRUE(subpages.back()->is_empty());
      ASSERT_NO_FATAL_FAILURE(
          enter(address_of(subpages.back()), sizeof(Subpage) + rounded * sizeof(Region), rounded));
    }
  }
}

}  // namespace
}  // namespace tarn::pool
