// SPDX-License-Identifier: Apache-2.0
// Which thread has which cache, which arenas it is bound to, and what becomes of it at the end.
#include "pool/thread_caches.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <barrier>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <type_traits>
#include <vector>

#include "pool/arena.hpp"
#include "support/small_pool.hpp"
#include "tarn/detail/pool/chunk_map.hpp"
#include "tarn/fast_thread_local.hpp"
#include "tarn/recycler.hpp"

namespace tarn::pool {
namespace {

// S0-2: Netty has PoolThreadLocalCache, PoolThreadCache, MemoryRegionCache, Recycler: four types
// here too, each with tests of its own: those of ThreadCaches are in this file.
static_assert(std::is_class_v<ThreadCaches> && std::is_class_v<ThreadCache> &&
              std::is_class_v<RegionCache> && std::is_class_v<Recycler<int>>);

using test::in_thread;
using test::small_options;
using test::SmallPool;

PooledAllocatorOptions with_arenas(std::size_t heap, std::size_t direct) {
  PooledAllocatorOptions options = small_options();
  options.heap_arenas = heap;
  options.direct_arenas = direct;
  return options;
}

std::vector<std::size_t> caches_by_arena(const std::vector<ArenaStats>& arenas) {
  std::vector<std::size_t> counts;
  for (const ArenaStats& arena : arenas) counts.push_back(arena.thread_caches);
  return counts;
}

/// Threads that each have done one thing and then wait, one started after the other.
class Waiting {
 public:
  ~Waiting() { end(0, threads_.size()); }
  /// @returns when `body` is done; its thread lives on.
  void start(const std::function<void()>& body) {
    auto& thread = *threads_.emplace_back(std::make_unique<Thread>());
    thread.thread = std::thread([&thread, body] {
      body();
      thread.arrived.arrive_and_wait();
      thread.leave.arrive_and_wait();
    });
    thread.arrived.arrive_and_wait();
  }
  /// Ends the threads [first, last), one after the other.
  void end(std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      if (!threads_[i]->thread.joinable()) continue;
      threads_[i]->leave.arrive_and_wait();
      threads_[i]->thread.join();
    }
  }

 private:
  struct Thread {
    std::thread thread;
    std::barrier<> arrived{2};
    std::barrier<> leave{2};
  };
  std::vector<std::unique_ptr<Thread>> threads_;
};

// --- the choice of an arena
// -----------------------------------------------------------------------

/// Arenas that are bound as often as told.
class BoundArenas {
 public:
  explicit BoundArenas(const std::vector<std::size_t>& counts) {
    for (const std::size_t count : counts) {
      arenas_.push_back(std::make_unique<Arena>(geometry_, MemoryKind::heap,
                                                platform::system_memory(), map_, 0U));
      pointers_.push_back(arenas_.back().get());
      for (std::size_t i = 0; i < count; ++i) arenas_.back()->bind_thread_cache();
    }
  }
  /// The index of the least used one; -1 when there is none.
  [[nodiscard]] int least() const {
    const Arena* const found = least_used(pointers_);
    for (std::size_t i = 0; i < pointers_.size(); ++i) {
      if (pointers_[i] == found) return static_cast<int>(i);
    }
    return -1;
  }

