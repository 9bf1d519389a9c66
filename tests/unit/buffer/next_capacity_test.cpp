// SPDX-License-Identifier: Apache-2.0
// Tests of how far buffers grow, with Netty's numbers.
#include "tarn/detail/buffer/next_capacity.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>
#include <string>

namespace tarn::detail {
namespace {

using base::kMiB;
constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

TEST(NextCapacity, DoublesFromSixtyFourToFourMebibytes) {
  EXPECT_EQ(next_capacity(0, kNoLimit), 64U);
  EXPECT_EQ(next_capacity(1, kNoLimit), 64U);
  EXPECT_EQ(next_capacity(64, kNoLimit), 64U);
  EXPECT_EQ(next_capacity(65, kNoLimit), 128U);
  EXPECT_EQ(next_capacity(4 * kMiB - 1, kNoLimit), 4 * kMiB);
  EXPECT_EQ(next_capacity(4 * kMiB, kNoLimit), 4 * kMiB);
}

TEST(NextCapacity, StepsAboveFourMebibytes) {
  EXPECT_EQ(next_capacity(4 * kMiB + 1, 16 * kMiB), 8 * kMiB);
  EXPECT_EQ(next_capacity(8 * kMiB, kNoLimit), 12 * kMiB) << "floor to a step, plus one step";
  EXPECT_EQ(next_capacity(9'000'000, kNoLimit), 12'582'912U);
}

// AbstractByteBufAllocatorTest.testCalculateNewCapacity
TEST(NextCapacity, NeverPassesTheMaximum) {
  EXPECT_EQ(next_capacity(1, 8), 8U);
  EXPECT_EQ(next_capacity(1, 7), 7U);
  EXPECT_EQ(next_capacity(1, 129), 64U);
  EXPECT_EQ(next_capacity(4 * kMiB, 4 * kMiB + 1), 4 * kMiB);
  EXPECT_EQ(next_capacity(4 * kMiB + 1, 4 * kMiB + 1), 4 * kMiB + 1);
  EXPECT_EQ(next_capacity(9 * kMiB, 10 * kMiB), 10 * kMiB);
  EXPECT_EQ(next_capacity(kNoLimit, kNoLimit), kNoLimit);
  EXPECT_EQ(next_capacity(kNoLimit - 1, kNoLimit), kNoLimit);
}

TEST(NextCapacity, RefusesMoreThanTheMaximum) {
  try {
    static_cast<void>(next_capacity(8, 7));
    FAIL();
  } catch (const std::invalid_argument& e) {
    EXPECT_NE(std::string(e.what()).find("8"), std::string::npos);
    EXPECT_NE(std::string(e.what()).find("7"), std::string::npos);
  }
}

TEST(NextCapacity, IsAConstantExpression) { static_assert(next_capacity(65, 1000) == 128); }

}  // namespace
}  // namespace tarn::detail
