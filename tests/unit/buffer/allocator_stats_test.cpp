// SPDX-License-Identifier: Apache-2.0
// What the statistics say of buffers: Netty's own numbers, and that they add up after any work.
#include <gtest/gtest.h>

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "buffer/allocator_access.hpp"
#include "support/scale.hpp"
#include "support/small_pool.hpp"
#include "tarn/allocator.hpp"

namespace tarn {
namespace {

using test::expect_adds_up;

PooledAllocatorOptions one_arena() {
  PooledAllocatorOptions options;
  options.heap_arenas = options.direct_arenas = 1;
  return options;
}

/// Audits everything, and that the sums are right. While no thread is inside.
void check(PooledAllocator& allocator) {
  detail::AllocatorAccess::core(allocator).audit();
  expect_adds_up(allocator.stats());
}

ByteBuf buffer_of(PooledAllocator& allocator, MemoryKind kind, std::size_t capacity) {
  return kind == MemoryKind::heap ? allocator.heap_buffer(capacity)
                                  : allocator.direct_buffer(capacity);
}

std::array<std::size_t, 6> chunks_by_list(const ArenaStats& arena) {
  std::array<std::size_t, 6> chunks{};
  for (std::size_t i = 0; i < chunks.size(); ++i) chunks[i] = arena.chunk_lists[i].chunks;
  return chunks;
}

/// 100 small buffers, one after the other, each of which must have been counted.
PooledAllocatorStats stats_after_rounds(PooledAllocator& allocator) {
  for (int i = 0; i < 100; ++i) static_cast<void>(allocator.direct_buffer(800));
  PooledAllocatorStats stats = allocator.stats();
  EXPECT_EQ(stats.small.allocations, 100U);
  EXPECT_EQ(stats.small.deallocations, 100U);
  EXPECT_EQ(stats.small.active, 0U);
  return stats;
}

// testArenaMetricsNoCache, also with alignment 64: 100 rounds, active 0, 100 and 100.
TEST(AllocatorStats, CountEveryRoundWithoutCaches) {
  for (const std::size_t alignment : {0U, 64U}) {
    PooledAllocatorOptions options = one_arena();
    options.max_cached_bytes_per_thread = 0;
    options.direct_alignment = alignment;
    PooledAllocator allocator(options);
    const PooledAllocatorStats stats = stats_after_rounds(allocator);
    EXPECT_EQ(stats.cache_misses, 100U);
    check(allocator);
  }
}

// testArenaMetricsCache, caches of 1000: Netty says allocations 1, deallocations 0, active 1, since
// it counts what misses the cache (#5275). Here the numbers are what the user did; Netty's are
// those of the arena: one region handed out, and none back.
TEST(AllocatorStats, CountEveryRoundWithCaches) {
  PooledAllocatorOptions options = one_arena();
  options.tiny_cache_size = options.small_cache_size = options.normal_cache_size = 1000;
  PooledAllocator allocator(options);
  const PooledAllocatorStats stats = stats_after_rounds(allocator);
  EXPECT_EQ(stats.cache_misses, 1U);
  EXPECT_EQ(stats.cache_hits, 99U);
  EXPECT_EQ(stats.direct_arenas[0].in_use_bytes, 896U);
  EXPECT_EQ(stats.cached_bytes, 896U);
  check(allocator);
}

// testPoolChunkListMetric; Netty's test leaves the fourth out.
TEST(AllocatorStats, ShowSixChunkListsByUsage) {
  const PooledAllocator allocator(one_arena());
  const std::pair<unsigned, unsigned> usage[] = {{1, 25},   {1, 50},   {25, 75},
                                                 {50, 100}, {75, 100}, {100, 100}};
  const PooledAllocatorStats stats = allocator.stats();
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(stats.direct_arenas[0].chunk_lists[i].min_usage, usage[i].first);
    EXPECT_EQ(stats.direct_arenas[0].chunk_lists[i].max_usage, usage[i].second);
    EXPECT_EQ(stats.heap_arenas[0].chunk_lists[i].chunks, 0U);
  }
}

// testSmallSubpageMetric: 500 bytes are a small region, of 512.
TEST(AllocatorStats, DivideByTheRoundedSize) {
  PooledAllocator allocator(one_arena());
  const ByteBuf small = allocator.heap_buffer(500);
  const ByteBuf tiny = allocator.heap_buffer(448);
  const ByteBuf largest_small = allocator.heap_buffer(28672);
  const ByteBuf normal = allocator.heap_buffer(28673);
  const ByteBuf chunk = allocator.heap_buffer(4 << 20);
  const ByteBuf huge = allocator.heap_buffer((4 << 20) + 1);
  const PooledAllocatorStats stats = allocator.stats();
  EXPECT_EQ(stats.tiny.active, 1U);
  EXPECT_EQ(stats.small.active, 2U);
  EXPECT_EQ(stats.normal.active, 2U);
  EXPECT_EQ(stats.huge.active, 1U);
  EXPECT_EQ(stats.huge_bytes, (4U << 20) + 1);
  EXPECT_EQ(stats.in_use_bytes, 512U + 448U + 28672U + 32768U + (4U << 20));
  check(allocator);
}

// testAllocationCounter: 800 and 40960; with the older classes 24, 800, 16384.
TEST(AllocatorStats, CountAllocationsByCategory) {
  PooledAllocatorOptions options = one_arena();
  options.max_cached_bytes_per_thread = 0;
  PooledAllocator allocator(options);
  {
    const ByteBuf small = allocator.heap_buffer(800);
    const ByteBuf normal = allocator.heap_buffer(40960);
  }
  PooledAllocatorStats stats = allocator.stats();
  EXPECT_EQ(stats.small.allocations, 1U);
  EXPECT_EQ(stats.normal.allocations, 1U);
  EXPECT_EQ(stats.small.deallocations, 1U);
  EXPECT_EQ(stats.normal.deallocations, 1U);
  EXPECT_EQ(stats.chunks_mapped, 1U);
  EXPECT_EQ(stats.chunks_unmapped, 0U);
  EXPECT_EQ(stats.heap_arenas[0].chunks, 1U);
  static_cast<void>(allocator.heap_buffer(24));
  static_cast<void>(allocator.heap_buffer(16384));  // a subpage's today, a run's with older classes
  stats = allocator.stats();
  EXPECT_EQ(stats.tiny.allocations, 1U);
  EXPECT_EQ(stats.small.allocations, 2U);
}

// testFreePoolChunk: a buffer of a whole chunk fills one; only the last list holds it. After the
// release Netty's six lists are empty and the chunk is gone; here it is in no list either, and
// kept for a while.
TEST(AllocatorStats, AWholeChunkIsInTheLastList) {
  PooledAllocatorOptions options = one_arena();
  options.max_order = 11;
  PooledAllocator allocator(options);
  ByteBuf buffer = allocator.direct_buffer(16 << 20);
  EXPECT_EQ(chunks_by_list(allocator.stats().direct_arenas[0]),
            (std::array<std::size_t, 6>{0, 0, 0, 0, 0, 1}));
  buffer.release();
  EXPECT_EQ(chunks_by_list(allocator.stats().direct_arenas[0]), (std::array<std::size_t, 6>{}));
  EXPECT_LE(allocator.stats().direct_arenas[0].chunks, 1U);
  EXPECT_EQ(allocator.stats().in_use_bytes, 0U);
}

// testUsedDirectMemory, testUsedHeapMemory: capacities 1024 << 0..7; used is the chunk, before and
// after the release; what buffers hold lies between the capacity and that, and is 0 after it.
TEST(AllocatorStats, TellWhatIsMappedAndWhatIsInUse) {
  for (const MemoryKind kind : {MemoryKind::heap, MemoryKind::direct}) {
    for (unsigned power = 0; power < 8; ++power) {
      PooledAllocator allocator(one_arena());
      const std::size_t capacity = std::size_t{1024} << power;
      ByteBuf buffer = buffer_of(allocator, kind, capacity);
      EXPECT_EQ(allocator.stats().mapped_bytes, 4U << 20);
      EXPECT_EQ(allocator.stats().in_use_bytes, capacity);
      buffer.release();
      EXPECT_EQ(allocator.stats().mapped_bytes, 4U << 20);
      EXPECT_EQ(allocator.stats().in_use_bytes, 0U);
      EXPECT_EQ(allocator.stats().cached_bytes, capacity);
    }
  }
}

// testNormalPoolSubpageRelease: 1024 x 8192: free bytes grow when they are released.
TEST(AllocatorStats, FreeBytesGrowWithReleases) {
  PooledAllocatorOptions options = one_arena();
  options.max_cached_bytes_per_thread = 0;
  PooledAllocator allocator(options);
  std::vector<ByteBuf> buffers;
  for (int i = 0; i < 1024; ++i) buffers.push_back(allocator.heap_buffer(8192));
  EXPECT_EQ(allocator.stats().free_bytes, 0U);
  EXPECT_EQ(allocator.stats().heap_arenas[0].chunks, 2U);
  buffers.resize(512);
  EXPECT_EQ(allocator.stats().mapped_bytes, allocator.stats().free_bytes + 512 * 8192U);
  buffers.clear();
  EXPECT_EQ(allocator.stats().in_use_bytes, 0U);
  EXPECT_EQ(allocator.stats().free_bytes, allocator.stats().mapped_bytes);
  check(allocator);
}

// shouldCreateTwoChunks: one more than a chunk holds; 16896 is of class 20480 with today's sizes.
TEST(AllocatorStats, ASecondChunkIsMappedWhenTheFirstIsFull) {
  PooledAllocator allocator(one_arena());
  std::vector<ByteBuf> buffers;
  // Five pages make two elements, so 512 pages make 102 runs.
  for (int i = 0; i < 204; ++i) buffers.push_back(allocator.direct_buffer(16896));
  EXPECT_EQ(allocator.stats().chunks_mapped, 1U);
  buffers.push_back(allocator.direct_buffer(16896));
  EXPECT_EQ(allocator.stats().chunks_mapped, 2U);
}

// shouldReuseTheSameChunk: a chunk nearly full, then 128 rounds: one chunk in all.
TEST(AllocatorStats, RoundsInAFullChunkMapNoOther) {
  PooledAllocatorOptions options = one_arena();
  options.max_cached_bytes_per_thread = 0;
  PooledAllocator allocator(options);
  std::vector<ByteBuf> buffers;
  for (int i = 0; i < 202; ++i) buffers.push_back(allocator.direct_buffer(16896));
  for (int i = 0; i < 128; ++i) static_cast<void>(allocator.direct_buffer(16896));
  EXPECT_EQ(allocator.stats().chunks_mapped, 1U);
  EXPECT_EQ(allocator.stats().chunks_unmapped, 0U);
}

// pinnedMemoryMustReflectBuffersInUse, with and without caches: 10,000 random rounds.
TEST(AllocatorStats, InUseIsWhatBuffersHold) {
  for (const bool cached : {true, false}) {
    PooledAllocatorOptions options = one_arena();
    if (!cached) options.max_cached_bytes_per_thread = 0;
    PooledAllocator allocator(options);
    std::minstd_rand random(static_cast<unsigned>(testing::UnitTest::GetInstance()->random_seed()) +
                            1);
    std::vector<ByteBuf> live;
    std::uint64_t held = 0;
    const auto size_of_class = [](const ByteBuf& buffer) {
      return sizing::size_of(sizing::size_class_of(buffer.capacity()));
    };
    for (int round = 0; round < test::scaled(100'000); ++round) {
      if (live.size() < 10 || (live.size() < 100 && random() % 2 == 0)) {
        live.push_back(allocator.buffer(1 + random() % 65536));
        held += size_of_class(live.back());
      } else {
        std::swap(live[random() % live.size()], live.back());
        held -= size_of_class(live.back());
        live.pop_back();
      }
      ASSERT_EQ(allocator.stats().in_use_bytes, held);
    }
    live.clear();
    EXPECT_EQ(allocator.stats().in_use_bytes, 0U);
    check(allocator);
  }
}

// A share is no allocation, growth is one, and a slice keeps the whole region in use.
TEST(AllocatorStats, CountRegionsAndNotHandles) {
  PooledAllocator allocator(one_arena());
  ByteBuf buffer = allocator.buffer(1000);
  buffer.write_zero(1000);
  ByteBuf slice = buffer.slice(10, 20);
  const ByteBuf share = slice;
  EXPECT_EQ(allocator.stats().small.allocations, 1U);
  buffer.ensure_writable(5000);
  EXPECT_EQ(allocator.stats().small.allocations, 2U);
  EXPECT_EQ(allocator.stats().small.active, 2U);
  buffer.release();
  EXPECT_EQ(allocator.stats().small.active, 1U);
  EXPECT_EQ(allocator.stats().in_use_bytes, 1024U);
}

TEST(AllocatorStats, CountPlainMemoryAndBuffersAlike) {
  PooledAllocator allocator(one_arena());
  void* const memory = allocator.allocate(100);
  const ByteBuf buffer = allocator.buffer(100);
  EXPECT_EQ(allocator.stats().tiny.active, 2U);
  EXPECT_EQ(allocator.stats().in_use_bytes, 2 * 112U);
  allocator.deallocate(memory, 100);
  EXPECT_EQ(allocator.stats().tiny.active, 1U);
}

// --- at rest after anything
// -----------------------------------------------------------------------

/// Work that several threads share: each takes, passes on, and releases what it or others took.
class RandomWork {
 public:
  RandomWork(PooledAllocator& allocator, unsigned threads) : allocator_(allocator) {
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this, i] { work(i); });
  }
  ~RandomWork() {
    for (std::thread& thread : threads_) thread.join();
  }
  RandomWork(const RandomWork&) = delete;
  RandomWork& operator=(const RandomWork&) = delete;

