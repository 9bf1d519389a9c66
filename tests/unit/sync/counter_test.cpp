// SPDX-License-Identifier: Apache-2.0
// Tests of the counters.
#include "tarn/detail/sync/counter.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace tarn::sync {
namespace {

TEST(Counter, AddsSubtractsAndIsSet) {
  Counter counter;
  EXPECT_EQ(counter.load(), 0U);
  counter.add(5);
  counter.subtract(2);
  EXPECT_EQ(counter.load(), 3U);
  counter.set(1);
  EXPECT_EQ(counter.load(), 1U);
  EXPECT_EQ(Counter(9).load(), 9U);
}

// A reader sees only values that the writer stored, in order, while the writer counts on.
TEST(Counter, IsReadByOthersWhileItsWriterCounts) {
  constexpr std::uint64_t kCount = 20'000;
  Counter counter;
  std::thread writer([&] {
    for (std::uint64_t i = 0; i < kCount; ++i) counter.add(1);
  });
  std::uint64_t last = 0;
  while (last < kCount) {
    const std::uint64_t now = counter.load();
    ASSERT_GE(now, last);
    ASSERT_LE(now, kCount);
    last = now;
    std::this_thread::yield();
  }
  writer.join();
}

TEST(SharedCounter, LosesNothingUnderManyWriters) {
  constexpr int kThreads = 4;
  constexpr std::uint64_t kCount = 5'000;
  SharedCounter counter(10);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (std::uint64_t n = 0; n < kCount; ++n) {
        counter.add(3);
        counter.subtract(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.load(), 10 + 2 * kThreads * kCount);
}

TEST(SharedCounter, ReturnsTheValueBefore) {
  SharedCounter counter;
  EXPECT_EQ(counter.add(4), 0U);
  EXPECT_EQ(counter.subtract(1), 4U);
  EXPECT_EQ(counter.load(), 3U);
}

}  // namespace
}  // namespace tarn::sync
