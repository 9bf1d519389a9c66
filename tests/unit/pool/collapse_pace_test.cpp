// SPDX-License-Identifier: Apache-2.0
// When a pool may put one more huge page.
#include "pool/collapse_pace.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>

namespace tarn::pool {
namespace {

/// Some time in the life of a system.
constexpr std::uint64_t kNow = 3'600'000;

/// How many of `took_us` microseconds each are let through at one moment.
unsigned let_through(CollapsePace& pace, std::uint64_t now_ms, std::uint64_t took_us) {
  unsigned count = 0;
  while (count < 1000 && pace.try_start(now_ms)) {
    pace.finish(now_ms, took_us);
    ++count;
  }
  return count;
}

/// How many milliseconds later the next one is let through; none: not within `most`.
std::optional<std::uint64_t> next_one(CollapsePace& pace, std::uint64_t now_ms,
                                      std::uint64_t most) {
  for (std::uint64_t wait = 0; wait <= most; ++wait) {
    if (!pace.try_start(now_ms + wait)) continue;
    pace.finish(now_ms + wait, 0);
    return wait;
  }
  return std::nullopt;
}

TEST(CollapsePace, ABurstIsLetThroughAtOnce) {
  CollapsePace pace;
  EXPECT_EQ(let_through(pace, kNow, 200), 8000U / 200 + 1) << "the last one goes beyond";
  EXPECT_EQ(next_one(pace, kNow, 1000), 200U * 50 / 1000) << "when the time of one is paid for";
}

TEST(CollapsePace, AfterThatAFiftiethOfTheTimeGoesThere) {
  CollapsePace pace;
  let_through(pace, kNow, 200);
  std::uint64_t spent_us = 0;
  for (std::uint64_t now = kNow + 1; now <= kNow + 10'000; ++now) {
    if (!pace.try_start(now)) continue;
    pace.finish(now, 300);
    spent_us += 300;
  }
  EXPECT_NEAR(static_cast<double>(spent_us), 10'000'000.0 / 50, 300);
}

TEST(CollapsePace, ARestAllowsNoMoreThanABurst) {
  CollapsePace pace;
  let_through(pace, kNow, 200);
  EXPECT_EQ(let_through(pace, kNow + 1'000'000, 400), 8000U / 400 + 1);
}

TEST(CollapsePace, AfterASlowOneThereIsALongRest) {
  CollapsePace pace;
  ASSERT_TRUE(pace.try_start(kNow));
  pace.finish(kNow, 5000);
  EXPECT_EQ(next_one(pace, kNow, 10'000), 5000U - 8 * 50) << "a thousand times 5 ms, less a burst";

  CollapsePace quick;
  ASSERT_TRUE(quick.try_start(kNow));
  quick.finish(kNow, 999);
  EXPECT_EQ(next_one(quick, kNow, 0), 0U) << "what is not slow has no such rest";
}

TEST(CollapsePace, AProcessThatWasStoppedGoesOnSoon) {
  CollapsePace pace;
  ASSERT_TRUE(pace.try_start(kNow));
  pace.finish(kNow, 60'000'000);
  EXPECT_EQ(next_one(pace, kNow, 30'000), 20'000U - 8 * 50);
}

TEST(CollapsePace, ThreadsTogetherSpendNoMoreThanOne) {
  for (int round = 0; round < 2000; ++round) {
    CollapsePace pace;
    std::atomic<unsigned> inside{0};
    std::atomic<unsigned> count{0};
    std::atomic<unsigned> ready{0};
    const auto work = [&] {
      ++ready;
      while (ready != 2) std::this_thread::yield();
      for (int attempt = 0; attempt < 100; ++attempt) {
        if (!pace.try_start(kNow)) continue;
        EXPECT_EQ(inside.fetch_add(1), 0U);
        ++count;
        inside.fetch_sub(1);
        pace.finish(kNow, 900);
      }
    };
    std::thread other(work);
    work();
    other.join();
    // One that has not had its turn may have met the other's each time.
    ASSERT_EQ(count + let_through(pace, kNow, 900), 8000U / 900 + 1);
  }
}

TEST(CollapsePace, OneAtATimeHasTheTurn) {
  CollapsePace pace;
  ASSERT_TRUE(pace.try_start(kNow));
  EXPECT_FALSE(pace.try_start(kNow));
  EXPECT_FALSE(pace.try_start(kNow + 1'000'000));
  pace.finish(kNow, 100);
  EXPECT_TRUE(pace.try_start(kNow));
}

}  // namespace
}  // namespace tarn::pool