 private:
  sizing::Geometry geometry_{4096, 3};
  ChunkMap map_{geometry_.chunk_size()};
  std::vector<std::unique_ptr<Arena>> arenas_;
  std::vector<Arena*> pointers_;
};

// S0-6: strictly the fewest caches, ties to the lowest index; none of none.
TEST(LeastUsed, IsTheFirstWithTheFewestCaches) {
  EXPECT_EQ(BoundArenas({3, 1, 1}).least(), 1);
  EXPECT_EQ(BoundArenas({0, 0}).least(), 0);
  EXPECT_EQ(BoundArenas({2, 1, 0}).least(), 2);
  EXPECT_EQ(BoundArenas({1}).least(), 0);
  EXPECT_EQ(BoundArenas({}).least(), -1);
}

// S0-4, testThreadCacheToArenaMappings.
TEST(ThreadCaches, BindThreadsToTheArenaWithTheFewestCaches) {
  SmallPool pool(with_arenas(2, 2));
  const auto use = [&] { SmallPool::give(pool.take(64)); };
  const auto counts = [&] { return caches_by_arena(pool.stats().direct_arenas); };
  Waiting threads;
  threads.start(use);
  EXPECT_EQ(counts(), (std::vector<std::size_t>{1, 0}));
  threads.start(use);
  EXPECT_EQ(counts(), (std::vector<std::size_t>{1, 1}));
  threads.start(use);
  EXPECT_EQ(counts(), (std::vector<std::size_t>{2, 1}));
  threads.end(2, 3);
  EXPECT_EQ(counts(), (std::vector<std::size_t>{1, 1}));
  threads.end(1, 2);
  EXPECT_EQ(counts(), (std::vector<std::size_t>{1, 0}));
  threads.start(use);
  EXPECT_EQ(counts(), (std::vector<std::size_t>{1, 1})) << "a new thread fills the gap";
}

// S0-4: caches are counted, not bytes.
TEST(ThreadCaches, DoNotLookAtHowMuchMemoryAnArenaHolds) {
  SmallPool pool(with_arenas(1, 2));
  std::vector<Region*> much;
  Waiting threads;
  threads.start([&] { much = pool.take_many(20, 16384); });
  threads.start([&] { SmallPool::give(pool.take(64)); });
  threads.start([&] { SmallPool::give(pool.take(64)); });
  EXPECT_EQ(caches_by_arena(pool.stats().direct_arenas), (std::vector<std::size_t>{2, 1}));
  SmallPool::give_all(much);
}

// S0-5: one thread chooses at a time.
TEST(ThreadCaches, SpreadThreadsThatStartTogetherEvenly) {
  constexpr int kThreads = 64;
  SmallPool pool(with_arenas(8, 8));
  std::barrier together(kThreads);
  std::barrier all_bound(kThreads + 1);
  std::barrier may_end(kThreads + 1);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      together.arrive_and_wait();
      SmallPool::give(pool.take(64));
      all_bound.arrive_and_wait();
      may_end.arrive_and_wait();
    });
  }
  all_bound.arrive_and_wait();
  const PooledAllocatorStats stats = pool.stats();
  may_end.arrive_and_wait();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(caches_by_arena(stats.heap_arenas), std::vector<std::size_t>(8, 8));
  EXPECT_EQ(caches_by_arena(stats.direct_arenas), std::vector<std::size_t>(8, 8));
  EXPECT_EQ(stats.thread_caches, 64U);
  EXPECT_EQ(caches_by_arena(pool.stats().direct_arenas), std::vector<std::size_t>(8, 0));
  pool.check();
}

// S0-7: heap and direct independently.
TEST(ThreadCaches, ChooseAnArenaOfEachKind) {
  SmallPool pool(with_arenas(2, 3));
  Waiting threads;
  for (int i = 0; i < 6; ++i) threads.start([&] { SmallPool::give(pool.take(64)); });
  EXPECT_EQ(caches_by_arena(pool.stats().heap_arenas), (std::vector<std::size_t>{3, 3}));
  EXPECT_EQ(caches_by_arena(pool.stats().direct_arenas), (std::vector<std::size_t>{2, 2, 2}));
  EXPECT_EQ(pool.stats().thread_caches, 6U);
}

// S0-7, testNumThreadCachesWithNoDirectArenas: 1, 2, 1, 0.
TEST(ThreadCaches, AreCountedRightWithoutDirectArenas) {
  SmallPool pool(with_arenas(1, 0));
  Waiting threads;
  const auto use = [&] {
    SmallPool::give(pool.take(64, MemoryKind::heap));
    EXPECT_EQ(pool.cache()->arena(MemoryKind::direct), nullptr);
  };
  for (const std::size_t expected : {1U, 2U}) {
    threads.start(use);
    EXPECT_EQ(pool.stats().thread_caches, expected);
  }
  threads.end(0, 1);
  EXPECT_EQ(pool.stats().thread_caches, 1U);
  threads.end(1, 2);
  EXPECT_EQ(pool.stats().thread_caches, 0U);
}

