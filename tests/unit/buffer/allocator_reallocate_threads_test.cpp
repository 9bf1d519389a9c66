// SPDX-License-Identifier: Apache-2.0
// Plain memory that one thread takes, another resizes, and any gives back.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "buffer/allocator_access.hpp"
#include "support/lane.hpp"
#include "support/plain_memory.hpp"
#include "support/scale.hpp"
#include "support/small_pool.hpp"
#include "tarn/allocator.hpp"
#include "tarn/detail/base/bits.hpp"
#include "tarn/detail/base/units.hpp"

namespace tarn {
namespace {

using base::kKiB;
using test::in_thread;
using test::Lane;
using test::PlainMemory;

PooledAllocatorOptions chunks_of(std::size_t size) {
  PooledAllocatorOptions options = test::small_options();
  options.max_order = base::floor_log2(size / options.page_size);
  return options;
}
PooledAllocatorOptions roomy() { return chunks_of(256 * kKiB); }

void check(PooledAllocator& allocator) {
  detail::AllocatorAccess::core(allocator).audit();
  test::expect_adds_up(allocator.stats());
}

void expect_nothing_left(PooledAllocator& allocator) {
  check(allocator);
  const PooledAllocatorStats stats = allocator.stats();
  for (const CategoryStats& c : {stats.tiny, stats.small, stats.normal, stats.huge}) {
    EXPECT_EQ(c.active, 0U);
  }
  EXPECT_EQ(stats.in_use_bytes + stats.huge_bytes, 0U);
  allocator.trim_all();
  EXPECT_EQ(allocator.stats().mapped_bytes, 0U);
}

TEST(ReallocateThreads, MemoryOfAThreadThatEndedGrows) {
  for (const bool mine_ends_too : {false, true}) {
    PooledAllocator allocator(roomy());
    std::optional<PlainMemory> memory;
    in_thread([&] { memory.emplace(allocator, 16 * kKiB, 1); });
    EXPECT_EQ(allocator.stats().thread_caches, 0U);
    EXPECT_TRUE(memory->resize(64 * kKiB));
    EXPECT_EQ(allocator.stats().in_use_bytes, 64 * kKiB);
    EXPECT_EQ(allocator.stats().normal.active, 1U);
    check(allocator);
    if (mine_ends_too) {
      in_thread([&] { EXPECT_TRUE(memory->resize(128 * kKiB)); });
      in_thread([&] { memory.reset(); });
    } else {
      memory.reset();
    }
    EXPECT_EQ(allocator.stats().cached_bytes, 0U) << "its cache is nobody's: straight to the arena";
    expect_nothing_left(allocator);
  }
}

// The cache of a thread that ended is the next one's, who so comes by what it did not take.
TEST(ReallocateThreads, WhatGrewGoesToWhoeverHasItsCacheNow) {
  PooledAllocator allocator(roomy());
  std::optional<PlainMemory> memory;
  in_thread([&] {
    { const PlainMemory small(allocator, 64, 2); }  // its subpage stays, in front of the memory
    memory.emplace(allocator, 16 * kKiB, 1);
  });
  EXPECT_TRUE(memory->resize(64 * kKiB));
  const std::byte* const data = memory->data();
  Lane next;
  next.call([&] {
    { const PlainMemory small(allocator, 64, 2); }
    EXPECT_TRUE(memory->resize(80 * kKiB));
    memory.reset();
    const PlainMemory same(allocator, 80 * kKiB, 3);
    EXPECT_EQ(same.data(), data) << "from its own stock of the class it has grown to";
  });
  check(allocator);
  EXPECT_EQ(allocator.stats().normal.active, 0U);
}

TEST(ReallocateThreads, MemoryOfAThreadThatRunsGrowsAndStaysItsOwn) {
  for (const bool owner_releases : {true, false}) {
    PooledAllocator allocator(roomy());
    Lane owner;
    std::optional<PlainMemory> memory;
    owner.call([&] { memory.emplace(allocator, 16 * kKiB, 1); });
    const std::byte* const data = memory->data();
    EXPECT_TRUE(memory->resize(64 * kKiB));
    EXPECT_EQ(allocator.stats().normal.allocations, 1U);
    EXPECT_EQ(allocator.stats().normal.active, 1U);
    EXPECT_EQ(allocator.stats().in_use_bytes, 64 * kKiB);
    check(allocator);
    if (owner_releases) {
      owner.call([&] { memory.reset(); });
      EXPECT_EQ(allocator.stats().cached_bytes, 64 * kKiB);
    } else {
      // A cache of this thread's, so that the release waits in its outbox.
      { const PlainMemory mine(allocator, 64, 2); }
      memory.reset();
      EXPECT_EQ(allocator.stats().pending_bytes, 64 * kKiB) << "counted by what it is now";
      allocator.trim_current_thread_cache();
    }
    EXPECT_EQ(allocator.stats().normal.active, 0U);
    check(allocator);
    owner.call([&] {
      const PlainMemory again(allocator, 64 * kKiB, 3);
      EXPECT_EQ(again.data(), data) << "the owner has it back";
    });
    owner.call([&] { allocator.trim_current_thread_cache(); });
    expect_nothing_left(allocator);
  }
}

// Of another thread's memory that must move, the new place is the mover's own.
TEST(ReallocateThreads, WhatMovesBelongsToWhoeverMovedIt) {
  PooledAllocator allocator(roomy());
  Lane owner;
  std::optional<PlainMemory> memory;
  std::optional<PlainMemory> neighbour;
  owner.call([&] {
    memory.emplace(allocator, 16 * kKiB, 1);
    neighbour.emplace(allocator, 16 * kKiB, 2);
  });
  EXPECT_FALSE(memory->resize(32 * kKiB));
  EXPECT_TRUE(memory->resize(64 * kKiB));
  const std::byte* const data = memory->data();
  memory.reset();
  const PlainMemory again(allocator, 64 * kKiB, 3);
  EXPECT_EQ(again.data(), data);
  neighbour.reset();
  check(allocator);
}

TEST(ReallocateThreads, OwnerMayGrowWhatAnotherHasGrown) {
  PooledAllocator allocator(roomy());
  Lane owner;
  std::optional<PlainMemory> memory;
  owner.call([&] { memory.emplace(allocator, 16 * kKiB, 1); });
  for (std::size_t size = 20 * kKiB; size <= 224 * kKiB; size += size / 4) {
    EXPECT_TRUE(memory->resize(size));
    owner.call([&] { EXPECT_TRUE(memory->resize(size + size / 8)); });
    check(allocator);
  }
  owner.call([&] { memory.reset(); });
  expect_nothing_left(allocator);
}

// Goal: growth beside everything else that threads do with a pool, by whoever has the memory.
// Method: each takes pieces that know their content, lets them grow, and puts them into a box that
// all take from; trims come in between. A byte of another's, or a region of a wrong class, shows.
void work(const PooledAllocatorOptions& options) {
  constexpr unsigned kThreads = 4;
  PooledAllocator allocator(options);
  std::mutex box_lock;
  std::vector<PlainMemory> box;
  std::atomic<int> stayed{0};
  std::vector<std::thread> threads;
  const int rounds = std::max(test::scaled(1500), 200);
  const std::size_t chunk = options.page_size << options.max_order;
  for (unsigned id = 0; id < kThreads; ++id) {
    threads.emplace_back([&, id] {
      std::minstd_rand random(id + 1);
      for (int round = 0; round < rounds; ++round) {
        const auto seed = std::uint64_t{id} << 56 | static_cast<std::uint64_t>(round) << 32;
        std::vector<PlainMemory> mine;
        mine.emplace_back(allocator, 1 + random() % (random() % 2 == 0 ? chunk / 2 : 1000), seed);
        {
          const std::lock_guard guard(box_lock);
          for (int i = 0; i < 2 && !box.empty(); ++i) {
            std::swap(box[random() % box.size()], box.back());
            mine.push_back(std::move(box.back()));
            box.pop_back();
          }
        }
        for (PlainMemory& memory : mine) {
          const std::size_t before = memory.size();
          const std::size_t size = before + random() % (before + 100);
          const bool in_place = memory.resize(size < 2 * chunk ? size : 10);
          if (in_place && sizing::class_of(memory.size()) > sizing::class_of(before)) {
            stayed.fetch_add(1, std::memory_order_relaxed);  // read when all have ended
          }
        }
        if (random() % 3 != 0) mine.erase(mine.begin());
        if (random() % 100 == 0) allocator.trim_all();
        const std::lock_guard guard(box_lock);
        for (PlainMemory& memory : mine) {
          if (box.size() < 20) box.push_back(std::move(memory));
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  check(allocator);
  EXPECT_GT(stayed.load(std::memory_order_relaxed), 0);
  box.clear();
  expect_nothing_left(allocator);
}

TEST(ReallocateThreads, GrowEachOthersMemory) {
  PooledAllocatorOptions options = chunks_of(64 * kKiB);
  options.cache_trim_interval = 64;
  work(options);
}
TEST(ReallocateThreads, GrowEachOthersMemoryInTinyChunks) {
  PooledAllocatorOptions options = test::small_options();
  options.max_pending_bytes_per_thread = 20'000;
  work(options);
}
TEST(ReallocateThreads, GrowEachOthersMemoryWithoutCaches) {
  PooledAllocatorOptions options = chunks_of(64 * kKiB);
  options.max_cached_bytes_per_thread = 0;
  work(options);
}
TEST(ReallocateThreads, GrowEachOthersMemoryOfSeveralArenas) {
  PooledAllocatorOptions options = chunks_of(64 * kKiB);
  options.direct_arenas = 3;
  work(options);
}

}  // namespace
}  // namespace tarn
