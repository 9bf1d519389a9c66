// SPDX-License-Identifier: Apache-2.0
// Which list a chunk is in, by what it has free.
#include "pool/chunk_list.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/pool_parts.hpp"

namespace tarn::pool {
namespace {

using sizing::Geometry;

constexpr std::array<const char*, 6> kNames{"init", "0", "25", "50", "75", "100"};

/// The six lists of an arena.
class Lists {
 public:
  explicit Lists(const Geometry& geometry)
      : lists_{{{ChunkList::kNoMinimum, 25, geometry.chunk_size()},
                {1, 50, geometry.chunk_size()},
                {25, 75, geometry.chunk_size()},
                {50, 100, geometry.chunk_size()},
                {75, 100, geometry.chunk_size()},
                {100, ChunkList::kNoMaximum, geometry.chunk_size()}}} {
    for (std::size_t i = 0; i < 6; ++i) {
      lists_[i].set_neighbours(i < 2 ? nullptr : &lists_[i - 1], i == 5 ? nullptr : &lists_[i + 1]);
    }
  }
  ChunkList& operator[](std::size_t i) { return lists_[i]; }
  std::string name_of(const Chunk& chunk) const {
    if (chunk.list == nullptr) return "none";
    return kNames[static_cast<std::size_t>(chunk.list - lists_.data())];
  }
  void audit() const {
    for (const ChunkList& list : lists_) list.audit();
  }

 private:
  std::array<ChunkList, 6> lists_;
};

// PooledByteBufAllocatorTest.testPoolChunkListMetric.
TEST(ChunkList, ReportsNettysBounds) {
  const Geometry geometry;
  Lists lists(geometry);
  constexpr std::array<std::pair<unsigned, unsigned>, 6> kBounds{
      {{1, 25}, {1, 50}, {25, 75}, {50, 100}, {75, 100}, {100, 100}}};
  for (std::size_t i = 0; i < 6; ++i) {
    const ChunkListStats stats = lists[i].stats();
    EXPECT_EQ(stats.min_usage, kBounds[i].first) << kNames[i];
    EXPECT_EQ(stats.max_usage, kBounds[i].second) << kNames[i];
    EXPECT_EQ(stats.chunks, 0U);
  }
}

// NETTY.md 1.7, "list walk": 512 KiB x 8 in 4 MiB.
TEST(ChunkList, AChunkWalksTheListsAsNettys) {
  const Geometry geometry;
  Lists lists(geometry);
  test::OwnChunk chunk(geometry);
  std::vector<std::string> up;
  std::vector<std::uint32_t> runs;
  for (int i = 0; i < 8; ++i) {
    runs.push_back(chunk->take_run(64));
    if (i == 0) {
      lists[0].add(chunk.get());
    } else {
      chunk->list->after_take(chunk.get());
    }
    up.push_back(lists.name_of(*chunk) + " " + std::to_string(chunk->usage()));
  }
  EXPECT_EQ(up, (std::vector<std::string>{"init 13", "0 25", "0 38", "25 50", "25 63", "50 75",
                                          "50 88", "100 100"}));
  std::vector<std::string> down;
  for (const std::uint32_t page : runs) {
    chunk->give_run(page);
    const bool stays = chunk->list->after_give(chunk.get());
    EXPECT_EQ(stays, !chunk->is_empty());
    down.push_back(lists.name_of(*chunk) + " " + std::to_string(chunk->usage()));
  }
  EXPECT_EQ(down, (std::vector<std::string>{"75 88", "75 75", "50 63", "50 50", "25 38", "25 25",
                                            "0 13", "none 0"}));
}

// NETTY.md 1.7, "when a chunk is destroyed".
TEST(ChunkList, AChunkThatNeverLeftInitStaysThere) {
  const Geometry geometry;
  Lists lists(geometry);
  test::OwnChunk chunk(geometry);
  const std::uint32_t page = chunk->take_run(64);
  lists[0].add(chunk.get());
  chunk->give_run(page);
  EXPECT_TRUE(chunk->list->after_give(chunk.get()));
  EXPECT_TRUE(chunk->is_empty());
  EXPECT_EQ(lists.name_of(*chunk), "init");
}

TEST(ChunkList, AChunkMayPassListsOnItsWay) {
  const Geometry geometry;
  Lists lists(geometry);
  test::OwnChunk whole(geometry);
  const std::uint32_t page = whole->take_run(512);
  lists[0].add(whole.get());
  EXPECT_EQ(lists.name_of(*whole), "100");
  whole->give_run(page);
  EXPECT_FALSE(whole->list->after_give(whole.get()));
  EXPECT_EQ(lists.name_of(*whole), "none");
}

TEST(ChunkList, KnowsWhatCannotFit) {
  const Geometry geometry;
  Lists lists(geometry);
  const std::size_t chunk = geometry.chunk_size();
  EXPECT_TRUE(lists[0].may_fit(chunk));
  EXPECT_FALSE(lists[1].may_fit(chunk));
  EXPECT_TRUE(lists[1].may_fit(chunk * 99 / 100));
  EXPECT_TRUE(lists[3].may_fit(chunk / 2));
  EXPECT_FALSE(lists[3].may_fit(chunk / 2 + 1));
  EXPECT_TRUE(lists[4].may_fit(chunk / 4));
  EXPECT_FALSE(lists[5].may_fit(1));
}

TEST(ChunkList, TheNewestChunkIsFirst) {
  const Geometry geometry{4096, 3};
  Lists lists(geometry);
  test::OwnChunk a(geometry);
  test::OwnChunk b(geometry);
  lists[0].add(a.get());
  lists[0].add(b.get());
  EXPECT_EQ(lists[0].first(), b.get());
  EXPECT_EQ(lists[0].size(), 2U);
  lists[0].remove(b.get());
  EXPECT_EQ(lists[0].first(), a.get());
  EXPECT_EQ(b->list, nullptr);
  lists.audit();
}

// --- against a model ----------------------------------------------------------------------------

/// Netty's comparison of free bytes with a list's bounds, by whole fractions instead of doubles: a
/// chunk is too full when free <= size * (101 - max) / 100, and just not that.
struct Model {
  std::size_t chunk_size;
  static constexpr std::array<unsigned, 6> kMin{0, 1, 25, 50, 75, 100};
  static constexpr std::array<unsigned, 6> kMax{25, 50, 75, 100, 100, 1000};

