// SPDX-License-Identifier: Apache-2.0
// What passes between threads' caches: batches of releases, their ceilings, ends of owners.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <barrier>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "support/small_pool.hpp"
#include "tarn/detail/pool/thread_cache.hpp"

namespace tarn::pool {
namespace {

using test::in_thread;
using test::small_options;
using test::SmallPool;

constexpr MemoryKind kDirect = MemoryKind::direct;

/// Caches of 200 tiny regions: enough that nothing here overflows by accident.
PooledAllocatorOptions roomy() {
  PooledAllocatorOptions options = small_options();
  options.tiny_cache_size = options.small_cache_size = 200;
  return options;
}

// --- the outbox by itself
// -------------------------------------------------------------------------

class OutboxTest : public testing::Test {
 protected:
  OutboxTest() { outbox_.set_limit(1000); }
  [[nodiscard]] Outbox& outbox() { return outbox_; }
  [[nodiscard]] Region* region(std::size_t i) { return &regions_.at(i); }
  // Destinations are only compared.
  [[nodiscard]] static ThreadCache* destination(std::uintptr_t i) {
    return reinterpret_cast<ThreadCache*>(i * 4096);
  }

 private:
  std::array<Region, 64> regions_;
  Outbox outbox_;
};

TEST_F(OutboxTest, HoldsABatchForOneDestination) {
  outbox().open_for(destination(1));
  EXPECT_TRUE(outbox().try_add(region(0), destination(1), 10, 0));
  EXPECT_FALSE(outbox().try_add(region(1), destination(2), 10, 0));
  EXPECT_TRUE(outbox().try_add(region(2), destination(1), 20, 1));
  EXPECT_EQ(outbox().bytes(), 30U);
  EXPECT_EQ(outbox().released(0), 1U);
  EXPECT_EQ(outbox().released(1), 1U);
  const RegionList batch = outbox().take();
  EXPECT_EQ(batch.count, 2U);
  EXPECT_EQ(batch.first, region(0));
  EXPECT_EQ(batch.last, region(2));
  EXPECT_EQ(next_region(batch.first), batch.last);
  EXPECT_EQ(next_region(batch.last), nullptr);
  EXPECT_EQ(outbox().bytes(), 0U);
  EXPECT_EQ(outbox().destination(), nullptr);
}

TEST_F(OutboxTest, LeavesTheOneThatFillsItToWhoHandsOver) {
  outbox().open_for(destination(1));
  for (std::size_t i = 0; i + 1 < Outbox::kMaxRegions; ++i) {
    ASSERT_TRUE(outbox().try_add(region(i), destination(1), 1, 0));
  }
  EXPECT_FALSE(outbox().try_add(region(40), destination(1), 1, 0));
  EXPECT_EQ(outbox().count(), Outbox::kMaxRegions - 1);
}

TEST_F(OutboxTest, HoldsLessThanItsLimitOfBytes) {
  outbox().open_for(destination(1));
  EXPECT_TRUE(outbox().try_add(region(0), destination(1), 999, 0));
  EXPECT_FALSE(outbox().try_add(region(1), destination(1), 1, 0));
  static_cast<void>(outbox().take());
  outbox().open_for(destination(1));
  EXPECT_FALSE(outbox().try_add(region(2), destination(1), 1000, 0));
  outbox().set_limit(0);
  EXPECT_FALSE(outbox().try_add(region(2), destination(1), 0, 0)) << "revoked";
}

// --- from thread to thread
// ------------------------------------------------------------------------

TEST(ThreadCacheSharing, AReleaseElsewhereComesBackToTheThreadThatAllocated) {
  SmallPool pool(roomy());
  const std::vector<Region*> regions = pool.take_many(40, 64);
  const std::uint64_t in_stock = pool.stats().cached_bytes;
  in_thread([&] {
    SmallPool::give_all(regions);
    // One batch of 32 is handed over, the rest waits for its own.
    EXPECT_EQ(pool.cache()->outbox.count(), 8U);
    EXPECT_EQ(pool.stats().pending_bytes, 40 * 64U);
    EXPECT_EQ(pool.stats().tiny.deallocations, 40U);
  });
  // The ended thread's batch was for nobody's convenience any more: it went to the arena.
  EXPECT_EQ(pool.stats().pending_bytes, 32 * 64U);
  // The stock first, then what came back, and only then the arena.
  const std::uint64_t in_use = pool.stats().direct_arenas[0].in_use_bytes;
  const std::size_t available = 32 + static_cast<std::size_t>(in_stock / 64);
  const std::vector<Region*> again = pool.take_many(available, 64);
  EXPECT_EQ(pool.stats().direct_arenas[0].in_use_bytes, in_use);
  EXPECT_EQ(pool.stats().pending_bytes, 0U);
  SmallPool::give_all(again);
  pool.check();
}

TEST(ThreadCacheSharing, ABatchIsHandedOverBeforeOneForAnother) {
  SmallPool pool(roomy());
  const std::vector<Region*> mine = pool.take_many(2, 64);
  std::vector<Region*> others;
  ThreadCache* other = nullptr;
  std::barrier step(2);
  std::thread owner([&] {
    others = pool.take_many(2, 64);
    other = pool.cache();
    step.arrive_and_wait();
    step.arrive_and_wait();
  });
  step.arrive_and_wait();
  in_thread([&] {
    ThreadCache* const home = &reinterpret_cast<RegionCache*>(mine[0]->link)->cache();
    SmallPool::give(mine[0]);
    EXPECT_EQ(pool.cache()->outbox.destination(), home);
    EXPECT_EQ(home->pending_bytes(), 0U);
    SmallPool::give(others[0]);
    EXPECT_EQ(pool.cache()->outbox.destination(), other);
    EXPECT_EQ(home->pending_bytes(), 64U);
    SmallPool::give(mine[1]);
    EXPECT_EQ(other->pending_bytes(), 64U);
    SmallPool::give(others[1]);
  });
  step.arrive_and_wait();
  owner.join();
  pool.check();
}

TEST(ThreadCacheSharing, LargeRegionsAreNotHeldBackForABatch) {
  PooledAllocatorOptions options = small_options();
  options.max_pending_bytes_per_thread = 100'000;  // a quarter of it is the most a batch may hold
  SmallPool pool(options);
  Region* const region = pool.take(32768);
  in_thread([&] {
    SmallPool::give(region);
    SmallPool::give(pool.take(64));
  });
  EXPECT_EQ(pool.stats().pending_bytes, 32768U);
  EXPECT_EQ(pool.take(32768), region);
  SmallPool::give(region);
}

TEST(ThreadCacheSharing, PendingBytesStayBelowTheirCeilingWhileTheOwnerSleeps) {
  PooledAllocatorOptions options = roomy();
  options.max_pending_bytes_per_thread = 10'000;
  SmallPool pool(options);
  const std::vector<Region*> small = pool.take_many(1000, 64);
  const std::vector<Region*> large = pool.take_many(20, 3000);
  in_thread([&] {
    for (const auto* regions : {&small, &large}) {
      for (Region* const region : *regions) {
        SmallPool::give(region);
        ASSERT_LE(pool.stats().pending_bytes, options.max_pending_bytes_per_thread);
      }
    }
    EXPECT_GT(pool.stats().pending_bytes, 5000U) << "the room is used";
  });
  EXPECT_EQ(pool.stats().small.active + pool.stats().tiny.active, 0U);
  pool.check();
}

TEST(ThreadCacheSharing, WithoutPendingBytesReleasesGoToTheArenaAtOnce) {
  PooledAllocatorOptions options = roomy();
  options.max_pending_bytes_per_thread = 0;
  SmallPool pool(options);
  const std::vector<Region*> regions = pool.take_many(100, 64);
  const std::uint64_t before = pool.stats().direct_arenas[0].in_use_bytes;
  in_thread([&] {
    for (std::size_t i = 0; i < regions.size(); ++i) {
      SmallPool::give(regions[i]);
      ASSERT_EQ(pool.stats().direct_arenas[0].in_use_bytes, before - (i + 1) * 64);
      ASSERT_EQ(pool.stats().pending_bytes, 0U);
    }
    EXPECT_EQ(pool.cache(), nullptr) << "nothing to batch, no cache";
  });
  EXPECT_EQ(pool.stats().tiny.deallocations, 100U);
  pool.check();
}

TEST(ThreadCacheSharing, WhatComesBackIsKeptWithinTheBounds) {
  PooledAllocatorOptions options = small_options();
  options.tiny_cache_size = 4;
  SmallPool pool(options);
  const std::vector<Region*> regions = pool.take_many(96, 64);
  in_thread([&] { SmallPool::give_all(regions); });
  ASSERT_EQ(pool.stats().pending_bytes, 96 * 64U);
  static_cast<void>(pool.cache()->flush(false));
  SmallPool::give_all(pool.take_many(8, 64));
  ASSERT_LE(pool.stock(64, kDirect).size(), 4U);
  pool.check();
}

TEST(ThreadCacheSharing, TakingOverFillsNoStockAboveItsLimit) {
  SmallPool pool;  // four of a class
  const std::vector<Region*> regions = pool.take_many(64, 64);
  SmallPool::give_all(pool.take_many(pool.stock(64, kDirect).size(), 64));
  in_thread([&] { SmallPool::give_all(regions); });
  ASSERT_EQ(pool.stats().pending_bytes, 64 * 64U);
  std::vector<Region*> taken;
  while (pool.stats().pending_bytes != 0) taken.push_back(pool.take(64));
  EXPECT_LE(pool.stock(64, kDirect).size(), 4U);
  SmallPool::give_all(taken);
  pool.check();
}

/// The lines that a thread reads when it releases a region of `cache`, as they are now.
std::vector<std::byte> lines_read_by_releasers(ThreadCache& cache) {
  constexpr std::size_t kLine = 64;  // bytes of a cache line
  std::vector<std::byte> bytes;
  const auto copy_line = [&bytes](const std::byte* line) {
    bytes.insert(bytes.end(), line, line + kLine);
  };
  copy_line(reinterpret_cast<const std::byte*>(&cache));
  cache.for_each_region_cache([&](const RegionCache& stock) {
    copy_line(reinterpret_cast<const std::byte*>(&stock) + kLine);
  });
  return bytes;
}

// A line that both use would go from processor to processor with every release.
TEST(ThreadCacheSharing, WhatReleasersReadIsNotWrittenByTheOwnersWork) {
  SmallPool pool(roomy());
  std::vector<Region*> others;
  in_thread([&] { others = pool.take_many(100, 64); });
  SmallPool::give(pool.take(64));
  const std::vector<std::byte> before = lines_read_by_releasers(*pool.cache());
  const std::vector<Region*> regions = pool.take_many(100, 64);
  SmallPool::give_all(pool.take_many(300, 64));
  SmallPool::give_all(others);
  in_thread([&] { SmallPool::give_all(regions); });
  SmallPool::give_all(pool.take_many(300, 64));
  pool.give_plain(pool.take_plain(3000), 3000);
  EXPECT_EQ(lines_read_by_releasers(*pool.cache()), before);
}

// The release that comes after its owner's end goes to the arena, and is counted all the same.
TEST(ThreadCacheSharing, AReleaseAfterTheOwnersEndIsNotLost) {
  SmallPool pool;
  std::vector<Region*> regions;
  in_thread([&] { regions = pool.take_many(50, 64); });
  EXPECT_EQ(pool.stats().tiny.active, 50U);
  SmallPool::give_all(regions);
  EXPECT_EQ(pool.stats().tiny.active, 0U);
  EXPECT_EQ(pool.stats().pending_bytes, 0U);
  pool.check();
  static_cast<void>(pool.core().trim_all());
  EXPECT_EQ(pool.stats().mapped_bytes, 0U);
}

// A batch that waits in a sleeping thread's outbox, and one that waits for a sleeping owner.
TEST(ThreadCacheSharing, TrimAllReachesEverythingThatSleeps) {
  SmallPool pool(roomy());
  const std::vector<Region*> regions = pool.take_many(70, 64);
  std::barrier step(2);
  std::thread sleeper([&] {
    SmallPool::give_all(regions);
    step.arrive_and_wait();
    step.arrive_and_wait();
    // It goes on as if nothing had been.
    SmallPool::give(pool.take(64));
  });
  step.arrive_and_wait();
  const PooledAllocatorStats before = pool.stats();
  EXPECT_EQ(before.pending_bytes, 70 * 64U);
  EXPECT_EQ(pool.core().trim_all(), before.pending_bytes + before.cached_bytes);
  EXPECT_EQ(pool.stats().pending_bytes + pool.stats().cached_bytes, 0U);
  EXPECT_EQ(pool.stats().mapped_bytes, 0U);
  step.arrive_and_wait();
  sleeper.join();
  pool.check();
}

// By time too: what sleeping threads have been sent, and what others have not sent yet.
TEST(ThreadCacheSharing, TrimsByTimeReachWhatIsPending) {
  SmallPool pool(roomy());
  const std::vector<Region*> regions = pool.take_many(70, 64);
  static_cast<void>(pool.cache()->flush(true));
  ThreadCache* const owner = pool.cache();
  ThreadCache* releasers = nullptr;
  std::barrier step(2);
  std::thread releaser([&] {
    SmallPool::give_all(regions);
    releasers = pool.cache();
    step.arrive_and_wait();
    step.arrive_and_wait();
  });
  step.arrive_and_wait();
  EXPECT_EQ(owner->pending_bytes(), 64 * 64U);
  EXPECT_EQ(pool.stats().pending_bytes, 70 * 64U);
  releasers->trim(false);
  EXPECT_EQ(owner->pending_bytes(), 70 * 64U) << "handed over";
  owner->trim(false);
  EXPECT_EQ(pool.stats().pending_bytes, 0U);
  EXPECT_EQ(pool.stats().cached_bytes, 0U);
  EXPECT_EQ(pool.stats().trimmed_regions, 70U);
  step.arrive_and_wait();
  releaser.join();
  pool.check();
}

TEST(ThreadCacheSharing, ThreadsOfDifferentArenasGiveBackToTheRightOne) {
  PooledAllocatorOptions options = roomy();
  options.direct_arenas = 2;
  SmallPool pool(options);
  std::vector<Region*> of_first = pool.take_many(100, 64);
  in_thread([&] {
    const std::vector<Region*> of_second = pool.take_many(100, 64);
    EXPECT_EQ(pool.stats().direct_arenas[1].in_use_bytes % 64, 0U);
    SmallPool::give_all(of_first);
    SmallPool::give_all(of_second);
  });
  static_cast<void>(pool.core().trim_all());
  for (const ArenaStats& arena : pool.stats().direct_arenas) EXPECT_EQ(arena.in_use_bytes, 0U);
  pool.check();
}

TEST(ThreadCacheSharing, AThreadsReleasesSurviveItsValuesRemoval) {
  SmallPool pool(roomy());
  const std::vector<Region*> regions = pool.take_many(3, 64);
  in_thread([&] {
    for (Region* const region : regions) {
      SmallPool::give(region);
      tls::remove_all_values();
    }
  });
  EXPECT_EQ(pool.stats().tiny.active, 0U);
  pool.check();
}

// --- regions of other threads at random
// ---------------------------------------------------------------

// Several threads release what others have taken, one step of one thread at a time, so that the
// pool can be audited after each.
TEST(ThreadCacheSharing, HoldsItsInvariantsStepByStep) {
  constexpr std::size_t kThreads = 3;
  constexpr int kSteps = 1500;
  PooledAllocatorOptions options = small_options();
  options.max_order = 2;
  options.cache_trim_interval = 16;
  options.max_pending_bytes_per_thread = 4000;
  options.max_cached_bytes_per_thread = 16'000;
  SmallPool pool(options);
  std::vector<Region*> live;
  std::size_t turn = 0;
  bool done = false;
  std::mutex mutex;
  std::condition_variable next_turn;
  const auto body = [&](std::size_t self) {
    std::minstd_rand random(static_cast<unsigned>(self) + 1 +
                            static_cast<unsigned>(testing::UnitTest::GetInstance()->random_seed()));
    std::unique_lock lock(mutex);
    while (true) {
      next_turn.wait(lock, [&] { return done || turn == self; });
      if (done) return;
      const auto what = random() % 10;
      if (what < 5 || live.empty()) {
        const std::size_t sizes[] = {16, 64, 64, 1000, 16384};
        live.push_back(pool.take(sizes[random() % 5],
                                 random() % 2 == 0 ? MemoryKind::heap : MemoryKind::direct));
      } else {
        std::swap(live[random() % live.size()], live.back());
        SmallPool::give(live.back());
        live.pop_back();
      }
      if (random() % 100 == 0) static_cast<void>(pool.core().trim_all());
      if (random() % 50 == 0) tls::remove_all_values();
      turn = kThreads;  // the main thread looks
      next_turn.notify_all();
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) threads.emplace_back(body, i);
  std::minstd_rand random(7);
  for (int step = 0; step < kSteps; ++step) {
    std::unique_lock lock(mutex);
    turn = random() % kThreads;
    next_turn.notify_all();
    next_turn.wait(lock, [&] { return turn == kThreads; });
    ASSERT_NO_FATAL_FAILURE(pool.check());
    const PooledAllocatorStats stats = pool.stats();
    ASSERT_EQ(stats.tiny.active + stats.small.active + stats.normal.active, live.size());
  }
  {
    const std::lock_guard lock(mutex);
    done = true;
    next_turn.notify_all();
  }
  for (std::thread& thread : threads) thread.join();
  SmallPool::give_all(live);
  static_cast<void>(pool.core().trim_all());
  EXPECT_EQ(pool.stats().mapped_bytes, 0U);
}

}  // namespace
}  // namespace tarn::pool
