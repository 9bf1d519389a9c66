// SPDX-License-Identifier: Apache-2.0
// When a thread may keep more, and when less.
#include "tarn/detail/pool/stock_bound.hpp"

#include <gtest/gtest.h>

#include "tarn/detail/base/units.hpp"

namespace tarn::pool {
namespace {

using base::kKiB;
using base::kMiB;

constexpr std::uint32_t kWindow = StockBound::kWindow;

/// A bound of a thread whose allocations are counted down from far up.
class Counted {
 public:
  explicit Counted(std::uint64_t most = 8 * kMiB) { bound_.start(most, countdown_); }

  /// A window: `no_room` of its steps are regions without room, the others refills.
  void window(std::uint32_t allocations, std::uint32_t no_room, std::uint64_t in_use = 0) {
    for (std::uint32_t i = no_room; i < kWindow; ++i) bound_.note_refill();
    bound_.note_no_room(no_room);
    EXPECT_TRUE(bound_.is_window_over());
    countdown_ -= allocations;
    bound_.end_window(countdown_, in_use);
    EXPECT_FALSE(bound_.is_window_over());
  }
  void windows(int count, std::uint32_t allocations) {
    for (int i = 0; i < count; ++i) window(allocations, kWindow / 2);
  }

  StockBound* operator->() { return &bound_; }

 private:
  StockBound bound_;
  std::uint32_t countdown_ = 1000;  // wraps in every test
};

TEST(StockBound, BeginsSmall) {
  Counted bound;
  EXPECT_EQ(bound->bytes(), 512 * kKiB);
  EXPECT_EQ(bound->most(), 8 * kMiB);
  EXPECT_EQ(
      Counted { 100 * kKiB } -> bytes(), 100 * kKiB)
      << "no more than the option says";
  EXPECT_EQ(
      Counted { 0 } -> bytes(), 0U);
}

TEST(StockBound, AWindowIsOverAfterSoManySlowSteps) {
  Counted bound;
  for (std::uint32_t i = 0; i < kWindow / 2; ++i) bound->note_refill();
  bound->note_no_room(kWindow / 2 - 1);
  EXPECT_FALSE(bound->is_window_over());
  bound->note_refill();
  EXPECT_TRUE(bound->is_window_over());
  bound->start_window(5);
  EXPECT_FALSE(bound->is_window_over());
}

// A thread that holds much may keep more at once.
TEST(StockBound, DoublesWithinAQuarterOfWhatIsInUseWhileItThrashes) {
  Counted bound;
  bound.window(4 * kWindow - 1, kWindow / 2, 8 * kMiB);
  EXPECT_EQ(bound->bytes(), kMiB);
  bound.window(4 * kWindow - 1, kWindow / 2, 6 * kMiB);
  EXPECT_EQ(bound->bytes(), 1536 * kKiB);
  bound.window(4 * kWindow - 1, kWindow / 2, kMiB);
  EXPECT_EQ(bound->bytes(), 1536 * kKiB) << "never less for it";
  bound.window(4 * kWindow, kWindow / 2, 100 * kMiB);
  EXPECT_EQ(bound->bytes(), 1536 * kKiB) << "does not thrash";
  bound.window(100, kWindow / 4 - 1, 100 * kMiB);
  EXPECT_EQ(bound->bytes(), 1536 * kKiB) << "it is refills that it lacks, not room";
  for (int i = 0; i < 10; ++i) bound.window(100, kWindow / 4, 1000 * kMiB);
  EXPECT_EQ(bound->bytes(), 8 * kMiB) << "the option's bound";
}

TEST(StockBound, DoublesWhenItsWindowsHaveStrainedItLongEnough) {
  struct Load {
    std::uint32_t allocations_a_step;
    int windows;
  };
  for (const Load load : {Load{1, 8}, Load{2, 64}, Load{3, 64}, Load{4, 512}, Load{63, 512}}) {
    Counted bound;
    bound.windows(load.windows - 1, load.allocations_a_step * kWindow);
    EXPECT_EQ(bound->bytes(), 512 * kKiB) << load.allocations_a_step;
    bound.windows(1, load.allocations_a_step * kWindow);
    EXPECT_EQ(bound->bytes(), kMiB) << load.allocations_a_step;
    bound.windows(load.windows - 1, load.allocations_a_step * kWindow);
    EXPECT_EQ(bound->bytes(), kMiB) << "the strain begins anew";
  }
  Counted seldom;
  seldom.windows(10000, 64 * kWindow);
  EXPECT_EQ(seldom->bytes(), 512 * kKiB) << "a slow step in 64 is no strain";
}

TEST(StockBound, KeepsOneRegionWhenTheLoadIsMadeOfSuch) {
  Counted bound;
  for (std::uint32_t i = 1; i < kWindow / 4; ++i) bound->note_passed_by(kMiB);
  bound.window(kWindow, kWindow / 2);
  EXPECT_EQ(bound->bytes(), 512 * kKiB) << "too few of them";
  for (std::uint32_t i = 1; i < kWindow / 4; ++i) bound->note_passed_by(kMiB);
  bound->note_passed_by(3 * kMiB);
  bound->note_passed_by(512 * kKiB);  // not larger than the bound
  bound.window(kWindow, kWindow / 2);
  EXPECT_EQ(bound->bytes(), 3 * kMiB);
  for (std::uint32_t i = 0; i < kWindow; ++i) bound->note_passed_by(16 * kMiB);
  bound.window(kWindow, kWindow / 2);
  EXPECT_EQ(bound->bytes(), 8 * kMiB) << "the option's bound";
}

TEST(StockBound, HalvesWhenThreeQuartersOfItAreNotGranted) {
  Counted bound;
  bound.window(100, kWindow, 16 * kMiB);
  bound.window(100, kWindow, 16 * kMiB);
  ASSERT_EQ(bound->bytes(), 2 * kMiB);
  bound->narrow(512 * kKiB);
  EXPECT_EQ(bound->bytes(), 2 * kMiB);
  bound->narrow(512 * kKiB - 1);
  EXPECT_EQ(bound->bytes(), kMiB);
  bound->narrow(0);
  bound->narrow(0);
  EXPECT_EQ(bound->bytes(), 512 * kKiB) << "not below what it began with";
}

TEST(StockBound, AThreadThatTakesItOverBeginsAnew) {
  Counted bound;
  bound.windows(7, kWindow);
  bound.window(100, kWindow, 16 * kMiB);
  bound->start(4 * kMiB, 7);
  EXPECT_EQ(bound->bytes(), 512 * kKiB);
  EXPECT_EQ(bound->most(), 4 * kMiB);
  EXPECT_FALSE(bound->is_window_over());
  bound.windows(7, kWindow);
  EXPECT_EQ(bound->bytes(), 512 * kKiB) << "the strain is the former thread's";
}

}  // namespace
}  // namespace tarn::pool