  /// The free bytes at `percent`, almost one percent more of them.
  [[nodiscard]] std::size_t bound(unsigned percent) const {
    return percent >= 100 ? 0 : (chunk_size * (101 - percent) - 1) / 100;
  }
  [[nodiscard]] std::size_t after_take(std::size_t list, std::size_t free) const {
    while (list < 5 && free <= bound(kMax[list])) ++list;
    return list;
  }
  [[nodiscard]] std::optional<std::size_t> after_give(std::size_t list, std::size_t free) const {
    while (list != 0 && free > bound(kMin[list])) {
      if (list == 1) return std::nullopt;
      --list;
    }
    return list;
  }
};

// Goal: chunks are where Netty's would be. Method: random runs of several chunks against the rules
// written down once more; audit after each step.
TEST(ChunkList, FollowsTheRules) {
  for (const Geometry& geometry : {Geometry{4096, 0}, Geometry{4096, 1}, Geometry{4096, 2},
                                   Geometry{4096, 4}, Geometry{4096, 7}}) {
    test::Random random;
    Lists lists(geometry);
    const Model model{geometry.chunk_size()};
    constexpr std::size_t kChunks = 3;
    struct State {
      std::unique_ptr<test::OwnChunk> chunk;
      std::optional<std::size_t> list;
      std::vector<std::uint32_t> runs;
    };
    std::array<State, kChunks> states;
    for (State& state : states) state.chunk = std::make_unique<test::OwnChunk>(geometry);
    for (int step = 0; step < 2000; ++step) {
      State& state = states[random.below(kChunks)];
      Chunk& chunk = **state.chunk;
      if (!state.runs.empty() && random.one_in(2)) {
        const std::size_t victim = random.below(state.runs.size());
        chunk.give_run(state.runs[victim]);
        state.runs.erase(state.runs.begin() + static_cast<long>(victim));
        state.list = model.after_give(state.list.value(), chunk.free_bytes());
        ASSERT_EQ(chunk.list->after_give(&chunk), state.list.has_value());
      } else {
        const auto pages = static_cast<std::uint32_t>(
            1 + random.below(1 + geometry.chunk_pages() / (random.one_in(5) ? 1 : 6)));
        const std::uint32_t page =
            pages > geometry.chunk_pages() ? Chunk::kNoRun : chunk.take_run(pages);
        if (page == Chunk::kNoRun) continue;
        state.runs.push_back(page);
        if (state.list.has_value()) {
          chunk.list->after_take(&chunk);
        } else {
          lists[0].add(&chunk);
        }
        state.list = model.after_take(state.list.value_or(0), chunk.free_bytes());
      }
      ASSERT_EQ(lists.name_of(chunk), state.list.has_value() ? kNames[*state.list] : "none")
          << "usage " << chunk.usage() << ", step " << step;
      lists.audit();
    }
  }
}

}  // namespace
}  // namespace tarn::pool