 private:
  struct Plain {
    void* memory;
    std::size_t size;
    std::size_t alignment;
  };

  void work(unsigned seed) {
    std::minstd_rand random(seed + 1);
    std::vector<Plain> plain;
    for (int n = 0; n < test::scaled(40'000); ++n) {
      const std::size_t size = random() % (random() % 8 == 0 ? 50'000 : 600);
      switch (random() % 6) {
        case 0:
        case 1:
          pass_on(buffer_of(allocator_, random() % 2 == 0 ? MemoryKind::heap : MemoryKind::direct,
                            size));
          break;
        case 2:
        case 3:
          release_one(random());
          break;
        case 4: {
          const std::size_t alignment = std::size_t{1} << (random() % 15);
          plain.push_back({allocator_.allocate(size, alignment), size, alignment});
          break;
        }
        default:
          if (!plain.empty()) {
            const Plain last = plain.back();
            plain.pop_back();
            allocator_.deallocate(last.memory, last.size, last.alignment);
          }
      }
    }
    for (const Plain& last : plain) allocator_.deallocate(last.memory, last.size, last.alignment);
  }
  void pass_on(ByteBuf buffer) {
    const std::lock_guard lock(mutex_);
    shared_.push_back(std::move(buffer));
  }
  void release_one(unsigned long which) {
    ByteBuf mine;
    const std::lock_guard lock(mutex_);
    if (shared_.empty()) return;
    std::swap(shared_[which % shared_.size()], shared_.back());
    mine = std::move(shared_.back());
    shared_.pop_back();
  }

  PooledAllocator& allocator_;
  std::mutex mutex_;
  std::vector<ByteBuf> shared_;
  std::vector<std::thread> threads_;
};

TEST(AllocatorStats, AddUpAtRestAfterRandomWorkOfSeveralThreads) {
  test::FakeMemory memory;
  PooledAllocatorOptions options = test::small_options();
  options.heap_arenas = 2;
  options.direct_arenas = 3;
  options.cache_trim_interval = 50;
  options.max_pending_bytes_per_thread = 30'000;
  const std::unique_ptr<PooledAllocator> allocator(
      detail::AllocatorAccess::make(options, memory.source()));
  for (int round = 0; round < 3; ++round) {
    { const RandomWork work(*allocator, 4); }
    check(*allocator);
    const PooledAllocatorStats stats = allocator->stats();
    for (const CategoryStats& c : {stats.tiny, stats.small, stats.normal, stats.huge}) {
      EXPECT_GT(c.allocations, 0U);
      EXPECT_EQ(c.active, 0U);
    }
    EXPECT_EQ(stats.in_use_bytes, 0U);
    EXPECT_EQ(stats.thread_caches, 0U);
    EXPECT_EQ(stats.cached_bytes, 0U) << "every thread has ended";
    EXPECT_EQ(memory.mapped_bytes(), stats.mapped_bytes);
  }
  allocator->trim_all();
  EXPECT_EQ(memory.mapped_bytes(), 0U);
}

TEST(AllocatorStats, AddUpAtRestWhileThreadsSleep) {
  PooledAllocatorOptions options = test::small_options();
  PooledAllocator allocator(options);
  std::mutex mutex;
  std::condition_variable changed;
  int waiting = 0;
  bool done = false;
  std::vector<ByteBuf> shared;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      std::vector<ByteBuf> mine;
      for (int n = 0; n < 20; ++n) mine.push_back(allocator.buffer(64));
      std::unique_lock lock(mutex);
      // Half stays live, some of it is given back by others.
      for (int n = 0; n < 10; ++n) shared.push_back(std::move(mine[static_cast<std::size_t>(n)]));
      if (i != 0) shared.resize(shared.size() - 5);
      mine.resize(15);
      ++waiting;
      changed.notify_all();
      changed.wait(lock, [&] { return done; });
    });
  }
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return waiting == 3; });
  check(allocator);
  const PooledAllocatorStats stats = allocator.stats();
  EXPECT_EQ(stats.thread_caches, 3U);
  EXPECT_EQ(stats.tiny.active, shared.size() + 3 * 5U);
  EXPECT_EQ(stats.in_use_bytes, stats.tiny.active * 64);
  EXPECT_GT(stats.cached_bytes, 0U);
  done = true;
  changed.notify_all();
  lock.unlock();
  for (std::thread& thread : threads) thread.join();
  shared.clear();
  check(allocator);
}

}  // namespace
}  // namespace tarn
