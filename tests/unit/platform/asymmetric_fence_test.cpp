// SPDX-License-Identifier: Apache-2.0
// The one promise of the fence: of two threads at least one sees the other.
#include "tarn/detail/platform/asymmetric_fence.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace tarn::platform {
namespace {

/// Spins, and lets others run when it takes long: the machine may be busy.
void wait_until_at_least(const std::atomic<int>& cell, int value) {
  for (int spins = 1; cell.load(std::memory_order_acquire) < value; ++spins) {
    if (spins % 4096 == 0) std::this_thread::yield();
  }
}

TEST(AsymmetricFence, WorksHere) {
  ASSERT_TRUE(asymmetric_fence_available());
  heavy_fence();
}

// Goal: never do both threads read the old value (Dekker's pattern). Method: both run freely, the
// heavy one announces a round and then waits a little, each time longer, so that the two meet at
// some of the rounds. Without the heavy fence an optimised build on two
// quiet x86 cores misses in most runs.
TEST(AsymmetricFence, LetsOneOfTwoThreadsSeeTheOther) {
  constexpr int kRounds = 10'000;
  // Cache lines of their own: a store is late only while its line is elsewhere.
  alignas(64) std::atomic<int> light_cell{0};
  alignas(64) std::atomic<int> heavy_cell{0};
  alignas(64) std::atomic<int> round{0};
  alignas(64) std::atomic<int> light_done{0};
  std::atomic<int> light_saw{0};
  std::thread light([&] {
    for (int r = 1; r <= kRounds; ++r) {
      wait_until_at_least(round, r);
      light_cell.store(r, std::memory_order_relaxed);
      light_fence();
      light_saw.store(heavy_cell.load(std::memory_order_relaxed), std::memory_order_relaxed);
      light_done.store(r, std::memory_order_release);
    }
  });
  int both_missed = 0;
  for (int r = 1; r <= kRounds; ++r) {
    round.store(r, std::memory_order_release);
    for (int wait = r % 128; wait > 0; --wait) asm volatile("" ::: "memory");
    heavy_cell.store(r, std::memory_order_relaxed);
    heavy_fence();
    const bool heavy_missed = light_cell.load(std::memory_order_relaxed) != r;
    wait_until_at_least(light_done, r);
    if (heavy_missed && light_saw.load(std::memory_order_relaxed) != r) ++both_missed;
  }
  light.join();
  EXPECT_EQ(both_missed, 0);
}

TEST(AsymmetricFence, MayBeRaisedBySeveralThreads) {
  std::atomic<int> raised{0};
  std::thread threads[4];
  for (std::thread& thread : threads) {
    thread = std::thread([&] {
      for (int i = 0; i < 100; ++i) heavy_fence();
      raised.fetch_add(1);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(raised.load(), 4);
}

TEST(AsymmetricFence, WorksInAForkedChild) {
  heavy_fence();
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    heavy_fence();
    ::_exit(0);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

}  // namespace
}  // namespace tarn::platform
