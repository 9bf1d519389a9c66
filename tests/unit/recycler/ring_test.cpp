// SPDX-License-Identifier: Apache-2.0
// Tests of Ring. Layer: recycler.
#include "recycler/ring.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tarn/detail/sync/owner_gate.hpp"

namespace tarn::recycler {
namespace {

using Ring = BasicRing<sync::YieldingPause>;

TEST(Ring, HasAnExactBound) {
  Ring ring(5);
  int objects[6] = {};
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ring.put(&objects[i]), PutResult::stored);
  EXPECT_EQ(ring.put(&objects[5]), PutResult::full);
  EXPECT_EQ(ring.size(), 5U);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ring.take(), &objects[i]);
  EXPECT_EQ(ring.take(), nullptr);
}

TEST(Ring, TakesNothingInOnceClosed) {
  Ring ring(4);
  int object = 0;
  ASSERT_EQ(ring.put(&object), PutResult::stored);
  ring.close();
  EXPECT_EQ(ring.put(&object), PutResult::closed);
  EXPECT_EQ(ring.take(), &object);
}

// Goal: every object put is taken exactly once. Method: two threads put, two take, through 4 cells.
TEST(Ring, HandsEachObjectToOneTaker) {
  constexpr std::size_t kEach = 3000;
  Ring ring(4);
  std::vector<std::atomic<int>> taken(2 * kEach);
  std::atomic<std::size_t> left{2 * kEach};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < kEach; ++i) {
        while (ring.put(&taken[t * kEach + i]) != PutResult::stored) std::this_thread::yield();
      }
    });
    threads.emplace_back([&] {
      while (left != 0) {
        if (void* const object = ring.take()) {
          ++*static_cast<std::atomic<int>*>(object);
          --left;
        } else {
          std::this_thread::yield();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::atomic<int>& times : taken) ASSERT_EQ(times, 1);
}

}  // namespace
}  // namespace tarn::recycler
