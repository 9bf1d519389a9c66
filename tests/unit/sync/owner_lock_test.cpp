// SPDX-License-Identifier: Apache-2.0
// Tests of the owner's lock; tests/model/owner_lock_model.cpp explores its interleavings.
#include "tarn/detail/sync/owner_lock.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "support/scale.hpp"
#include "tarn/detail/platform/asymmetric_fence.hpp"

namespace tarn::sync {
namespace {

/// Whether the mutex is free; asked in another thread, as its holder must not try it.
bool is_free(Mutex& mutex) {
  bool free = false;
  std::thread([&] {
    if (!mutex.try_lock()) return;
    free = true;
    mutex.unlock();
  }).join();
  return free;
}

TEST(OwnerLock, ItsOwnerNeedsNotTheMutex) {
  OwnerLock lock(LockRank::cache);
  {
    const OwnerLockGuard guard(lock);
    EXPECT_TRUE(lock.owner_is_inside());
    EXPECT_TRUE(is_free(lock.mutex()));
  }
  EXPECT_FALSE(lock.owner_is_inside());
}

TEST(OwnerLock, AnOwnerThatIsShutOutTakesTheMutex) {
  OwnerLock lock(LockRank::cache);
  lock.shut_out([] {});
  {
    const OwnerLockGuard guard(lock);
    EXPECT_FALSE(lock.owner_is_inside());
    EXPECT_FALSE(is_free(lock.mutex()));
  }
  lock.let_in();
  EXPECT_TRUE(is_free(lock.mutex()));
  const OwnerLockGuard guard(lock);
  EXPECT_TRUE(lock.owner_is_inside());
}

TEST(OwnerLock, WhoShutsTheOwnerOutWaitsUntilItHasLeft) {
  platform::heavy_fence();  // the first, which registers with the kernel, may outlast the owner
  OwnerLock lock(LockRank::cache);
  std::atomic<bool> inside{false};
  bool left = false;
  std::thread owner([&] {
    const OwnerLockGuard guard(lock);
    inside.store(true);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    left = true;  // plain: the guard's end publishes it
  });
  while (!inside.load()) std::this_thread::yield();
  {
    const LockGuard turn(lock.mutex());
    lock.shut_out(platform::heavy_fence);
    EXPECT_TRUE(left);
    lock.let_in();
  }
  owner.join();
}

// For ThreadSanitizer too: what the lock guards is plain memory.
TEST(OwnerLock, OwnerAndOthersNeverMeet) {
  OwnerLock lock(LockRank::cache);
  long count = 0;
  const long rounds = static_cast<long>(test::scaled(300));
  constexpr int kOthers = 2;
  std::atomic<int> others_left{kOthers};
  long owners = 0;
  std::thread owner([&] {
    while (others_left.load(std::memory_order_relaxed) != 0) {
      const OwnerLockGuard guard(lock);
      ++count;
      ++owners;
    }
  });
  std::thread others[kOthers];
  for (std::thread& other : others) {
    other = std::thread([&] {
      for (long i = 0; i < rounds; ++i) {
        const LockGuard turn(lock.mutex());
        lock.shut_out(platform::heavy_fence);
        ++count;
        lock.let_in();
      }
      others_left.fetch_sub(1, std::memory_order_relaxed);
    });
  }
  for (std::thread& other : others) other.join();
  owner.join();
  EXPECT_EQ(count, owners + kOthers * rounds);
}

}  // namespace
}  // namespace tarn::sync
