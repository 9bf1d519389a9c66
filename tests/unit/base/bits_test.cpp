// SPDX-License-Identifier: Apache-2.0
// Bit arithmetic against loops that are too simple to be wrong.
#include "tarn/detail/base/bits.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace tarn::base {
namespace {

static_assert(align_up(0, 64) == 0 && align_up(1, 64) == 64 && align_up(64, 64) == 64);
static_assert(floor_log2(1) == 0 && ceil_log2(1) == 0);
static_assert(floor_log2(SIZE_MAX) == 63 && ceil_log2(SIZE_MAX) == 64);

TEST(Bits, LogarithmsRoundDownAndUp) {
  for (std::size_t n = 1; n <= 5000; ++n) {
    unsigned floor = 0;
    while ((std::size_t{2} << floor) <= n) ++floor;
    const unsigned ceil = (std::size_t{1} << floor) == n ? floor : floor + 1;
    ASSERT_EQ(floor_log2(n), floor) << n;
    ASSERT_EQ(ceil_log2(n), ceil) << n;
    ASSERT_EQ(is_power_of_two(n), floor == ceil) << n;
  }
  EXPECT_FALSE(is_power_of_two(0));
}

TEST(Bits, AlignmentRoundsToTheNearestMultiple) {
  for (std::size_t alignment = 1; alignment <= 256; alignment *= 2) {
    for (std::size_t n = 0; n <= 1000; ++n) {
      const std::size_t below = n - n % alignment;
      const std::size_t above = n % alignment == 0 ? n : below + alignment;
      ASSERT_EQ(align_down(n, alignment), below) << n << " to " << alignment;
      ASSERT_EQ(align_up(n, alignment), above) << n << " to " << alignment;
      ASSERT_EQ(is_aligned(n, alignment), n % alignment == 0) << n << " to " << alignment;
    }
  }
}

TEST(Bits, AlignmentKnowsWhatIsNotRepresentable) {
  EXPECT_TRUE(can_align_up(SIZE_MAX - 63, 64));
  EXPECT_EQ(align_up(SIZE_MAX - 63, 64), SIZE_MAX - 63);
  EXPECT_FALSE(can_align_up(SIZE_MAX - 62, 64));
  EXPECT_TRUE(can_align_up(SIZE_MAX, 1));
}

TEST(Bits, DivisionRoundsUpWithoutOverflow) {
  EXPECT_EQ(ceil_div(0, 7), 0U);
  EXPECT_EQ(ceil_div(1, 7), 1U);
  EXPECT_EQ(ceil_div(7, 7), 1U);
  EXPECT_EQ(ceil_div(8, 7), 2U);
  EXPECT_EQ(ceil_div(SIZE_MAX, 2), SIZE_MAX / 2 + 1);
}

#ifndef NDEBUG
TEST(BitsDeathTest, RefusesWhatHasNoAnswer) {
  EXPECT_DEATH(static_cast<void>(floor_log2(0)), "check failed: n > 0");
  EXPECT_DEATH(static_cast<void>(align_up(1, 48)), "is_power_of_two");
  EXPECT_DEATH(static_cast<void>(align_up(SIZE_MAX, 64)), "check failed");
}
#endif

}  // namespace
}  // namespace tarn::base
