// SPDX-License-Identifier: Apache-2.0
// Tests of ReturnCells. Layer: recycler.
#include "recycler/return_cells.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "support/sanitizer_options.hpp"
#include "support/scale.hpp"
#include "tarn/detail/sync/owner_gate.hpp"

namespace tarn::recycler {
namespace {

using Cells = BasicReturnCells<sync::PatientPause>;
using Words = std::vector<Cells::Word>;

Words taken(Cells& cells, std::size_t most) {
  Words words;
  const std::size_t count = cells.take(most, [&](Cells::Word word) { words.push_back(word); });
  EXPECT_EQ(count, words.size());
  return words;
}

TEST(ReturnCells, GivesTheOldestFirst) {
  Cells cells(4);
  EXPECT_EQ(taken(cells, 9), Words{}) << "before anything was put in";
  for (Cells::Word word = 1; word <= 3; ++word) EXPECT_EQ(cells.put(word), PutResult::stored);
  EXPECT_EQ(cells.waiting(), 3U);
  EXPECT_EQ(taken(cells, 2), (Words{1, 2}));
  EXPECT_EQ(cells.left(), 2U);
  EXPECT_EQ(taken(cells, 9), Words{3});
  EXPECT_EQ(taken(cells, 9), Words{});
  EXPECT_EQ(cells.entered(), 3U);
}

TEST(ReturnCells, HasAnExactBoundAllAroundTheRing) {
  Cells cells(4);
  Cells::Word next = 1;
  Cells::Word oldest = 1;
  for (int round = 0; round < 9; ++round) {
    while (cells.waiting() < 4) EXPECT_EQ(cells.put(next++), PutResult::stored);
    EXPECT_EQ(cells.put(next), PutResult::full);
    EXPECT_EQ(taken(cells, 3), (Words{oldest, oldest + 1, oldest + 2}));
    oldest += 3;
  }
}

TEST(ReturnCells, TakesNothingInWithoutCapacity) {
  Cells cells(0);
  EXPECT_EQ(cells.put(1), PutResult::full);
  EXPECT_EQ(cells.waiting(), 0U);
  EXPECT_EQ(taken(cells, 9), Words{});
  EXPECT_EQ(cells.close([](Cells::Word) {}), 0U);
  EXPECT_EQ(cells.put(1), PutResult::closed);
}

TEST(ReturnCells, AreFullWhenMemoryIsRefused) {
  Cells cells(std::size_t{1} << 62);  // words, more than there is memory
  EXPECT_EQ(cells.put(1), PutResult::full);
  EXPECT_EQ(cells.put_early(1), PutResult::full);
  EXPECT_EQ(taken(cells, 9), Words{});
  EXPECT_EQ(cells.close([](Cells::Word) {}), 0U);
}

TEST(ReturnCells, GivesAllAtItsEndAndTakesNothingInAnyMore) {
  Cells cells(2);
  ASSERT_EQ(cells.put(5), PutResult::stored);
  ASSERT_EQ(cells.put(6), PutResult::stored);
  Words words;
  EXPECT_EQ(cells.close([&](Cells::Word word) { words.push_back(word); }), 2U);
  EXPECT_EQ(words, (Words{5, 6}));
  EXPECT_EQ(cells.put(7), PutResult::closed);
  EXPECT_EQ(cells.waiting(), 0U);
  EXPECT_EQ(cells.entered(), 2U);
}

TEST(ReturnCells, ShowsWhatIsIn) {
  Cells cells(4);
  for (Cells::Word word = 1; word <= 4; ++word) ASSERT_EQ(cells.put(word), PutResult::stored);
  EXPECT_EQ(taken(cells, 1), Words{1});
  ASSERT_EQ(cells.put(5), PutResult::stored);
  Words words;
  cells.for_each([&](Cells::Word word) { words.push_back(word); });
  EXPECT_EQ(words, (Words{2, 3, 4, 5}));
}

TEST(ReturnCells, NarrowedReplacesWhatIsInAndRefusesOnlyThoseWhoCameEarly) {
  Cells cells(4);
  for (Cells::Word word = 1; word <= 4; ++word) ASSERT_EQ(cells.put_early(word), PutResult::stored);
  EXPECT_EQ(cells.put_early(5), PutResult::full);
  EXPECT_EQ(taken(cells, 1), Words{1});
  cells.narrow([](Cells::Word word) { return 10 * word; });
  EXPECT_EQ(cells.put_early(5), PutResult::closed);
  EXPECT_EQ(cells.put(6), PutResult::stored);
  EXPECT_EQ(cells.put(7), PutResult::full);
  EXPECT_EQ(cells.waiting(), 4U);
  EXPECT_EQ(cells.entered(), 5U);
  Words words;
  cells.for_each([&](Cells::Word word) { words.push_back(word); });
  EXPECT_EQ(words, (Words{20, 30, 40, 6}));
  EXPECT_EQ(taken(cells, 2), (Words{20, 30}));
  words.clear();
  EXPECT_EQ(cells.close([&](Cells::Word word) { words.push_back(word); }), 2U);
  EXPECT_EQ(words, (Words{40, 6}));
  EXPECT_EQ(cells.put(8), PutResult::closed);
}

TEST(ReturnCells, NarrowedWhileEmptyRefusesThoseWhoComeEarly) {
  for (const std::size_t capacity : {0U, 2U}) {
    Cells cells(capacity);
    cells.narrow([](Cells::Word word) { return word; });
    EXPECT_EQ(cells.put_early(1), PutResult::closed);
    EXPECT_EQ(cells.put(1), capacity == 0 ? PutResult::full : PutResult::stored);
  }
}

// Goal: every word put in is taken exactly once, also when the cells close meanwhile. Method: two
// threads put through 4 cells what another takes, until it closes them at some moment; what is
// refused is counted by those who put.
TEST(ReturnCells, LosesNothingAgainstAClosing) {
  constexpr std::size_t kEach = 400;
  constexpr std::size_t kLater = 13;  // words, that each round closes later
  for (int round = 0; round < test::scaled(60); ++round) {
    Cells cells(4);
    std::vector<std::atomic<int>> places(2 * kEach);
    std::vector<std::thread> putters;
    for (std::size_t t = 0; t < 2; ++t) {
      putters.emplace_back([&, t] {
        for (std::size_t i = t * kEach; i < (t + 1) * kEach; ++i) {
          PutResult result = PutResult::full;
          while ((result = cells.put(i + 1)) == PutResult::full) std::this_thread::yield();
          if (result == PutResult::closed) ++places[i];
        }
      });
    }
    const auto take = [&](Cells::Word word) { ++places[word - 1]; };
    for (std::size_t count = 0; count < static_cast<std::size_t>(round) * kLater % (2 * kEach);) {
      const std::size_t got = cells.take(3, take);
      if (got == 0) std::this_thread::yield();
      count += got;
    }
    cells.close(take);
    for (std::thread& putter : putters) putter.join();
    for (const std::atomic<int>& place : places) ASSERT_EQ(place, 1);
  }
}

}  // namespace
}  // namespace tarn::recycler
