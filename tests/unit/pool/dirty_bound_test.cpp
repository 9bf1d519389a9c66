// SPDX-License-Identifier: Apache-2.0
// Tests of DirtyBound. Layer: pool.
#include "pool/dirty_bound.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "tarn/detail/base/units.hpp"

namespace tarn::pool {
namespace {

using base::kGiB;
using base::kKiB;
using base::kMiB;

constexpr std::uint64_t kStart = 1000;  // milliseconds; any

/// A bound under which `most` bytes were in use once.
[[nodiscard]] DirtyBound after(std::uint64_t most) {
  DirtyBound bound(kStart);
  bound.note_held(most);
  return bound;
}

TEST(DirtyBound, IsDueAboveTheShareAndAQuarterOfItGivenBack) {
  DirtyBound bound(kStart);
  bound.note_given(DirtyBound::kBytes / 4);
  EXPECT_FALSE(bound.is_due(0, DirtyBound::kBytes));
  EXPECT_TRUE(bound.is_due(0, DirtyBound::kBytes + 1));
  EXPECT_FALSE(bound.is_due(kGiB, kGiB / 16)) << "a sixteenth of what is in use";
  EXPECT_FALSE(bound.is_due(kGiB, kGiB / 16 + 1)) << "a quarter of that was not given back";
  bound.note_given(kGiB / 64);
  EXPECT_TRUE(bound.is_due(kGiB, kGiB / 16 + 1));
  static_cast<void>(bound.look(kGiB, kGiB / 16 + 1, kStart));
  EXPECT_FALSE(bound.is_due(kGiB, kGiB / 16 + 1)) << "looked just now";
}

TEST(DirtyBound, IsOverdueWhenNobodyHasLookedForLong) {
  DirtyBound bound(kStart);
  constexpr std::uint64_t kLate = kStart + DirtyBound::kOverdueMs;
  EXPECT_FALSE(bound.is_overdue(0, DirtyBound::kBytes + 1, kLate - 1));
  EXPECT_TRUE(bound.is_overdue(0, DirtyBound::kBytes + 1, kLate))
      << "though nothing was given back";
  EXPECT_FALSE(bound.is_overdue(0, DirtyBound::kBytes, kLate));
  EXPECT_FALSE(bound.is_overdue(kGiB, kGiB / 16, kLate)) << "a sixteenth of what is in use";
  static_cast<void>(bound.look(0, kMiB, kLate));
  EXPECT_FALSE(bound.is_overdue(0, kMiB, kLate + DirtyBound::kOverdueMs - 1));
  EXPECT_TRUE(bound.is_overdue(0, kMiB, kLate + DirtyBound::kOverdueMs));
}

TEST(DirtyBound, KeepsWhatWithTheUsedIsBelowMostOfTheMost) {
  DirtyBound bound = after(8 * kMiB);
  EXPECT_EQ(bound.look(4 * kMiB, 2 * kMiB, kStart).bytes, 0U);
  EXPECT_EQ(bound.look(4 * kMiB, 3 * kMiB, kStart).bytes, kMiB);
}

TEST(DirtyBound, ASmallPoolKeepsAllThatWasInUseLately) {
  DirtyBound bound = after(2 * kMiB);
  EXPECT_EQ(bound.look(0, 2 * kMiB, kStart).bytes, 0U);
  EXPECT_EQ(bound.look(0, 2 * kMiB + 128 * kKiB, kStart).bytes, 128 * kKiB);
  EXPECT_EQ(bound.look(0, 2 * kMiB, kStart + DirtyBound::kDecayMs).bytes, kMiB) << "it fades";
  DirtyBound larger = after(2 * kMiB + kMiB / 2);
  EXPECT_EQ(larger.look(0, 2 * kMiB + kMiB / 4, kStart).bytes, kMiB / 4);
  DirtyBound large = after(4 * kMiB);
  EXPECT_EQ(large.look(0, 4 * kMiB, kStart).bytes, kMiB) << "three quarters of it are more";
}

TEST(DirtyBound, NeverAsksForMoreThanTheExcessAboveTheShare) {
  DirtyBound bound = after(4 * kMiB);
  EXPECT_EQ(bound.look(4 * kMiB, kMiB, kStart).bytes, kMiB / 2);
  DirtyBound other = after(kMiB);
  EXPECT_EQ(other.look(kMiB, kMiB, kStart).bytes, kMiB - DirtyBound::kBytes);
}

TEST(DirtyBound, TheShareIsLargerWhileLittleIsInUse) {
  // What may stay of free pages, with so much in use.
  const std::vector<std::pair<std::uint64_t, std::uint64_t>> expected{
      {0, DirtyBound::kBytes}, {2 * kMiB, DirtyBound::kBytes}, {3 * kMiB, 384 * kKiB},
      {4 * kMiB, 512 * kKiB},  {8 * kMiB, 512 * kKiB},         {9 * kMiB, 576 * kKiB},
      {16 * kMiB, kMiB}};
  for (const auto& [held, stays] : expected) {
    DirtyBound bound(kStart);
    EXPECT_EQ(bound.look(held, stays + kMiB, kStart).bytes, kMiB) << held;
    EXPECT_EQ(bound.look(held, stays, kStart).bytes, 0U) << held;
  }
}

TEST(DirtyBound, TheMostFadesByHalfInEachPeriod) {
  DirtyBound bound = after(8 * kMiB);
  // (8 + 4) / 2 = 6 MiB are the most now, of which 4.5 may be resident.
  EXPECT_EQ(bound.look(4 * kMiB, kMiB, kStart + DirtyBound::kDecayMs).bytes, kMiB / 2);
}

TEST(DirtyBound, SpendsNoMoreThanItsBudget) {
  DirtyBound bound(kStart);
  std::uint64_t now = kStart;
  std::uint64_t gone = 0;
  const auto look = [&] {
    const std::uint64_t bytes = bound.look(0, kGiB, now).bytes;
    bound.spend(bytes);
    return bytes;
  };
  for (int i = 0; i < 100; ++i) gone += look();
  EXPECT_EQ(gone, DirtyBound::kBurst) << "at once";
  for (int i = 0; i < 100; ++i) {
    ++now;
    gone += look();
    EXPECT_EQ(look(), 0U);
  }
  EXPECT_EQ(gone, DirtyBound::kBurst + 100 * DirtyBound::kBytesPerMs) << "by and by";
  now += 1000 * DirtyBound::kBurst / DirtyBound::kBytesPerMs;
  EXPECT_EQ(look(), DirtyBound::kBurst) << "after a long rest no more than a burst";
}

// What a look lets go is spent only when it goes: pages that have just become free stay at first.
TEST(DirtyBound, WhatStaysIsNotSpent) {
  DirtyBound bound(kStart);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(bound.look(0, kGiB, kStart).bytes, DirtyBound::kBurst);
  }
  bound.spend(kMiB);
  EXPECT_EQ(bound.look(0, kGiB, kStart).bytes, DirtyBound::kBurst - kMiB);
}

TEST(DirtyBound, LeavesWhatIsNotWorthTheTrouble) {
  DirtyBound bound(kStart);
  EXPECT_EQ(bound.look(0, DirtyBound::kBytes + DirtyBound::kLeast - 1, kStart).bytes, 0U);
  EXPECT_EQ(bound.look(0, DirtyBound::kBytes + DirtyBound::kLeast, kStart).bytes,
            DirtyBound::kLeast);
  // An eighth of a share of 4 MiB.
  EXPECT_EQ(bound.look(64 * kMiB, 4 * kMiB + kMiB / 2 - 1, kStart).bytes, 0U);
  EXPECT_EQ(bound.look(64 * kMiB, 4 * kMiB + kMiB / 2, kStart).bytes, kMiB / 2);
}

TEST(DirtyBound, LetsShortRangesGoAtOneLookInAPeriod) {
  DirtyBound bound(kStart);
  std::uint64_t now = kStart + DirtyBound::kShortRangesMs - 1;
  EXPECT_EQ(bound.look(0, kMiB, now).least_range, DirtyBound::kLeastRange);
  now += 1;
  EXPECT_EQ(bound.look(0, DirtyBound::kBytes, now).bytes, 0U) << "nothing has to go, so it waits";
  EXPECT_EQ(bound.look(0, kMiB, now).least_range, 0U);
  EXPECT_EQ(bound.look(0, kMiB, now).least_range, DirtyBound::kLeastRange);
  now += DirtyBound::kShortRangesMs;
  EXPECT_EQ(bound.look(0, kMiB, now).least_range, 0U);
}

TEST(DirtyBound, LetsPagesGoHoweverMuchIsInUse) {
  DirtyBound bound(kStart);
  const std::uint64_t share = 1024 * kGiB / 16;
  EXPECT_EQ(bound.look(1024 * kGiB, share + kMiB, kStart).bytes, kMiB);
  EXPECT_EQ(bound.look(1024 * kGiB, 2 * share, kStart).bytes, DirtyBound::kBurst);
}

}  // namespace
}  // namespace tarn::pool
