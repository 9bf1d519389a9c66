// SPDX-License-Identifier: Apache-2.0
// Tests of a window's size and its right to be written, in one word.
#include "tarn/detail/buffer/extent.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>

namespace tarn::detail {
namespace {

constexpr std::array<std::size_t, 6> kCorners = {0, 1, 2, 4096, Extent::kMost - 1, Extent::kMost};

TEST(Extent, KeepsBytesAndPermissionApart) {
  for (const std::size_t bytes : kCorners) {
    Extent extent(bytes);
    EXPECT_EQ(extent.bytes(), bytes);
    EXPECT_FALSE(extent.is_read_only());
    EXPECT_FALSE(extent.resized(7).is_read_only());
    extent.make_read_only();
    EXPECT_EQ(extent.bytes(), bytes);
    EXPECT_TRUE(extent.is_read_only());
    for (const std::size_t other : kCorners) {
      extent = extent.resized(other);
      EXPECT_EQ(extent.bytes(), other);
      EXPECT_TRUE(extent.is_read_only());
    }
  }
  EXPECT_EQ(Extent().bytes(), 0U);
  EXPECT_FALSE(Extent().is_read_only());
}

TEST(Extent, IsWritableUpToItsEndUnlessReadOnly) {
  for (const std::size_t bytes : kCorners) {
    Extent extent(bytes);
    for (const std::size_t end : kCorners) {
      EXPECT_EQ(extent.is_writable_to(end), end <= bytes) << end << " of " << bytes;
    }
    extent.make_read_only();
    for (const std::size_t end : kCorners) {
      EXPECT_FALSE(extent.is_writable_to(end)) << end << " of " << bytes;
    }
  }
}

}  // namespace
}  // namespace tarn::detail
