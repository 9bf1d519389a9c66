// SPDX-License-Identifier: Apache-2.0
// Tests of LocalPool through a recycler: batch, queue, bounds. Layer: recycler.
#include "tarn/detail/recycler/local_pool.hpp"

#include "unit/recycler/support.hpp"

namespace tarn::recycler::test {
namespace {

RecyclerOptions all_pooled(std::size_t capacity, std::size_t chunk) {
  RecyclerOptions options;
  options.ratio = 0;
  options.max_capacity_per_thread = capacity;
  options.chunk_size = chunk;
  return options;
}

TEST(LocalPool, IsSmallWhileUnused) { EXPECT_LE(sizeof(LocalPool), LocalPool::kUnusedBytes); }

// S4-4, S4-37, S4-40: the bound is the capacity and a batch; below the capacity nothing is dropped.
TEST(LocalPool, KeepsAtMostItsCapacityAndABatch) {
  for (const std::size_t capacity : {4U, 10U, 100U}) {
    Fixture f(all_pooled(capacity, 4));
    Fixture::recycle(f.get(3 * capacity));
    EXPECT_GE(f->thread_local_size(), capacity);
    EXPECT_LE(f->thread_local_size(), capacity + f->options().chunk_size);
    const RecyclerStats stats = f->stats();
    EXPECT_EQ(stats.dropped_full, 3 * capacity - f->thread_local_size());
  }
}

// S4-25: what others have returned comes when the batch is empty.
TEST(LocalPool, TakesOverWhatOthersHaveReturned) {
  Fixture f(all_pooled(32, 4));
  const std::vector<Object*> objects = f.get(12);
  in_thread([&] {
    for (std::size_t i = 4; i < objects.size(); ++i) objects[i]->recycle();
  });
  for (std::size_t i = 0; i < 4; ++i) objects[i]->recycle();
  EXPECT_EQ(f->thread_local_size(), 12U);
  const std::vector<Object*> again = f.get(12);
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_EQ(again[i], objects[3 - i]) << "own ones, newest first";
  EXPECT_EQ(f.made(), 12);
  Fixture::recycle(again);
}

// Other threads never find room that is not there.
TEST(LocalPool, RefusesWhatOthersReturnBeyondItsCapacity) {
  Fixture f(all_pooled(8, 2));
  const std::vector<Object*> objects = f.get(64);
  in_thread([&] { Fixture::recycle(objects); });
  EXPECT_EQ(f->thread_local_size(), 8U);
  EXPECT_EQ(f->stats().dropped_full, 56U);
}

}  // namespace
}  // namespace tarn::recycler::test
