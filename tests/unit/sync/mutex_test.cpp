// SPDX-License-Identifier: Apache-2.0
// Tests of the ranked mutex, its guard and the condition.
#include "tarn/detail/sync/mutex.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <type_traits>
#include <vector>

namespace tarn::sync {
namespace {

static_assert(!std::is_copy_constructible_v<Mutex> && !std::is_copy_constructible_v<LockGuard>);
static_assert(std::is_trivially_destructible_v<Condition>, "used after static destruction");

constinit Mutex constant_initialised{LockRank::log};

TEST(Mutex, KnowsItsRank) { EXPECT_EQ(constant_initialised.rank(), LockRank::log); }

TEST(Mutex, KeepsOthersOut) {
  constexpr int kThreads = 4;
  constexpr int kCount = 2000;
  Mutex mutex(LockRank::arena);
  int count = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < kCount; ++n) {
        const LockGuard lock(mutex);
        ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, kThreads * kCount);
}

TEST(Mutex, TryLockFailsWhileAnotherThreadHoldsIt) TARN_NO_THREAD_ANALYSIS {
  Mutex mutex(LockRank::arena);
  ASSERT_TRUE(mutex.try_lock());
  std::thread([&] { EXPECT_FALSE(mutex.try_lock()); }).join();
  mutex.unlock();
  std::thread([&]() TARN_NO_THREAD_ANALYSIS {
    EXPECT_TRUE(mutex.try_lock());
    mutex.unlock();
  }).join();
}

TEST(Mutex, NestsInTheOrderOfRanks) TARN_NO_THREAD_ANALYSIS {
  Mutex registry(LockRank::registry);
  Mutex arena(LockRank::arena);
  Mutex log(LockRank::log);
  registry.lock();
  arena.lock();
  log.lock();
  registry.unlock();  // in any order
  log.unlock();
  log.lock();
  log.unlock();
  arena.unlock();
  registry.lock();
  registry.unlock();
}

TEST(Mutex, CallbackLocksOfTwoInstancesNest) {
  Mutex first(LockRank::callback);
  Mutex second(LockRank::callback);
  const LockGuard outer(first);
  const LockGuard inner(second);
}

#ifndef NDEBUG

void lock_both(Mutex& first, Mutex& second) TARN_NO_THREAD_ANALYSIS {
  first.lock();
  second.lock();
}

TEST(MutexDeathTest, LockingUpwardIsFatalInDebugBuilds) {
  Mutex registry(LockRank::registry);
  Mutex arena(LockRank::arena);
  EXPECT_DEATH(lock_both(arena, registry), "against the order of ranks");
}

TEST(MutexDeathTest, LockingTwoOfOneRankIsFatalInDebugBuilds) {
  Mutex first(LockRank::arena);
  Mutex second(LockRank::arena);
  EXPECT_DEATH(lock_both(first, second), "against the order of ranks");
}

TEST(MutexDeathTest, LockingUpwardBelowAnotherIsFatalInDebugBuilds) {
  Mutex arena(LockRank::arena);
  Mutex cache(LockRank::cache);
  Mutex log(LockRank::log);
  const auto lock_all = [&]() TARN_NO_THREAD_ANALYSIS {
    arena.lock();
    log.lock();
    cache.lock();
  };
  EXPECT_DEATH(lock_all(), "against the order of ranks");
}

TEST(MutexDeathTest, LockingAgainIsFatalInDebugBuilds) {
  Mutex mutex(LockRank::arena);
  EXPECT_DEATH(lock_both(mutex, mutex), "locked again");
}

TEST(MutexDeathTest, UnlockingWhatOneDoesNotHoldIsFatalInDebugBuilds) {
  Mutex mutex(LockRank::arena);
  const auto unlock = [&]() TARN_NO_THREAD_ANALYSIS { mutex.unlock(); };
  EXPECT_DEATH(unlock(), "does not hold");
}

#endif

TEST(Condition, WakesAWaiter) TARN_NO_THREAD_ANALYSIS {
  Mutex mutex(LockRank::arena);
  Condition condition;
  bool ready = false;
  std::thread waiter([&]() TARN_NO_THREAD_ANALYSIS {
    const LockGuard lock(mutex);
    while (!ready) condition.wait(mutex);
    ready = false;
  });
  {
    const LockGuard lock(mutex);
    ready = true;
    condition.notify_all();
  }
  waiter.join();
  EXPECT_FALSE(ready);
}

// While one sleeps, others lock and unlock the same mutex and nest others in it.
TEST(Condition, LeavesTheHeldLocksOfItsWaiterInOrder) TARN_NO_THREAD_ANALYSIS {
  Mutex outer(LockRank::registry);
  Mutex mutex(LockRank::arena);
  Condition condition;
  int stage = 0;
  std::thread waiter([&]() TARN_NO_THREAD_ANALYSIS {
    const LockGuard holds(outer);
    const LockGuard lock(mutex);
    stage = 1;
    condition.notify_all();
    while (stage != 2) condition.wait(mutex);
  });
  mutex.lock();
  while (stage != 1) condition.wait(mutex);
  Mutex log(LockRank::log);
  {
    const LockGuard nested(log);
    stage = 2;
  }
  condition.notify_all();
  mutex.unlock();
  waiter.join();
  const LockGuard free(outer);
}

}  // namespace
}  // namespace tarn::sync
