// SPDX-License-Identifier: Apache-2.0
// Tests of RecyclerStats. Layer: recycler.
#include "tarn/detail/recycler/stats.hpp"

#include "unit/recycler/support.hpp"

namespace tarn::recycler::test {
namespace {

TEST(RecyclerStats, BeginsWithNothing) {
  const RecyclerStats stats;
  EXPECT_EQ(stats.created + stats.reused + stats.destroyed + stats.pooled, 0U);
  EXPECT_EQ(stats.dropped_full + stats.dropped_closed + stats.dropped_noop, 0U);
  EXPECT_EQ(stats.returned_by_others, 0U);
}

// S4-23, S4-26: pooled, new with a handle, new without one; the three sum to the gets.
TEST(RecyclerStats, CountsEveryGetOnce) {
  Fixture f;
  Fixture::recycle(f.get(16));  // two of sixteen are pooled
  Fixture::recycle(f.get(2));
  const RecyclerStats stats = f->stats();
  EXPECT_EQ(stats.created, 16U);
  EXPECT_EQ(stats.reused, 2U);
  EXPECT_EQ(stats.dropped_noop, 14U);
  EXPECT_EQ(stats.pooled, 2U);
}

}  // namespace
}  // namespace tarn::recycler::test
