// SPDX-License-Identifier: Apache-2.0
// Cutting and joining runs, and the way from an address to its region.
#include "tarn/detail/pool/chunk.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <vector>

#include "platform/purge_batch.hpp"
#include "support/pool_parts.hpp"
#include "tarn/detail/base/bits.hpp"

namespace tarn::pool {
namespace {

using sizing::Geometry;

/// Offset and length in pages of every free run.
std::vector<std::pair<std::uint32_t, std::uint32_t>> free_runs(const Chunk& chunk) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> runs;
  chunk.for_each_run([&](std::uint32_t page, std::uint32_t pages, bool taken) {
    if (!taken) runs.emplace_back(page, pages);
  });
  return runs;
}

/// Lets free pages grow older. @returns how many went back.
std::size_t age(Chunk& chunk, std::size_t most) {
  platform::PurgeBatch batch;
  return chunk.age_free_pages(most, 1, batch);
}

using Runs = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

// PooledByteBufAllocatorTest.testCollapse.
TEST(Chunk, FreedNeighboursBecomeOneRun) {
  const Geometry geometry;
  test::OwnChunk chunk(geometry);
  EXPECT_EQ(chunk->take_run(4), 0U);
  EXPECT_EQ(chunk->take_run(5), 4U);
  EXPECT_EQ(chunk->take_run(6), 9U);
  chunk->give_run(4);
  EXPECT_EQ(free_runs(*chunk), (Runs{{4, 5}, {15, 497}}));
  chunk->give_run(9);
  EXPECT_EQ(free_runs(*chunk), (Runs{{4, 508}}));
  EXPECT_EQ(chunk->take_run(10), 4U);
  chunk->give_run(0);
  chunk->give_run(4);
  EXPECT_EQ(free_runs(*chunk), (Runs{{0, 512}}));
  EXPECT_EQ(chunk->take_run(20), 0U);
  chunk->audit();
}

// PooledByteBufAllocatorTest.testAllocateSmallOffset: freed in either order, lowest first.
TEST(Chunk, ReusesTheLowestOffsetFirst) {
  const Geometry geometry;
  for (const bool ascending : {true, false}) {
    test::OwnChunk chunk(geometry);
    std::vector<std::uint32_t> runs;
    while (chunk->free_bytes() >= 5 * geometry.page_size()) runs.push_back(chunk->take_run(5));
    ASSERT_EQ(runs.size(), 102U);
    // Every second one, so that they stay apart.
    std::vector<std::uint32_t> freed;
    for (std::size_t i = 0; i < runs.size(); i += 2) freed.push_back(runs[i]);
    if (!ascending) std::reverse(freed.begin(), freed.end());
    for (const std::uint32_t page : freed) chunk->give_run(page);
    for (std::uint32_t i = 0; i < 102; i += 2) EXPECT_EQ(chunk->take_run(5), i * 5);
    chunk->audit();
  }
}

TEST(Chunk, PrefersTheShortestClassThatFits) {
  const Geometry geometry;
  test::OwnChunk chunk(geometry);
  const std::uint32_t twenty = chunk->take_run(20);
  EXPECT_EQ(chunk->take_run(1), 20U);
  const std::uint32_t six = chunk->take_run(6);
  EXPECT_EQ(chunk->take_run(1), 27U);
  chunk->give_run(twenty);
  chunk->give_run(six);
  EXPECT_EQ(chunk->take_run(5), six);
  EXPECT_EQ(chunk->take_run(7), twenty);
  EXPECT_EQ(chunk->take_run(100), 28U);
  chunk->audit();
}

TEST(Chunk, UsageIsRoundedAsNettyDoes) {
  const Geometry geometry;
  test::OwnChunk chunk(geometry);
  EXPECT_EQ(chunk->usage(), 0U);
  const std::uint32_t first = chunk->take_run(1);
  EXPECT_EQ(chunk->usage(), 1U);  // 511 of 512 pages free: 99.8, cut to 99
  EXPECT_EQ(chunk->take_run(448), 1U);
  EXPECT_EQ(chunk->take_run(56), 449U);
  EXPECT_EQ(chunk->take_run(7), 505U);
  EXPECT_EQ(chunk->usage(), 100U);
  chunk->give_run(first);
  EXPECT_EQ(chunk->usage(), 99U);  // less than 1 percent free, but not full
}

TEST(Chunk, OnlyTheStartOfARegionLeadsToIt) {
  const Geometry geometry;
  test::OwnChunk chunk(geometry);
  Region region;
  const std::uint32_t gap = chunk->take_run(3);
  const std::uint32_t page = chunk->take_run(4);
  chunk->give_run(gap);
  region.data = chunk->page_address(page);
  EXPECT_EQ(chunk->region_at(region.data), nullptr);  // not bound yet
  chunk->bind_run(page, &region, 0);
  EXPECT_EQ(chunk->region_at(region.data), &region);
  EXPECT_EQ(chunk->region_at(region.data + 1), nullptr);
  EXPECT_EQ(chunk->region_at(region.data + geometry.page_size()), nullptr);
  EXPECT_EQ(chunk->region_at(chunk->base()), nullptr);
  EXPECT_EQ(chunk->region_at(chunk->page_address(page + 4)), nullptr);
  EXPECT_EQ(chunk->entry_of(region.data + 5).regions, &region);
  EXPECT_EQ(chunk->page_of(region.data + 5), page);
  chunk->give_run(page);
  EXPECT_EQ(chunk->region_at(region.data), nullptr);
}

// Runs that are one region come and go at a price that does not depend on their length.
TEST(Chunk, OnlyTheFirstPageOfARunThatIsOneRegionIsBound) {
  const Geometry geometry;
  test::OwnChunk chunk(geometry);
  Region regions[2];
  const auto bound_pages = [&] {
    std::size_t pages = 0;
    for (std::uint32_t page = 0; page < 5; ++page) {
      if (chunk->entry_of(chunk->page_address(page)).regions != nullptr) ++pages;
    }
    return pages;
  };
  // What a subpage of the same run before has left must not be found either.
  for (const std::uint32_t reciprocal : {7U, 0U, 7U, 0U}) {
    const std::uint32_t page = chunk->take_run(5);
    ASSERT_EQ(page, 0U);
    chunk->bind_run(page, regions, reciprocal);
    chunk->audit();
    EXPECT_EQ(bound_pages(), reciprocal == 0 ? 1U : 5U);
    chunk->give_run(page);
    EXPECT_EQ(bound_pages(), 0U);
  }
}

TEST(Chunk, KnowsWhichClassesOfRunsItStillHas) {
  const Geometry geometry;
  test::OwnChunk chunk(geometry);
  const auto has = [&](std::uint32_t pages) {
    return chunk->has_free_run(geometry.pages2idx_floor(pages));
  };
  EXPECT_TRUE(has(512));
  const std::uint32_t first = chunk->take_run(8);
  EXPECT_FALSE(has(512));
  EXPECT_TRUE(has(448)) << "of the 504 that are left";
  const std::uint32_t rest = chunk->take_run(448);
  EXPECT_TRUE(has(56));
  EXPECT_FALSE(has(64));
  chunk->give_run(rest);
  chunk->give_run(first);
  EXPECT_TRUE(has(512));
}

// Goal: region_at finds every slot of every subpage class and nothing else, in every run shape.
// Method: every address a multiple of 8 of a whole run, for pages up to 64 KiB.
TEST(Chunk, EverySlotOfASubpageIsFoundAndNothingElse) {
  for (const Geometry& geometry : {Geometry{4096, 0}, Geometry{4096, 3}, Geometry{8192, 3},
                                   Geometry{16384, 3}, Geometry{65536, 3}}) {
    test::OwnChunk chunk(geometry);
    for (std::size_t raw = 0; raw < geometry.small_count(); ++raw) {
      const auto size_class = sizing::SizeClass::from_index(raw);
      const sizing::ClassLayout& layout = geometry.layout(size_class);
      if (layout.elements == 1) continue;
      const std::size_t slot_size = sizing::size_of(size_class);
      const std::uint32_t page = chunk->take_run(layout.run_pages);
      std::vector<Region> regions(layout.elements + 1);  // the last stays dead
      std::byte* const memory = chunk->page_address(page);
      for (std::size_t i = 0; i < layout.elements; ++i) regions[i].data = memory + i * slot_size;
      chunk->bind_run(page, regions.data(), layout.reciprocal);
      const std::size_t step = geometry.page_size() > 8192 ? 40 : 8;
      for (std::size_t offset = 0; offset < layout.run_pages * geometry.page_size();
           offset += step) {
        const std::size_t slot = offset / slot_size;
        Region* const expected =
            offset % slot_size == 0 && slot < layout.elements ? &regions[slot] : nullptr;
        ASSERT_EQ(chunk->region_at(memory + offset), expected) << slot_size << " at " << offset;
      }
      for (std::size_t i = 0; i < layout.elements; ++i) {
        ASSERT_EQ(chunk->region_at(regions[i].data), &regions[i]);
      }
      chunk->give_run(page);
    }
    EXPECT_TRUE(chunk->is_empty());
    chunk->audit();
  }
}

TEST(Chunk, AlignedRunsGiveTheExcessBack) {
  const Geometry geometry{4096, 4};
  test::OwnChunk chunk(geometry);
  const std::uint32_t first = chunk->take_run(1);
  EXPECT_EQ(chunk->take_aligned_run(3, 8), 8U);
  EXPECT_EQ(free_runs(*chunk), (Runs{{1, 7}, {11, 5}}));
  EXPECT_EQ(chunk->take_aligned_run(2, 2), 12U);  // of the five behind, the shorter run
  EXPECT_EQ(chunk->take_aligned_run(2, 8), Chunk::kNoRun);
  chunk->audit();
  chunk->give_run(8);
  chunk->give_run(12);
  chunk->give_run(first);
  EXPECT_EQ(chunk->take_aligned_run(16, 16), 0U);
  chunk->audit();
}

TEST(Chunk, AnEndedChunkLeavesItsStorageReady) {
  const Geometry geometry{4096, 4};
  test::OwnChunk chunk(geometry);
  Region region;
  for (int life = 0; life < 3; ++life) {
    const std::uint32_t page = chunk->take_run(5);
    chunk->bind_run(page, &region, 0);
    chunk->give_run(page);
    chunk->end();
    Chunk* const next = Chunk::create(chunk.storage(), geometry, chunk.payload(), nullptr);
    ASSERT_EQ(next, chunk.get());
    next->audit();
    EXPECT_TRUE(next->is_empty());
  }
}

TEST(ChunkDeathTest, ARunInUseCannotEnd) {
  const Geometry geometry{4096, 2};
  test::OwnChunk chunk(geometry);
  const std::uint32_t page = chunk->take_run(1);
  EXPECT_DEATH(chunk->end(), "is_empty");
  chunk->give_run(page);
  EXPECT_DEATH(chunk->give_run(page), "pages > 0");
}

// --- growth -------------------------------------------------------------------------------------

/// All that a chunk shows of itself.
struct Looks {
  explicit Looks(const Chunk& chunk)
      : free_bytes(chunk.free_bytes()), usage(chunk.usage()), dirty_pages(chunk.dirty_pages()) {
    chunk.for_each_run([this](std::uint32_t page, std::uint32_t pages, bool taken) {
      (taken ? taken_runs : free_runs).emplace_back(page, pages);
    });
  }
  bool operator==(const Looks&) const = default;