// testNumThreadCachesAccountForDirectAndHeapArenas: 1, 2, 1, 0.
TEST(ThreadCaches, AreCountedOnceWhateverKindIsUsed) {
  SmallPool pool;
  Waiting threads;
  threads.start([&] { SmallPool::give(pool.take(64, MemoryKind::heap)); });
  EXPECT_EQ(pool.stats().thread_caches, 1U);
  threads.start([&] { SmallPool::give(pool.take(64, MemoryKind::direct)); });
  EXPECT_EQ(pool.stats().thread_caches, 2U);
  threads.end(0, 1);
  EXPECT_EQ(pool.stats().thread_caches, 1U);
  threads.end(1, 2);
  EXPECT_EQ(pool.stats().thread_caches, 0U);
}

// --- one a thread -----------------------------------------------------------------------------

// S0-3: N threads, N caches; the second use finds the first one's.
TEST(ThreadCaches, GiveEveryThreadOneOfItsOwn) {
  constexpr std::size_t kThreads = 10;
  SmallPool pool;
  std::set<ThreadCache*> found;
  Waiting threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.start([&] {
      EXPECT_EQ(pool.cache(), nullptr);
      SmallPool::give(pool.take(64));
      ThreadCache* const cache = pool.cache();
      SmallPool::give(pool.take(2000, MemoryKind::heap));
      EXPECT_EQ(pool.cache(), cache);
      EXPECT_TRUE(cache->is_bound());
      found.insert(cache);
    });
    EXPECT_EQ(pool.stats().thread_caches, i + 1);
  }
  EXPECT_EQ(found.size(), kThreads);
}

TEST(ThreadCaches, OfSeveralPoolsAreSeparate) {
  SmallPool first;
  SmallPool second;
  Region* const a = first.take(64);
  Region* const b = second.take(64);
  EXPECT_NE(first.cache(), second.cache());
  SmallPool::give(a);
  SmallPool::give(b);
  EXPECT_EQ(first.take(64), a);
  EXPECT_EQ(second.take(64), b);
  SmallPool::give(a);
  SmallPool::give(b);
}

// S0-9: everything that was cached is back in its arena, the arena counts a cache less, and chunks
// that hold nothing any more are given up.
TEST(ThreadCaches, GiveEverythingBackWhenTheirThreadEnds) {
  SmallPool pool;
  in_thread([&] {
    for (const std::size_t size : {16U, 600U, 16384U}) {
      SmallPool::give_all(pool.take_many(3, size));
      SmallPool::give_all(pool.take_many(3, size, MemoryKind::heap));
    }
    EXPECT_GT(pool.stats().cached_bytes, 0U);
    EXPECT_EQ(pool.stats().thread_caches, 1U);
  });
  const PooledAllocatorStats stats = pool.stats();
  EXPECT_EQ(stats.cached_bytes, 0U);
  EXPECT_EQ(stats.thread_caches, 0U);
  for (const auto* arenas : {&stats.heap_arenas, &stats.direct_arenas}) {
    EXPECT_EQ(arenas->front().in_use_bytes, 0U);
    EXPECT_EQ(arenas->front().thread_caches, 0U);
    EXPECT_LE(arenas->front().chunks, 2U) << "one that is kept, and one with empty subpages";
  }
  EXPECT_EQ(stats.small.allocations, 6U) << "what an ended thread did is not forgotten";
  pool.check();
}

// S0-9, by remove() instead of the thread's end; the thread then gets a new one.
TEST(ThreadCaches, GiveEverythingBackWhenTheThreadRemovesItsValues) {
  SmallPool pool(with_arenas(1, 1));
  in_thread([&] {
    SmallPool::give(pool.take(64));
    tls::remove_all_values();
    EXPECT_EQ(pool.cache(), nullptr);
    EXPECT_EQ(pool.stats().cached_bytes, 0U);
    EXPECT_EQ(pool.stats().thread_caches, 0U);
    SmallPool::give(pool.take(64));
    EXPECT_EQ(pool.stats().thread_caches, 1U);
  });
}

