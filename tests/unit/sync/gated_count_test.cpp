// SPDX-License-Identifier: Apache-2.0
// Tests of the gated count; tests/model/gated_count_model.cpp explores its interleavings.
#include "tarn/detail/sync/gated_count.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>

namespace tarn::sync {
namespace {

static_assert(sizeof(GatedCount) == 24, "one lies in the owner's line of every region cache");

bool take(GatedCount& count) {
  bool allowed = false;
  const auto word = count.enter_to_take(allowed);
  if (allowed) static_cast<void>(count.leave_with_one_less(word));
  return allowed;
}

bool put(GatedCount& count) {
  bool allowed = false;
  const auto word = count.enter_to_put(allowed);
  if (allowed) count.leave_with_one_more(word);
  return allowed;
}

TEST(GatedCount, BeginsEmptyAndFull) {
  GatedCount count;
  EXPECT_EQ(count.count(), 0U);
  EXPECT_EQ(count.limit(), 0U);
  EXPECT_EQ(count.countdown(), 1U);
  EXPECT_FALSE(take(count));
  EXPECT_FALSE(put(count));
  EXPECT_FALSE(count.is_inside()) << "a refused owner is outside";
}

TEST(GatedCount, CountsPutsUpToTheLimitAndTakesDownToNone) {
  GatedCount count;
  count.set_limit(2);
  EXPECT_TRUE(put(count));
  EXPECT_TRUE(put(count));
  EXPECT_FALSE(put(count));
  EXPECT_EQ(count.count(), 2U);
  count.set_countdown(10);
  EXPECT_TRUE(take(count));
  EXPECT_TRUE(take(count));
  EXPECT_FALSE(take(count));
  EXPECT_EQ(count.count(), 0U);
  EXPECT_EQ(count.countdown(), 8U) << "a refused take does not count";
}

TEST(GatedCount, IsInsideBetweenEnteringAndLeaving) {
  GatedCount count;
  count.set_limit(1);
  bool allowed = false;
  const auto word = count.enter_to_put(allowed);
  ASSERT_TRUE(allowed);
  EXPECT_TRUE(count.is_inside());
  count.leave_with_one_more(word);
  EXPECT_FALSE(count.is_inside());
}

TEST(GatedCount, TellsTheLastTakeOfItsCountdown) {
  GatedCount count;
  count.set_limit(8);
  count.set_count(8);
  count.set_countdown(3);
  for (const bool last : {false, false, true}) {
    bool allowed = false;
    const auto word = count.enter_to_take(allowed);
    ASSERT_TRUE(allowed);
    EXPECT_EQ(count.leave_with_one_less(word), last);
  }
  count.set_countdown(GatedCount::kMostCountdown);
  EXPECT_EQ(count.countdown(), GatedCount::kMostCountdown);
  EXPECT_EQ(count.count(), 5U) << "the longest countdown leaves the count alone";
}

TEST(GatedCount, ARevokedOwnerNeitherPutsNorTakes) {
  GatedCount count;
  count.set_limit(8);
  count.set_count(4);
  count.revoke();
  EXPECT_FALSE(put(count));
  EXPECT_FALSE(take(count));
  EXPECT_EQ(count.count(), 4U);
  EXPECT_EQ(count.limit(), 8U) << "the limit is that of after restore()";
  count.restore();
  EXPECT_TRUE(put(count));
  EXPECT_TRUE(take(count));
}

TEST(GatedCount, WhatIsChangedBehindTheOwnersBackHoldsAfterRestore) {
  GatedCount count;
  count.set_limit(8);
  count.set_count(5);
  count.set_countdown(100);
  count.revoke();
  count.set_count(1);
  count.set_limit(2);
  EXPECT_EQ(count.count(), 1U);
  EXPECT_EQ(count.limit(), 2U);
  count.restore();
  EXPECT_EQ(count.count(), 1U);
  EXPECT_TRUE(put(count));
  EXPECT_FALSE(put(count));
  EXPECT_TRUE(take(count));
  EXPECT_TRUE(take(count));
  EXPECT_FALSE(take(count));
  EXPECT_EQ(count.countdown(), 98U);
}

#ifndef NDEBUG
TEST(GatedCountDeathTest, RefusesAnImpossibleCountdown) {
  GatedCount count;
  EXPECT_DEATH(count.set_countdown(0), "takes");
  EXPECT_DEATH(count.set_countdown(GatedCount::kMostCountdown + 1), "takes");
}
#endif

/// The trivial model, three numbers and a flag, beside the subject. Replay with
/// --gtest_random_seed.
class Model {
 public:
  explicit Model(unsigned seed) : random_(seed) {}