  Runs taken_runs;
  Runs free_runs;
  std::size_t free_bytes;
  unsigned usage;
  std::size_t dirty_pages;
};

TEST(Chunk, ARunGrowsByThePagesBehindItAndNoMore) {
  const Geometry geometry{4096, 4};
  test::OwnChunk chunk(geometry);
  const std::uint32_t first = chunk->take_run(3);
  const std::uint32_t run = chunk->take_run(2);
  EXPECT_TRUE(chunk->grow_run(run, 5));
  EXPECT_EQ(chunk->taken_run_at(run), 5U);
  EXPECT_EQ(free_runs(*chunk), (Runs{{8, 8}}));
  EXPECT_EQ(chunk->free_bytes(), 8 * geometry.page_size());
  EXPECT_EQ(chunk->usage(), 50U);
  chunk->audit();
  EXPECT_TRUE(chunk->grow_run(run, 6)) << "by a single page";
  EXPECT_EQ(free_runs(*chunk), (Runs{{9, 7}}));
  chunk->audit();
  EXPECT_TRUE(chunk->grow_run(run, 13)) << "by all that is there";
  EXPECT_EQ(free_runs(*chunk), Runs{});
  EXPECT_EQ(chunk->usage(), 100U);
  chunk->audit();
  chunk->give_run(first);
  chunk->give_run(run);
  EXPECT_EQ(free_runs(*chunk), (Runs{{0, 16}}));
  chunk->audit();
}

TEST(Chunk, ARunGrowsIntoAGapAndLeavesTheRestOfIt) {
  const Geometry geometry{4096, 4};
  test::OwnChunk chunk(geometry);
  const std::uint32_t run = chunk->take_run(2);
  const std::uint32_t gap = chunk->take_run(4);
  const std::uint32_t behind = chunk->take_run(5);
  chunk->give_run(gap);
  EXPECT_TRUE(chunk->grow_run(run, 3));
  EXPECT_EQ(free_runs(*chunk), (Runs{{3, 3}, {11, 5}}));
  EXPECT_EQ(chunk->take_run(3), 3U) << "the rest of the gap is a run as any other";
  chunk->audit();
  chunk->give_run(3);
  EXPECT_TRUE(chunk->grow_run(run, 6));
  EXPECT_EQ(chunk->taken_run_at(behind), 5U);
  EXPECT_EQ(free_runs(*chunk), (Runs{{11, 5}}));
  chunk->audit();
}

TEST(Chunk, ARunThatCannotGrowLeavesEverythingAsItWas) {
  const Geometry geometry{4096, 4};
  test::OwnChunk chunk(geometry);
  const auto refuses = [&](std::uint32_t page, std::uint32_t pages) {
    const Looks before(*chunk);
    const bool grew = chunk->grow_run(page, pages);
    chunk->audit();
    return !grew && Looks(*chunk) == before;
  };
  const std::uint32_t gap = chunk->take_run(3);
  const std::uint32_t run = chunk->take_run(2);
  const std::uint32_t neighbour = chunk->take_run(4);
  const std::uint32_t last = chunk->take_run(7);
  chunk->give_run(gap);
  EXPECT_TRUE(refuses(run, 3)) << "its neighbour is taken, and pages in front are of no use";
  EXPECT_TRUE(refuses(last, 8)) << "it ends where the chunk does";
  EXPECT_TRUE(refuses(last, 16));
  chunk->give_run(neighbour);
  EXPECT_TRUE(refuses(run, 7)) << "one page too few is free behind it";
  EXPECT_TRUE(refuses(run, 16));
  EXPECT_TRUE(chunk->grow_run(run, 6));
  chunk->give_run(last);
  EXPECT_TRUE(refuses(run, 14)) << "the chunk ends too soon";
  EXPECT_TRUE(chunk->grow_run(run, 13));
  chunk->audit();
}

TEST(Chunk, NoPageOfARunThatGrewIsDirty) {
  const Geometry geometry{4096, 8};  // bitmaps of several words
  test::OwnChunk chunk(geometry);
  const std::uint32_t all = chunk->take_run(256);
  chunk->give_run(all);
  ASSERT_EQ(chunk->dirty_pages(), 256U);
  const std::uint32_t run = chunk->take_run(10);
  EXPECT_EQ(chunk->dirty_pages(), 246U);
  EXPECT_TRUE(chunk->grow_run(run, 100));
  EXPECT_EQ(chunk->dirty_pages(), 156U);
  chunk->audit();
  // Old ones are as dirty as fresh ones.
  EXPECT_EQ(age(*chunk, 256), 0U);
  EXPECT_TRUE(chunk->grow_run(run, 130));
  EXPECT_EQ(chunk->dirty_pages(), 126U);
  chunk->audit();
  // Those from 206 on go to the system: growth over the boundary finds 76 that are dirty.
  EXPECT_EQ(age(*chunk, 50), 50U);
  EXPECT_EQ(chunk->dirty_pages(), 76U);
  EXPECT_TRUE(chunk->grow_run(run, 230));
  EXPECT_EQ(chunk->dirty_pages(), 0U);
  chunk->audit();
  chunk->give_run(run);
  EXPECT_EQ(chunk->dirty_pages(), 230U) << "those it grew by were used too";
  chunk->audit();
}

TEST(Chunk, ARegionThatGrewIsFoundByItsStartOnly) {
  const Geometry geometry{4096, 4};
  test::OwnChunk chunk(geometry);
  Region region;
  Region slots[2];
  // The pages it grows by have led to slots before.
  const std::uint32_t run = chunk->take_run(2);
  const std::uint32_t behind = chunk->take_run(5);
  chunk->bind_run(behind, slots, 7);
  chunk->give_run(behind);
  region.data = chunk->page_address(run);
  chunk->bind_run(run, &region, 0);
  ASSERT_TRUE(chunk->grow_run(run, 7));
  EXPECT_EQ(chunk->region_at(region.data), &region);
  for (std::uint32_t page = 1; page < 16; ++page) {
    EXPECT_EQ(chunk->region_at(chunk->page_address(page)), nullptr) << page;
  }
  chunk->audit();
  chunk->give_run(run);
  EXPECT_EQ(chunk->region_at(region.data), nullptr);
  chunk->audit();
}

TEST(Chunk, PlacesARunWhereItHasRoomToGrow) {
  const Geometry geometry;
  test::OwnChunk chunk(geometry);
  // Gaps of 20, 64 and 80 pages, and 345 at the end.
  std::vector<std::uint32_t> gaps;
  for (const std::uint32_t pages : {20U, 64U, 80U}) {
    gaps.push_back(chunk->take_run(pages));
    static_cast<void>(chunk->take_run(1));
  }
  for (const std::uint32_t gap : gaps) chunk->give_run(gap);
  ASSERT_EQ(free_runs(*chunk), (Runs{{0, 20}, {21, 64}, {86, 80}, {167, 345}}));
  EXPECT_EQ(chunk->take_run_with_room(4, 64), 21U) << "just there";
  EXPECT_EQ(chunk->take_run_with_room(1, 16), 0U) << "the shortest run with the room";
  EXPECT_EQ(chunk->take_run_with_room(5, 65), 86U);
  const Looks before(*chunk);
  EXPECT_EQ(chunk->take_run_with_room(1, 346), Chunk::kNoRun);
  EXPECT_EQ(chunk->take_run_with_room(346, 346), Chunk::kNoRun);
  EXPECT_EQ(Looks(*chunk), before);
  chunk->audit();
  EXPECT_TRUE(chunk->grow_run(21, 64)) << "what the room is for";
  EXPECT_TRUE(chunk->grow_run(86, 80));
  EXPECT_TRUE(chunk->grow_run(0, 16));
  chunk->audit();
}

TEST(Chunk, PlacesNothingWhereThereIsNoRoom) {
  for (const unsigned order : {0U, 1U, 2U}) {
    const Geometry geometry{4096, order};
    const auto all = static_cast<std::uint32_t>(geometry.chunk_pages());
    test::OwnChunk chunk(geometry);
    EXPECT_EQ(chunk->take_run_with_room(1, all), 0U);
    EXPECT_EQ(chunk->take_run_with_room(1, all), Chunk::kNoRun);
    chunk->audit();
    while (chunk->take_run(1) != Chunk::kNoRun) continue;
    EXPECT_EQ(chunk->take_run_with_room(1, 1), Chunk::kNoRun) << "the chunk is full";
    chunk->audit();
  }
}

// 4 MiB of pages cost 11 KiB of metadata; a change of that shows here first.
TEST(Chunk, MetadataIsBelowAThirdOfAPercent) {
  EXPECT_LE(Chunk::footprint(Geometry{}), 12 * base::kKiB);
  const Geometry largest{8192, 14};
  EXPECT_LE(Chunk::footprint(largest) * 300, largest.chunk_size());
}

// --- against a model ----------------------------------------------------------------------------

/// Pages and their owners, searched page by page.
class Model {
 public:
  explicit Model(const Geometry& geometry)
      : geometry_(geometry),
        taken_(geometry.chunk_pages(), false),
        dirty_(geometry.chunk_pages(), false) {}

