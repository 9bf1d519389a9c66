// SPDX-License-Identifier: Apache-2.0
// Tests of BoundedReturns. Layer: recycler.
#include "recycler/bounded_returns.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include "tarn/detail/recycler/slot.hpp"
#include "tarn/detail/sync/return_queue.hpp"

namespace tarn::recycler {
namespace {

using Returns = BasicBoundedReturns<Slot, sync::NextMember<Slot>>;

TEST(BoundedReturns, ReservesNoMoreThanThereIsRoom) {
  Returns returns;
  EXPECT_EQ(returns.reserve(3, 5), 3U);
  EXPECT_EQ(returns.reserve(3, 5), 2U);
  EXPECT_EQ(returns.reserve(1, 5), 0U);
  EXPECT_EQ(returns.waiting(), 5U);
  returns.forget(4);
  EXPECT_EQ(returns.waiting(), 1U);
  EXPECT_EQ(returns.entered(), 5U);
}

// Goal: the bound holds at every moment and nothing is lost. Method: two threads put, the owner
// takes and forgets; what was stored is what was taken. Where there is room for all, the two never
// wait for the owner, so they meet all the time.
TEST(BoundedReturns, LosesNothingAndKeepsItsBoundAmongThreads) {
  constexpr std::size_t kEach = 200'000;
  for (const std::size_t bound : {std::size_t{4}, 2 * kEach}) {
    Returns returns;
    std::vector<Slot> slots(2 * kEach);
    std::latch start(3);
    std::atomic<std::size_t> stored{0};
    std::atomic<int> done{0};
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < 2; ++t) {
      threads.emplace_back([&, t] {
        start.arrive_and_wait();
        std::size_t mine = 0;
        for (std::size_t i = 0; i < kEach; ++i) {
          if (returns.put(&slots[t * kEach + i], bound) == PutResult::stored) ++mine;
        }
        stored += mine;
        ++done;
      });
    }
    std::size_t taken = 0;
    const auto take = [&] {
      std::size_t count = 0;
      for (const Slot* slot = returns.take_all(); slot != nullptr; slot = slot->next) ++count;
      EXPECT_LE(count, bound);
      taken += count;
      returns.forget(count);
    };
    start.arrive_and_wait();
    while (done != 2) take();
    for (std::thread& thread : threads) thread.join();
    take();
    EXPECT_EQ(taken, stored);
    EXPECT_EQ(returns.waiting(), 0U);
    if (bound == 2 * kEach) {
      EXPECT_EQ(stored, bound) << "refused below the bound";
    }
  }
}

}  // namespace
}  // namespace tarn::recycler