  void step() {
    switch (below(7)) {
      case 0:
        try_put();
        break;
      case 1:
      case 2:
        try_take();
        break;
      case 3:
        count_ = below(6);
        subject_.set_count(count_);
        break;
      case 4:
        // Up to the largest that there is.
        limit_ = below(6) + (below(2) == 0 ? 0xFFFFFFF0U : 0U);
        subject_.set_limit(limit_);
        break;
      default:
        revoked_ ? subject_.restore() : subject_.revoke();
        revoked_ = !revoked_;
    }
  }
  void check() const {
    ASSERT_EQ(subject_.count(), count_);
    ASSERT_EQ(subject_.limit(), limit_);
    ASSERT_EQ(subject_.countdown(), countdown_);
    ASSERT_FALSE(subject_.is_inside());
  }

 private:
  void try_put() {
    const bool expected = !revoked_ && count_ < limit_;
    ASSERT_EQ(put(subject_), expected);
    if (expected) ++count_;
  }
  void try_take() {
    const bool expected = !revoked_ && count_ > 0;
    ASSERT_EQ(take(subject_), expected);
    if (!expected) return;
    --count_;
    if (--countdown_ != 0) return;
    countdown_ = 1 + below(GatedCount::kMostCountdown);
    subject_.set_countdown(countdown_);
  }

  [[nodiscard]] std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>(random_() % bound);
  }

  std::mt19937 random_;
  GatedCount subject_;
  std::uint32_t count_ = 0;
  std::uint32_t limit_ = 0;
  std::uint32_t countdown_ = 1;
  bool revoked_ = false;
};

TEST(GatedCount, IsACountALimitAndACountdown) {
  const auto base = static_cast<unsigned>(testing::UnitTest::GetInstance()->random_seed());
  for (unsigned seed = base; seed < base + 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "--gtest_random_seed=" << seed);
    Model model(seed);
    for (int step = 0; step < 200; ++step) {
      ASSERT_NO_FATAL_FAILURE(model.step()) << "step " << step;
      ASSERT_NO_FATAL_FAILURE(model.check()) << "step " << step;
    }
  }
}

// An owner that only takes, of what others put in, goes as far from 0 as it likes.
TEST(GatedCount, ABalanceFarFromTheCountIsCarriedByTheBounds) {
  GatedCount count;
  constexpr std::uint32_t kMany = 50'000;
  count.set_limit(kMany);
  count.set_countdown(1);
  for (int round = 0; round < 3; ++round) {
    count.revoke();
    count.set_count(kMany);
    count.restore();
    for (std::uint32_t i = 0; i < kMany; ++i) {
      bool allowed = false;
      const auto word = count.enter_to_take(allowed);
      ASSERT_TRUE(allowed);
      if (count.leave_with_one_less(word)) count.set_countdown(GatedCount::kMostCountdown);
    }
    EXPECT_FALSE(take(count));
    EXPECT_EQ(count.count(), 0U);
    EXPECT_EQ(count.limit(), kMany);
  }
  count.set_count(7);  // the owner's own change
  EXPECT_EQ(count.count(), 7U);
  EXPECT_EQ(count.limit(), kMany);
  EXPECT_TRUE(take(count));
}

}  // namespace
}  // namespace tarn::sync