  /// Where best fit must put a run: shortest fitting class first, then the lowest offset.
  [[nodiscard]] std::optional<std::uint32_t> place(std::uint32_t pages,
                                                   std::uint32_t alignment) const {
    // An unaligned search starts at the class that is sure to fit; an aligned one looks at each
    // run.
    const std::size_t least = alignment == 0 ? geometry_.pages2idx(pages) : 0;
    std::optional<std::uint32_t> best;
    std::size_t best_class = geometry_.page_classes();
    for (const auto& [page, length] : free()) {
      const std::size_t page_class = geometry_.pages2idx_floor(length);
      const auto at =
          alignment == 0 ? page : static_cast<std::uint32_t>(base::align_up(page, alignment));
      if (page_class < least || page_class >= best_class || at + pages > page + length) continue;
      best = at;
      best_class = page_class;
    }
    return best;
  }
  [[nodiscard]] bool is_free(std::uint32_t page, std::uint32_t pages) const {
    if (page + pages > taken_.size()) return false;
    return std::none_of(taken_.begin() + page, taken_.begin() + page + pages,
                        [](bool taken) { return taken; });
  }
  [[nodiscard]] Runs free() const {
    Runs runs;
    for (std::uint32_t page = 0; page < taken_.size(); ++page) {
      if (taken_[page]) continue;
      if (page > 0 && !taken_[page - 1]) {
        ++runs.back().second;
      } else {
        runs.emplace_back(page, 1);
      }
    }
    return runs;
  }
  void take(std::uint32_t page, std::uint32_t pages) {
    for (std::uint32_t i = page; i < page + pages; ++i) {
      ASSERT_FALSE(taken_[i]) << "page " << i << " taken twice";
      taken_[i] = true;
      dirty_[i] = false;
    }
  }
  void give(std::uint32_t page, std::uint32_t pages) {
    std::fill_n(taken_.begin() + page, pages, false);
    std::fill_n(dirty_.begin() + page, pages, true);
  }
  [[nodiscard]] std::size_t dirty_pages() const {
    return static_cast<std::size_t>(std::count(dirty_.begin(), dirty_.end(), true));
  }