// testThreadCacheDestroyedByThreadCleaner: 11 arenas.
TEST(ThreadCaches, AreUnboundFromEveryArenaAtTheEnd) {
  SmallPool pool(with_arenas(11, 11));
  for (int round = 0; round < 30; ++round) {
    in_thread([&] { SmallPool::give(pool.take(64)); });
    EXPECT_EQ(caches_by_arena(pool.stats().heap_arenas), std::vector<std::size_t>(11, 0));
    EXPECT_EQ(caches_by_arena(pool.stats().direct_arenas), std::vector<std::size_t>(11, 0));
  }
}

TEST(ThreadCaches, OfEndedThreadsAreUsedAgain) {
  SmallPool pool;
  std::set<ThreadCache*> found;
  for (int i = 0; i < 50; ++i) {
    in_thread([&] {
      SmallPool::give(pool.take(64));
      found.insert(pool.cache());
    });
  }
  EXPECT_EQ(found.size(), 1U);
  pool.check();
}

// A live region's home must not dangle, and a home with a new owner takes it back.
TEST(ThreadCaches, TakeBackRegionsOfAnEarlierThread) {
  SmallPool pool;
  Region* region = nullptr;
  in_thread([&] { region = pool.take(64); });
  Waiting threads;
  ThreadCache* second = nullptr;
  threads.start([&] {
    SmallPool::give(pool.take(2000));
    second = pool.cache();
  });
  ASSERT_EQ(reinterpret_cast<RegionCache*>(region->link)->cache().is_bound(), true);
  EXPECT_EQ(&reinterpret_cast<RegionCache*>(region->link)->cache(), second);
  SmallPool::give(region);
  EXPECT_EQ(pool.stats().pending_bytes, 64U) << "it waits for the new owner";
  pool.check();
}

TEST(ThreadCaches, OfThreadsThatOnlyReleaseAreNotCounted) {
  SmallPool pool;
  Region* const region = pool.take(64);
  in_thread([&] {
    SmallPool::give(region);
    EXPECT_NE(pool.cache(), nullptr) << "for the batch that is to be handed over";
    EXPECT_FALSE(pool.cache()->is_bound());
    EXPECT_EQ(pool.stats().thread_caches, 1U);
    EXPECT_EQ(pool.stats().direct_arenas[0].thread_caches, 1U);
    EXPECT_EQ(pool.stats().pending_bytes, 64U);
    EXPECT_FALSE(pool.core().trim_current_thread_cache());
    SmallPool::give(pool.take(64));
    EXPECT_EQ(pool.stats().thread_caches, 2U) << "now it allocates too";
  });
  EXPECT_EQ(pool.stats().thread_caches, 1U);
  pool.check();
}

// testWithoutUseCacheForAllThreads, and what a FastThreadScope changes.
TEST(ThreadCaches, AreForFastThreadsOnlyWhenToldSo) {
  PooledAllocatorOptions options = small_options();
  options.use_cache_for_all_threads = false;
  SmallPool pool(options);
  in_thread([&] {
    SmallPool::give(pool.take(64));
    EXPECT_EQ(pool.cache(), nullptr);
    EXPECT_EQ(pool.stats().thread_caches, 0U);
    EXPECT_FALSE(pool.core().trim_current_thread_cache());
    {
      const FastThreadScope fast;
      SmallPool::give(pool.take(64));
      ASSERT_NE(pool.cache(), nullptr);
      EXPECT_EQ(pool.stats().cached_bytes, 64U);
    }
    SmallPool::give(pool.take(64));
    EXPECT_EQ(pool.stats().cache_hits, 1U) << "the end of a scope removes nothing";
    EXPECT_EQ(pool.stats().thread_caches, 1U);
  });
  EXPECT_EQ(pool.stats().thread_caches, 0U);
  EXPECT_EQ(pool.stats().tiny.deallocations, 3U);
  pool.check();
}

TEST(ThreadCaches, NoThreadGetsOneAfterTheEndOfTheAllocator) {
  SmallPool pool;
  Region* const region = pool.take(64);
  PoolCore& core = pool.core();
  pool.close();
  in_thread([&] {
    Region* const more = core.take_like(MemoryKind::heap, 100);
    EXPECT_EQ(core.near_cache(), nullptr);
    SmallPool::give(more);
    EXPECT_EQ(core.near_cache(), nullptr);
  });
  SmallPool::give(region);
}

}  // namespace
}  // namespace tarn::pool
