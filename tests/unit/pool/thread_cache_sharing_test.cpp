// SPDX-License-Identifier: Apache-2.0
// What passes between threads' caches: batches of releases, their ceilings, ends of owners.
#include <gtest/gtest.h>

#include <algorithm>
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

/// Threads that have taken three regions of 64 bytes each, and sleep until the end.
class Owners {
 public:
  Owners(SmallPool& pool, std::size_t count) : regions_(count) {
    for (std::size_t i = 0; i < count; ++i) {
      threads_.emplace_back([this, &pool, i] {
        regions_[i] = pool.take_many(3, 64);
        ready_.store(i + 1);
        ready_.notify_one();
        may_end_.wait(false);
      });
      // One after the other, so that their caches are numbered in order.
      ready_.wait(i);
    }
  }
  ~Owners() { end(); }
  Owners(const Owners&) = delete;
  Owners& operator=(const Owners&) = delete;

  [[nodiscard]] std::size_t count() const { return regions_.size(); }
  [[nodiscard]] Region* region(std::size_t owner, std::size_t i) const {
    return regions_.at(owner).at(i);
  }
  void end() {
    may_end_.store(true);
    may_end_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  std::vector<std::vector<Region*>> regions_;
  std::atomic<std::size_t> ready_{0};
  std::atomic<bool> may_end_{false};
  std::vector<std::thread> threads_;
};

// --- from thread to thread
// ------------------------------------------------------------------------

TEST(ThreadCacheSharing, AReleaseElsewhereComesBackToTheThreadThatAllocated) {
  SmallPool pool(roomy());
  constexpr std::size_t kBatch = Outbox::kMaxRegions;
  const std::vector<Region*> regions = pool.take_many(kBatch + 8, 64);
  const std::uint64_t in_stock = pool.stats().cached_bytes;
  in_thread([&] {
    SmallPool::give_all(regions);
    // One batch is handed over, the rest waits for its own.
    EXPECT_EQ(pool.cache()->outbox.bytes(), 8 * 64U);
    EXPECT_EQ(pool.stats().pending_bytes, (kBatch + 8) * 64);
    EXPECT_EQ(pool.stats().tiny.deallocations, kBatch + 8);
  });
  // The ended thread's batch was for nobody's convenience any more: it went to the arena.
  EXPECT_EQ(pool.stats().pending_bytes, kBatch * 64);
  // The stock first, then what came back, and only then the arena.
  const std::uint64_t in_use = pool.stats().direct_arenas[0].in_use_bytes;
  const std::size_t available = kBatch + static_cast<std::size_t>(in_stock / 64);
  const std::vector<Region*> again = pool.take_many(available, 64);
  EXPECT_EQ(pool.stats().direct_arenas[0].in_use_bytes, in_use);
  EXPECT_EQ(pool.stats().pending_bytes, 0U);
  SmallPool::give_all(again);
  pool.check();
}

ThreadCache& home_of(const Region* region) {
  return reinterpret_cast<RegionCache*>(region->link)->cache();
}

// A thread that releases for several others in turns hands over no batch at each turn.
TEST(ThreadCacheSharing, BatchesForSeveralOwnersAreKeptApart) {
  SmallPool pool(roomy());
  Owners owners(pool, Outbox::kBatches);
  in_thread([&] {
    for (std::size_t turn = 0; turn < 3; ++turn) {
      for (std::size_t i = 0; i < owners.count(); ++i) SmallPool::give(owners.region(i, turn));
    }
    EXPECT_EQ(pool.cache()->outbox.bytes(), owners.count() * 3 * 64);
    EXPECT_EQ(pool.stats().pending_bytes, owners.count() * 3 * 64);
  });
  owners.end();
  EXPECT_EQ(pool.stats().tiny.active, 0U);
  pool.check();
}

// So many owners that two share a place: one's batch makes room for the other's.
TEST(ThreadCacheSharing, ABatchIsHandedOverBeforeOneForAnotherInItsPlace) {
  SmallPool pool(roomy());
  Owners owners(pool, Outbox::kBatches + 1);
  ThreadCache& first = home_of(owners.region(0, 0));
  ThreadCache& rival = home_of(owners.region(Outbox::kBatches, 0));
  in_thread([&] {
    SmallPool::give(owners.region(0, 0));
    EXPECT_EQ(first.pending_bytes(), 0U);
    SmallPool::give(owners.region(Outbox::kBatches, 0));
    EXPECT_EQ(first.pending_bytes(), 64U);
    SmallPool::give(owners.region(0, 1));
    EXPECT_EQ(rival.pending_bytes(), 64U);
    EXPECT_EQ(pool.stats().pending_bytes, 3 * 64U);
  });
  for (std::size_t i = 1; i < owners.count(); ++i) {
    for (std::size_t turn = i < Outbox::kBatches ? 0 : 1; turn < 3; ++turn) {
      SmallPool::give(owners.region(i, turn));
    }
  }
  SmallPool::give(owners.region(0, 2));
  owners.end();
  EXPECT_EQ(pool.stats().tiny.active, 0U);
  pool.check();
}

// All batches have one bound: at it none is left, whoever filled it.
TEST(ThreadCacheSharing, AFullOutboxHandsOverEveryBatch) {
  PooledAllocatorOptions options = roomy();
  options.max_pending_bytes_per_thread = 4000;  // a quarter of it for what waits to go elsewhere
  SmallPool pool(options);
  Owners owners(pool, 6);
  in_thread([&] {
    for (std::size_t given = 1; given <= 18; ++given) {
      SmallPool::give(owners.region((given - 1) % 6, (given - 1) / 6));
      // 15 of 64 bytes are below 1000.
      ASSERT_EQ(pool.cache()->outbox.bytes(), (given <= 15 ? given : given - 15) * 64);
      ASSERT_EQ(pool.stats().pending_bytes, given * 64);
    }
  });
  owners.end();
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
  constexpr std::size_t kRegions = 3 * Outbox::kMaxRegions;
  const std::vector<Region*> regions = pool.take_many(kRegions, 64);
  in_thread([&] { SmallPool::give_all(regions); });
  ASSERT_EQ(pool.stats().pending_bytes, kRegions * 64);
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

// How many of which stock: while all are of one, and there are few enough to say it.
TEST(OfOneStock, SaysHowManyOfWhich) {
  const std::uint16_t label = OfOneStock::of(135, 64);
  EXPECT_EQ(OfOneStock::stock(label), 135U);
  EXPECT_EQ(OfOneStock::regions(label), 64U);
  const std::uint16_t both = OfOneStock::join(label, OfOneStock::of(135, 191));
  EXPECT_EQ(OfOneStock::stock(both), 135U);
  EXPECT_EQ(OfOneStock::regions(both), 255U);
  EXPECT_EQ(OfOneStock::join(both, OfOneStock::of(135, 1)), 0U) << "too many";
  EXPECT_EQ(OfOneStock::join(label, OfOneStock::of(134, 1)), 0U) << "of several";
  EXPECT_EQ(OfOneStock::join(0, label), 0U);
  EXPECT_EQ(OfOneStock::join(label, 0), 0U);
  EXPECT_EQ(OfOneStock::of(255, 1), 0U);
  EXPECT_NE(OfOneStock::of(254, 1), 0U);
}

// Up to 255 of one class are taken over as they are, more one by one; nothing differs.
TEST(ThreadCacheSharing, AllThatComesBackIsUsedHoweverMuchItIs) {
  PooledAllocatorOptions options = small_options();
  options.tiny_cache_size = 1000;
  for (const std::size_t batches : {1U, 3U, 5U}) {
    SmallPool pool(options);
    const std::size_t count = batches * Outbox::kMaxRegions;
    std::vector<Region*> regions = pool.take_many(count, 64);
    static_cast<void>(pool.cache()->flush(true));
    in_thread([&] { SmallPool::give_all(regions); });
    ASSERT_EQ(pool.stats().pending_bytes, count * 64);
    const std::uint64_t misses = pool.stats().cache_misses;
    std::vector<Region*> again = pool.take_many(count, 64);
    EXPECT_EQ(pool.stats().pending_bytes, 0U);
    EXPECT_EQ(pool.stats().cache_misses - misses, 1U) << "the one that took all over";
    if (batches < 5) {
      EXPECT_EQ(again.front(), regions.back()) << "newest first";
    }
    pool.check();
    std::sort(regions.begin(), regions.end());
    SmallPool::give_all(again);
    std::sort(again.begin(), again.end());
    EXPECT_EQ(again, regions);
    pool.check();
  }
}

// Of several classes in one batch each comes back to its own stock.
TEST(ThreadCacheSharing, MixedBatchesAreSortedByTheOwner) {
  SmallPool pool(roomy());
  std::vector<Region*> regions;
  for (std::size_t i = 0; i < Outbox::kMaxRegions; ++i) {
    regions.push_back(pool.take(i % 3 == 0 ? 64 : 600, i % 2 == 0 ? MemoryKind::heap : kDirect));
  }
  static_cast<void>(pool.cache()->flush(true));
  in_thread([&] { SmallPool::give_all(regions); });
  ASSERT_NE(pool.stats().pending_bytes, 0U);
  Region* const one = pool.take(64);
  EXPECT_EQ(pool.stats().pending_bytes, 0U);
  EXPECT_EQ(pool.stock(64, kDirect).size(), 10U);
  EXPECT_EQ(pool.stock(64, MemoryKind::heap).size(), 11U);
  EXPECT_EQ(pool.stock(600, kDirect).size(), 21U);
  EXPECT_EQ(pool.stock(600, MemoryKind::heap).size(), 21U);
  SmallPool::give(one);
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