 private:
  const Geometry& geometry_;
  std::vector<bool> taken_;
  std::vector<bool> dirty_;
};

// Goal: runs never overlap, free ones are always joined, the place is the best fit, and a run grows
// when it can. Method: random takes, aligned takes, takes of what grows, growth and returns,
// against a page-by-page model; audit after each.
TEST(Chunk, IsBestFitOverPages) {
  for (const Geometry& geometry : {Geometry{4096, 0}, Geometry{4096, 2}, Geometry{4096, 4},
                                   Geometry{4096, 7}, Geometry{65536, 3}}) {
    test::Random random;
    test::OwnChunk chunk(geometry);
    Model model(geometry);
    std::map<std::uint32_t, std::uint32_t> live;  // first page, pages
    const std::size_t all = geometry.chunk_pages();
    Region region;
    for (int step = 0; step < 3000; ++step) {
      const bool draining = step / 200 % 2 == 1;
      if (!live.empty() && (draining ? !random.one_in(4) : random.one_in(4))) {
        const auto victim = std::next(live.begin(), static_cast<long>(random.below(live.size())));
        chunk->give_run(victim->first);
        model.give(victim->first, victim->second);
        live.erase(victim);
      } else if (!live.empty() && random.one_in(3)) {
        auto& [page, pages] =
            *std::next(live.begin(), static_cast<long>(random.below(live.size())));
        const auto more =
            static_cast<std::uint32_t>(1 + random.below(random.one_in(3) ? all : (all + 7) / 8));
        const bool can_grow = model.is_free(page + pages, more);
        ASSERT_EQ(chunk->grow_run(page, pages + more), can_grow);
        if (can_grow) {
          ASSERT_NO_FATAL_FAILURE(model.take(page + pages, more));
          pages += more;
        }
        ASSERT_EQ(chunk->taken_run_at(page), pages);
      } else {
        const auto pages =
            static_cast<std::uint32_t>(1 + random.below(random.one_in(3) ? all : (all + 7) / 8));
        const auto alignment = random.one_in(3) ? 1U << random.below(geometry.max_order() + 1) : 0U;
        const auto room = random.one_in(3)
                              ? pages + static_cast<std::uint32_t>(random.below(all - pages + 1))
                              : 0U;
        // Best fit for the room is best fit for a run of that length.
        const std::optional<std::uint32_t> expected =
            room != 0 ? model.place(room, 0) : model.place(pages, alignment);
        const std::uint32_t page = room != 0        ? chunk->take_run_with_room(pages, room)
                                   : alignment == 0 ? chunk->take_run(pages)
                                                    : chunk->take_aligned_run(pages, alignment);
        ASSERT_EQ(page, expected.value_or(Chunk::kNoRun));
        if (page == Chunk::kNoRun) continue;
        ASSERT_NO_FATAL_FAILURE(model.take(page, pages));
        if (random.one_in(2)) chunk->bind_run(page, &region, 0);
        ASSERT_EQ(chunk->taken_run_at(page), pages);
        live.emplace(page, pages);
      }
      chunk->audit();
      ASSERT_EQ(free_runs(*chunk), model.free());
      ASSERT_EQ(chunk->dirty_pages(), model.dirty_pages());
    }
  }
}

// --- dirty runs ---------------------------------------------------------------------------------

/// Frees a run, and gives its pages back to the system.
void give_and_purge(Chunk& chunk, std::uint32_t page) {
  const std::size_t pages = chunk.taken_run_at(page);
  chunk.give_run(page);
  EXPECT_EQ(age(chunk, pages), 0U);
  EXPECT_EQ(age(chunk, pages), pages);
}

TEST(Chunk, OfDirtyRunsTheFirstOneIsTaken) {
  const Geometry geometry{4096, 5};
  test::OwnChunk chunk(geometry);
  for (std::uint32_t page = 0; page < 24; page += 4) ASSERT_EQ(chunk->take_run(4), page);
  give_and_purge(*chunk, 0);
  chunk->give_run(8);
  chunk->give_run(16);
  ASSERT_EQ(free_runs(*chunk), (Runs{{0, 4}, {8, 4}, {16, 4}, {24, 8}}));
  unsigned tries = 8;
  EXPECT_EQ(chunk->take_dirty_run(3, tries), 8U) << "take_run() would bring in pages at 0";
  EXPECT_EQ(tries, 7U) << "what begins with a clean page is not tried";
  EXPECT_EQ(chunk->dirty_pages(), 5U);
  EXPECT_EQ(free_runs(*chunk), (Runs{{0, 4}, {11, 1}, {16, 4}, {24, 8}}));
  chunk->audit();
  EXPECT_EQ(chunk->take_dirty_run(4, tries), 16U);
  EXPECT_EQ(tries, 6U);
  EXPECT_EQ(chunk->take_dirty_run(1, tries), 11U);
  EXPECT_EQ(chunk->dirty_pages(), 0U);
  EXPECT_EQ(chunk->take_dirty_run(1, tries), Chunk::kNoRun);
  EXPECT_EQ(tries, 5U) << "none is tried where no page is dirty";
  chunk->audit();
}

TEST(Chunk, ADirtyRunIsCutFromOneOfTwiceTheLengthAtMost) {
  for (const std::uint32_t length : {8U, 10U}) {
    const Geometry geometry{4096, 5};
    test::OwnChunk chunk(geometry);
    const std::uint32_t clean = chunk->take_run(4);
    ASSERT_EQ(chunk->take_run(1), 4U);
    const std::uint32_t dirty = chunk->take_run(length);
    ASSERT_EQ(chunk->take_run(1), 5 + length);
    give_and_purge(*chunk, clean);
    chunk->give_run(dirty);
    unsigned tries = 8;
    EXPECT_EQ(chunk->take_dirty_run(4, tries), length == 8 ? dirty : Chunk::kNoRun);
    EXPECT_EQ(tries, length == 8 ? 7U : 8U);
    chunk->audit();
  }
}

TEST(Chunk, ARunWithACleanPageInFrontIsNoDirtyOne) {
  const Geometry geometry{4096, 5};
  test::OwnChunk chunk(geometry);
  const std::uint32_t front = chunk->take_run(2);
  const std::uint32_t rest = chunk->take_run(6);
  ASSERT_EQ(chunk->take_run(1), 8U);
  give_and_purge(*chunk, front);
  chunk->give_run(rest);
  const Looks before(*chunk);
  unsigned tries = 8;
  EXPECT_EQ(chunk->take_dirty_run(5, tries), Chunk::kNoRun);
  EXPECT_TRUE(Looks(*chunk) == before);
  EXPECT_EQ(tries, 8U);
}

// Runs of which the first page is dirty and the others are not.
TEST(Chunk, ADirtyRunIsLookedForAsOftenAsAllowed) {
  const Geometry geometry{4096, 5};
  test::OwnChunk chunk(geometry);
  for (const std::uint32_t page : {0U, 8U}) {
    ASSERT_EQ(chunk->take_run(1), page);
    ASSERT_EQ(chunk->take_run(3), page + 1);
    ASSERT_EQ(chunk->take_run(4), page + 4);
  }
  for (const std::uint32_t page : {16U, 20U}) ASSERT_EQ(chunk->take_run(4), page);
  give_and_purge(*chunk, 1);
  give_and_purge(*chunk, 9);
  for (const std::uint32_t page : {0U, 8U, 16U}) chunk->give_run(page);
  const Looks before(*chunk);
  for (unsigned allowed : {0U, 1U, 2U}) {
    EXPECT_EQ(chunk->take_dirty_run(4, allowed), Chunk::kNoRun);
    EXPECT_EQ(allowed, 0U);
    EXPECT_TRUE(Looks(*chunk) == before);
  }
  unsigned tries = 3;
  EXPECT_EQ(chunk->take_dirty_run(4, tries), 16U);
  EXPECT_EQ(tries, 0U);
}

TEST(Chunk, ARunWithACleanPageBehindDirtyOnesIsNoDirtyOne) {
  const Geometry geometry{4096, 5};
  test::OwnChunk chunk(geometry);
  const std::uint32_t front = chunk->take_run(4);
  const std::uint32_t back = chunk->take_run(2);
  ASSERT_EQ(chunk->take_run(1), 6U);
  const std::uint32_t more = chunk->take_run(1);  // so that enough pages are dirty
  ASSERT_EQ(chunk->take_run(1), 8U);
  give_and_purge(*chunk, back);
  chunk->give_run(front);
  chunk->give_run(more);
  unsigned tries = 8;
  EXPECT_EQ(chunk->take_dirty_run(5, tries), Chunk::kNoRun);
  EXPECT_EQ(tries, 7U);
  EXPECT_EQ(chunk->take_dirty_run(4, tries), front);
  chunk->audit();
}

TEST(Chunk, AShortDirtyRunIsCutFromOneOfTwiceTheLengthAtMostToo) {
  for (const std::uint32_t wanted : {1U, 2U, 3U}) {
    for (const std::uint32_t length : {2 * wanted, 2 * wanted + 1}) {
      const Geometry geometry{4096, 5};
      test::OwnChunk chunk(geometry);
      const std::uint32_t dirty = chunk->take_run(length);
      ASSERT_EQ(chunk->take_run(1), length);
      chunk->give_run(dirty);
      unsigned tries = 8;
      EXPECT_EQ(chunk->take_dirty_run(wanted, tries), length == 2 * wanted ? dirty : Chunk::kNoRun)
          << wanted << " of " << length;
    }
  }
}

// 8 pages at a time, in which something is free and dirty, free and clean, or taken.
TEST(Chunk, FreePagesThatHaveComeInAreDirty) {
  const Geometry geometry{4096, 5};
  test::OwnChunk chunk(geometry);
  ASSERT_EQ(chunk->take_run(3), 0U);
  ASSERT_EQ(chunk->take_run(5), 3U);
  ASSERT_EQ(chunk->take_run(2), 8U);
  ASSERT_EQ(chunk->take_run(20), 10U);
  ASSERT_EQ(chunk->take_run(1), 30U);
  ASSERT_EQ(chunk->take_run(1), 31U);
  for (const std::uint32_t page : {3U, 10U, 30U}) give_and_purge(*chunk, page);
  chunk->give_run(8);
  ASSERT_EQ(chunk->dirty_pages(), 2U);
  chunk->bring_in(0, 8);
  EXPECT_EQ(chunk->dirty_pages(), 5U + 2U);
  chunk->bring_in(8, 8);
  EXPECT_EQ(chunk->dirty_pages(), 5U + 8U);
  chunk->bring_in(24, 8);
  EXPECT_EQ(chunk->dirty_pages(), 5U + 8U + 7U);
  chunk->bring_in(16, 1);
  EXPECT_EQ(chunk->dirty_pages(), 5U + 9U + 7U);
  chunk->audit();
  EXPECT_EQ(chunk->take_run(13), 3U);
  EXPECT_EQ(chunk->dirty_pages(), 1U + 7U);
  chunk->audit();
}

}  // namespace
}  // namespace tarn::pool
