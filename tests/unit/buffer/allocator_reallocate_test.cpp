// SPDX-License-Identifier: Apache-2.0
// Plain memory that changes its size: content, place, what is counted, what is refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "buffer/allocator_access.hpp"
#include "support/plain_memory.hpp"
#include "support/scale.hpp"
#include "support/small_pool.hpp"
#include "tarn/allocator.hpp"
#include "tarn/detail/base/units.hpp"

namespace tarn {
namespace {

using base::kKiB;
using base::kMiB;
using test::PlainMemory;

constexpr MemoryKind kKinds[] = {MemoryKind::heap, MemoryKind::direct};

PooledAllocatorOptions one_arena() {
  PooledAllocatorOptions options;
  options.heap_arenas = options.direct_arenas = 1;
  return options;
}

/// An allocator over memory that can be refused. At its end everything must have come back.
class Pool {
 public:
  explicit Pool(const PooledAllocatorOptions& options = one_arena())
      : allocator_(detail::AllocatorAccess::make(options, memory_.source())) {}

  [[nodiscard]] PooledAllocator& operator*() const { return *allocator_; }
  [[nodiscard]] PooledAllocator* operator->() const { return allocator_.get(); }
  [[nodiscard]] test::FakeMemory& memory() { return memory_; }
  /// Audits everything, and that the sums are right.
  void check() const {
    detail::AllocatorAccess::core(*allocator_).audit();
    test::expect_adds_up(allocator_->stats());
  }
  /// As check(), and that nothing is live.
  void expect_nothing_left() const {
    check();
    const PooledAllocatorStats stats = allocator_->stats();
    for (const CategoryStats& c : {stats.tiny, stats.small, stats.normal, stats.huge}) {
      EXPECT_EQ(c.active, 0U);
    }
    EXPECT_EQ(stats.in_use_bytes + stats.huge_bytes, 0U);
    allocator_->trim_all();
    EXPECT_EQ(allocator_->stats().mapped_bytes, 0U);
  }

 private:
  test::FakeMemory memory_;
  std::unique_ptr<PooledAllocator> allocator_;
};

/// What is counted of a pool but for its caches.
struct Counted {
  explicit Counted(const Pool& pool) {
    const PooledAllocatorStats s = pool->stats();
    for (const CategoryStats& c : {s.tiny, s.small, s.normal, s.huge}) {
      taken.push_back(c.allocations);
      given.push_back(c.deallocations);
    }
    hits_and_misses = s.cache_hits + s.cache_misses;
  }
  bool operator==(const Counted&) const = default;

  std::vector<std::uint64_t> taken;
  std::vector<std::uint64_t> given;
  std::uint64_t hits_and_misses = 0;
};

TEST(Reallocate, OfNullAllocates) {
  const Pool pool;
  void* const memory = pool->reallocate(nullptr, 0, 100);
  ASSERT_NE(memory, nullptr);
  EXPECT_EQ(pool->stats().tiny.active, 1U);
  EXPECT_EQ(pool->stats().direct_arenas[0].in_use_bytes, 112U) << "direct memory";
  pool->deallocate(memory, 100);
  void* const aligned = pool->reallocate(nullptr, 0, 100, 4096);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(aligned) % 4096, 0U);
  pool->deallocate(aligned, 100, 4096);
  EXPECT_THROW(static_cast<void>(pool->reallocate(nullptr, 0, 100, 3)), std::invalid_argument);
  pool.expect_nothing_left();
}

TEST(Reallocate, WithinAClassChangesNothing) {
  Pool pool;
  for (const auto& [smallest, largest] :
       {std::pair{97U, 112U}, std::pair{3585U, 4096U}, std::pair{28673U, 32768U},
        std::pair{524289U, 655360U}, std::pair{1U, 16U}}) {
    PlainMemory memory(*pool, smallest, 1);
    const Counted before(pool);
    EXPECT_TRUE(memory.resize(largest));
    EXPECT_TRUE(memory.resize(smallest));
    EXPECT_TRUE(memory.resize((smallest + largest) / 2));
    EXPECT_EQ(Counted(pool), before);
  }
  pool.memory().refuse_all();
  void* const none = pool->allocate(0);
  EXPECT_EQ(pool->reallocate(none, 0, 16), none);
  EXPECT_EQ(pool->reallocate(none, 16, 0), none);
  pool->deallocate(none, 0);
  pool.expect_nothing_left();
}

// Memory that the thread took not long ago, to a class that its cache has.
TEST(Reallocate, MovesFromStockToStock) {
  const Pool pool;
  void* const ready = pool->allocate(200);
  pool->deallocate(ready, 200);
  PlainMemory memory(*pool, 100, 1, 16, MemoryKind::direct);
  const void* const before = memory.data();
  const Counted counted(pool);
  const std::uint64_t misses = pool->stats().cache_misses;
  EXPECT_FALSE(memory.resize(200));
  EXPECT_EQ(memory.data(), ready);
  EXPECT_FALSE(memory.resize(100));
  EXPECT_EQ(memory.data(), before) << "what it has left is the next to be taken";
  EXPECT_EQ(pool->stats().cache_misses, misses);
  EXPECT_EQ(pool->stats().tiny.allocations, counted.taken[0] + 2);
  EXPECT_EQ(pool->stats().tiny.deallocations, counted.given[0] + 2);
  pool.check();
}

TEST(Reallocate, IsOnTheUsualPathFromStockToStock) {
  const Pool pool;
  pool::PoolCore& core = detail::AllocatorAccess::core(*pool);
  for (const auto& [from, to] :
       {std::pair{100U, 200U}, std::pair{200U, 100U}, std::pair{131072U, 65536U}}) {
    void* const ready = pool->allocate(to);
    pool->deallocate(ready, to);
    void* const memory = pool->allocate(from);
    void* const moved = core.resize_near(memory, from, to, 16);
    EXPECT_EQ(moved, ready) << from << " to " << to;
    pool->deallocate(moved == nullptr ? memory : moved, moved == nullptr ? from : to);
  }
  pool.expect_nothing_left();
}

TEST(Reallocate, TakesTheStockOfItsKind) {
  const Pool pool;
  void* const heap = pool->allocate(200, 16, MemoryKind::heap);
  void* const direct = pool->allocate(200, 16, MemoryKind::direct);
  pool->deallocate(heap, 200);
  pool->deallocate(direct, 200);
  for (const MemoryKind kind : kKinds) {
    PlainMemory memory(*pool, 100, 1, 16, kind);
    memory.resize(200);
    EXPECT_EQ(memory.data(), kind == MemoryKind::heap ? heap : direct);
  }
  pool.check();
}

TEST(Reallocate, WithinAClassToAnAlignmentThatIsNoneThrowsToo) {
  const Pool pool;
  PlainMemory memory(*pool, 100, 1);
  EXPECT_THROW(static_cast<void>(pool->reallocate(memory.data(), 100, 110, 3)),
               std::invalid_argument);
  EXPECT_THROW(static_cast<void>(pool->reallocate(memory.data(), 100, 110, 0)),
               std::invalid_argument);
}

TEST(Reallocate, ToAnAlignmentThatIsNoneThrowsAndLeavesTheMemory) {
  const Pool pool;
  PlainMemory memory(*pool, 100, 1);
  void* const ready = pool->allocate(200);
  pool->deallocate(ready, 200);
  EXPECT_THROW(static_cast<void>(pool->reallocate(memory.data(), 100, 200, 3)),
               std::invalid_argument);
  pool.check();
}

// From every kind of memory to every other: slots, runs, and huge.
TEST(Reallocate, KeepsContentAndKind) {
  constexpr std::size_t kSizes[] = {0,      1,      100,    700,    5000,   10'240, 16'384,
                                    20'000, 28'672, 32'768, 32'769, 40'000, 100'003};
  for (const MemoryKind kind : kKinds) {
    const Pool pool(test::small_options());
    std::uint64_t seed = 0;
    for (const std::size_t from : kSizes) {
      for (const std::size_t to : kSizes) {
        PlainMemory memory(*pool, from, ++seed, 16, kind);
        memory.resize(to);
        memory.resize(from);
        ASSERT_TRUE(memory.is_whole());
      }
      pool.check();
    }
    const PooledAllocatorStats stats = pool->stats();
    EXPECT_EQ(stats.heap_arenas[0].chunks == 0, kind != MemoryKind::heap);
    EXPECT_EQ(stats.direct_arenas[0].chunks == 0, kind != MemoryKind::direct);
    pool.expect_nothing_left();
  }
}

// --- growth in place -----------------------------------------------------------------------------

TEST(Reallocate, DoublesWithoutACopyInAnEmptyPool) {
  for (const MemoryKind kind : kKinds) {
    const Pool pool;
    PlainMemory memory(*pool, 32 * kKiB, 7, 16, kind);
    const Counted before(pool);
    for (std::size_t size = 64 * kKiB; size <= 4 * kMiB; size *= 2) {
      EXPECT_TRUE(memory.resize(size)) << size;
      const PooledAllocatorStats stats = pool->stats();
      EXPECT_EQ(stats.normal.active, 1U);
      EXPECT_EQ(stats.in_use_bytes, size);
      EXPECT_EQ(stats.free_bytes, 4 * kMiB - size);
      EXPECT_EQ(Counted(pool), before) << "neither taken nor given";
      pool.check();
    }
    memory.give();
    EXPECT_EQ(pool->stats().chunks_mapped, 1U);
    pool.expect_nothing_left();
  }
}

TEST(Reallocate, WhatHasMovedOnceGrowsOnWhereItIs) {
  const Pool pool;
  PlainMemory memory(*pool, 32 * kKiB, 1);
  const PlainMemory neighbour(*pool, 32 * kKiB, 2);
  ASSERT_EQ(neighbour.data(), memory.data() + 32 * kKiB);
  // A gap that is just large enough, which any other memory of its size would get.
  PlainMemory gap(*pool, 64 * kKiB, 4);
  const PlainMemory wall(*pool, 32 * kKiB, 5);
  ASSERT_EQ(wall.data(), gap.data() + 64 * kKiB);
  gap.give();
  pool->trim_current_thread_cache();
  EXPECT_FALSE(memory.resize(64 * kKiB));
  EXPECT_EQ(memory.data(), wall.data() + 32 * kKiB);
  // The place that it left is as good as any for what comes next, but not for what grows.
  const PlainMemory other(*pool, 32 * kKiB, 3);
  for (std::size_t size = 128 * kKiB; size <= kMiB; size *= 2) {
    EXPECT_TRUE(memory.resize(size)) << size;
  }
  EXPECT_TRUE(neighbour.is_whole());
  EXPECT_TRUE(wall.is_whole());
  EXPECT_TRUE(other.is_whole());
  EXPECT_EQ(pool->stats().chunks_mapped, 1U);
  pool.check();
}

TEST(Reallocate, CopiesNoRunOfMemoryThatGrowsFromNothing) {
  const Pool pool;
  PlainMemory memory(*pool, 1, 1);
  for (std::size_t size = 2; size <= 32 * kKiB; size *= 2) memory.resize(size);
  for (std::size_t size = 64 * kKiB; size <= 2 * kMiB; size *= 2) {
    EXPECT_TRUE(memory.resize(size)) << size;
  }
  EXPECT_EQ(pool->stats().chunks_mapped, 1U);
  pool.check();
}

TEST(Reallocate, GrowsByAnyStep) {
  const Pool pool;
  PlainMemory memory(*pool, 30'000, 1);
  for (std::size_t size = 30'000; size < 4 * kMiB; size += size / 7 + 1) {
    ASSERT_TRUE(memory.resize(size)) << size;
    ASSERT_EQ(pool->stats().in_use_bytes, sizing::size_of(sizing::size_class_of(size)));
  }
  pool.check();
}

TEST(Reallocate, WhatGrewIsKeptForItsNewClass) {
  const Pool pool;
  PlainMemory memory(*pool, 32 * kKiB, 1);
  ASSERT_TRUE(memory.resize(100 * kKiB));
  const std::byte* const data = memory.data();
  memory.give();
  EXPECT_EQ(pool->stats().cached_bytes, 112 * kKiB);
  const std::uint64_t hits = pool->stats().cache_hits;
  const PlainMemory old_class(*pool, 32 * kKiB, 2);
  EXPECT_NE(old_class.data(), data);
  EXPECT_EQ(pool->stats().cache_hits, hits);
  const PlainMemory new_class(*pool, 112 * kKiB, 3);
  EXPECT_EQ(new_class.data(), data);
  EXPECT_EQ(pool->stats().cache_hits, hits + 1);
  pool.check();
}

// By category: from one into another is an allocation and a release, in place or not.
TEST(Reallocate, IsCountedByWhatItIsNow) {
  const Pool pool;
  PlainMemory memory(*pool, 100, 1);
  const auto active = [&] {
    const PooledAllocatorStats s = pool->stats();
    return std::vector<std::uint64_t>{s.tiny.active, s.small.active, s.normal.active,
                                      s.huge.active};
  };
  using Active = std::vector<std::uint64_t>;
  EXPECT_EQ(active(), (Active{1, 0, 0, 0}));
  memory.resize(8 * kKiB);
  EXPECT_EQ(active(), (Active{0, 1, 0, 0}));
  memory.resize(16 * kKiB);
  EXPECT_EQ(active(), (Active{0, 1, 0, 0}));
  memory.resize(32 * kKiB);
  EXPECT_EQ(active(), (Active{0, 0, 1, 0}));
  memory.resize(4 * kMiB);
  EXPECT_EQ(active(), (Active{0, 0, 1, 0}));
  memory.resize(4 * kMiB + 1);
  EXPECT_EQ(active(), (Active{0, 0, 0, 1}));
  EXPECT_EQ(pool->stats().huge_bytes, 4 * kMiB + 1);
  EXPECT_EQ(pool->stats().in_use_bytes, 0U);
  memory.resize(100 * kKiB);
  EXPECT_EQ(active(), (Active{0, 0, 1, 0}));
  memory.resize(1);
  EXPECT_EQ(active(), (Active{1, 0, 0, 0}));
  EXPECT_EQ(pool->stats().in_use_bytes, 16U);
  pool.check();
}

TEST(Reallocate, KeepsItsAlignment) {
  for (const std::size_t direct_alignment : {0U, 64U, 4096U}) {
    PooledAllocatorOptions options = test::small_options();
    options.direct_alignment = direct_alignment;
    options.max_order = 6;  // chunks of 256 KiB
    const Pool pool(options);
    for (const MemoryKind kind : kKinds) {
      for (std::size_t alignment = 1; alignment <= 256 * kKiB; alignment *= 4) {
        const std::size_t expected =
            kind == MemoryKind::direct ? std::max(alignment, direct_alignment) : alignment;
        PlainMemory memory(*pool, 100, alignment, alignment, kind);
        bool grew_in_place = false;
        for (std::size_t size = 300; size < 400'000; size += size / 2) {
          grew_in_place |= memory.resize(size);
          ASSERT_EQ(reinterpret_cast<std::uintptr_t>(memory.data()) % expected, 0U) << size;
        }
        EXPECT_TRUE(grew_in_place) << alignment;
        memory.resize(50);
        ASSERT_EQ(reinterpret_cast<std::uintptr_t>(memory.data()) % expected, 0U);
        pool.check();
      }
    }
    pool.expect_nothing_left();
  }
}

TEST(Reallocate, GrowsInPlaceWithoutCachesToo) {
  for (const bool for_all_threads : {true, false}) {
    PooledAllocatorOptions options = one_arena();
    options.use_cache_for_all_threads = for_all_threads;
    if (for_all_threads) options.max_cached_bytes_per_thread = 0;
    const Pool pool(options);
    PlainMemory memory(*pool, 32 * kKiB, 1);
    ASSERT_EQ(pool->stats().thread_caches, 0U);
    for (std::size_t size = 64 * kKiB; size <= 2 * kMiB; size *= 2) {
      EXPECT_TRUE(memory.resize(size));
      EXPECT_EQ(pool->stats().in_use_bytes, size);
      EXPECT_EQ(pool->stats().normal.allocations, 1U);
    }
    EXPECT_FALSE(memory.resize(5 * kMiB));
    EXPECT_FALSE(memory.resize(32 * kKiB));
    EXPECT_EQ(pool->stats().normal.allocations, 2U);
    memory.give();
    EXPECT_EQ(pool->stats().cached_bytes, 0U);
    EXPECT_EQ(pool->stats().normal.deallocations, 2U);
    pool.expect_nothing_left();
  }
}

// --- what moves ----------------------------------------------------------------------------------

TEST(Reallocate, ToASmallerClassMovesAndKeepsTheFront) {
  const Pool pool;
  PlainMemory memory(*pool, kMiB, 1);
  std::vector<std::size_t> sizes{kMiB / 2, 100'000, 32 * kKiB, 8 * kKiB, 1000, 17, 1};
  for (const std::size_t size : sizes) {
    EXPECT_FALSE(memory.resize(size)) << size;
    EXPECT_EQ(pool->stats().in_use_bytes, sizing::size_of(sizing::size_class_of(size)));
  }
  memory.give();
  pool.expect_nothing_left();
}

TEST(Reallocate, HugeMemoryStaysForItsOwnSizeOnly) {
  const Pool pool(test::small_options());
  PlainMemory memory(*pool, 100'000, 1);
  EXPECT_TRUE(memory.resize(100'000));
  EXPECT_FALSE(memory.resize(100'001));
  EXPECT_FALSE(memory.resize(3 * kMiB));
  EXPECT_EQ(pool->stats().huge_bytes, 3 * kMiB);
  EXPECT_FALSE(memory.resize(99'999));
  EXPECT_EQ(pool->stats().huge.active, 1U);
  EXPECT_EQ(pool->stats().huge_bytes, 99'999U);
  EXPECT_FALSE(memory.resize(32'768)) << "into a chunk";
  EXPECT_EQ(pool->stats().huge.active, 0U);
  EXPECT_FALSE(memory.resize(32'769)) << "and out of it";
  memory.give();
  pool.expect_nothing_left();
}

TEST(Reallocate, WorksForAKindWithoutArenas) {
  PooledAllocatorOptions options = test::small_options();
  options.direct_arenas = 0;
  const Pool pool(options);
  PlainMemory memory(*pool, 10, 1);
  for (const std::size_t size : {100U, 5000U, 16'384U, 32'768U, 100'000U, 16'384U, 10U}) {
    memory.resize(size);
    EXPECT_EQ(pool->stats().huge_bytes, size);
  }
  PlainMemory heap(*pool, 16'384, 2, 16, MemoryKind::heap);
  EXPECT_TRUE(heap.resize(32'768));
  memory.give();
  heap.give();
  pool.expect_nothing_left();
}

// --- refusal -------------------------------------------------------------------------------------

TEST(Reallocate, ThatIsRefusedLeavesTheMemoryAsItWas) {
  Pool pool(test::small_options());
  for (const std::size_t size : {100U, 5000U, 16'384U, 32'768U, 100'000U}) {
    PlainMemory memory(*pool, size, size);
    // All of every chunk, so that nothing can grow.
    std::vector<PlainMemory> rest;
    pool.memory().refuse_all();
    try {
      while (true) rest.emplace_back(*pool, 4096, 1);
    } catch (const std::bad_alloc&) {
      pool.check();
    }
    const Counted before(pool);
    const std::byte* const data = memory.data();
    for (const std::size_t wanted : {size + 12'288, std::size_t{200'000}}) {
      EXPECT_THROW(memory.resize(wanted), std::bad_alloc) << size << " to " << wanted;
      EXPECT_EQ(memory.data(), data);
      EXPECT_EQ(memory.size(), size);
      EXPECT_TRUE(memory.is_whole());
      EXPECT_EQ(Counted(pool), before);
      pool.check();
    }
    EXPECT_THROW(memory.resize(SIZE_MAX - 8), std::bad_alloc) << "cannot be represented";
    pool.memory().refuse_all(false);
    rest.clear();
    memory.resize(size + 12'288);
    memory.give();
    pool->trim_all();
  }
  pool.expect_nothing_left();
}

TEST(Reallocate, InPlaceAsksForNoMemory) {
  Pool pool;
  PlainMemory memory(*pool, 32 * kKiB, 1);
  pool.memory().refuse_all();
  EXPECT_TRUE(memory.resize(4 * kMiB));
  EXPECT_EQ(pool.memory().refusals(), 0U);
  pool.check();
}

// --- misuse --------------------------------------------------------------------------------------

TEST(ReallocateDeathTest, TheOldSizeIsWrongOnceItGrew) {
  const Pool pool;
  void* const memory = pool->allocate(32 * kKiB);
  ASSERT_EQ(pool->reallocate(memory, 32 * kKiB, 64 * kKiB), memory);
  const std::string report = "deallocate with another size.*with size 32768.*\\(65536 bytes\\)";
  EXPECT_DEATH(pool->deallocate(memory, 32 * kKiB), report);
  EXPECT_DEATH(static_cast<void>(pool->reallocate(memory, 32 * kKiB, kMiB)), report);
  pool->deallocate(memory, 64 * kKiB);
  EXPECT_DEATH(pool->deallocate(memory, 64 * kKiB), "released already");
  EXPECT_DEATH(static_cast<void>(pool->reallocate(memory, 64 * kKiB, kMiB)), "released already");
}

TEST(ReallocateDeathTest, AnotherAlignmentIsAnotherClass) {
  const Pool pool;
  void* const ready = pool->allocate(128);
  pool->deallocate(ready, 128);
  void* const memory = pool->allocate(100);
  EXPECT_DEATH(static_cast<void>(pool->reallocate(memory, 100, 110, 64)), "another size");
  pool->deallocate(memory, 100);
}

TEST(ReallocateDeathTest, NothingButLivePlainMemory) {
  const Pool pool;
  std::byte on_stack[64];
  EXPECT_DEATH(static_cast<void>(pool->reallocate(on_stack, 64, 100)), "not from this allocator");
  ByteBuf buffer = pool->buffer(32 * kKiB);
  EXPECT_DEATH(static_cast<void>(pool->reallocate(buffer.data(), 32 * kKiB, kMiB)),
               "belongs to a live buffer");
  auto* const memory = static_cast<std::byte*>(pool->allocate(32 * kKiB));
  EXPECT_DEATH(static_cast<void>(pool->reallocate(memory + 8192, 32 * kKiB, kMiB)),
               "not from this allocator");
  EXPECT_DEATH(static_cast<void>(pool->reallocate(memory, 40 * kKiB, kMiB)), "another size");
  EXPECT_DEATH(static_cast<void>(pool->reallocate(memory, 40 * kKiB, 32 * kKiB)), "another size");
  pool->deallocate(memory, 32 * kKiB);
}

// --- against a model -----------------------------------------------------------------------------

// Goal: content is never lost or mixed up, and everything that is counted adds up, whatever grows
// into what. Method: pieces that know their content are taken, resized and given back at random,
// also when memory is refused; audits between.
void work(const PooledAllocatorOptions& options, int full_steps) {
  const int steps = std::max(test::scaled(full_steps), 400);  // fewer may grow nothing in place
  std::minstd_rand random(static_cast<unsigned>(testing::UnitTest::GetInstance()->random_seed()) +
                          1);
  const std::size_t chunk = options.page_size << options.max_order;
  Pool pool(options);
  std::vector<PlainMemory> live;
  int stayed = 0;
  const auto any_size = [&] {
    return random() % (random() % 4 == 0 ? 2 * chunk : random() % 2 == 0 ? chunk : chunk / 8);
  };
  for (int step = 0; step < steps; ++step) {
    if (random() % 20 == 0) pool.memory().refuse_nth(1);
    if (random() % 100 == 0) pool->trim_all();
    const bool draining = step / 100 % 2 == 1;
    if (live.empty() || random() % (draining ? 8 : 3) == 0) {
      const std::size_t alignment =
          random() % 4 != 0 ? 16 : std::size_t{1} << (random() % (base::floor_log2(chunk) + 1));
      try {
        live.emplace_back(*pool, any_size(), static_cast<std::uint64_t>(step) << 32, alignment,
                          kKinds[random() % 2]);
      } catch (const std::bad_alloc&) {
        ASSERT_GT(pool.memory().refusals(), 0U);
      }
    } else {
      std::swap(live[random() % live.size()], live.back());
      if (random() % (draining ? 2 : 6) == 0) {
        live.pop_back();
      } else {
        const std::size_t before = live.back().size();
        try {
          const std::size_t size = random() % 3 == 0 ? any_size() : before + random() % (chunk / 8);
          stayed +=
              live.back().resize(size) && sizing::class_of(size + 1) > sizing::class_of(before + 1);
        } catch (const std::bad_alloc&) {
          ASSERT_EQ(live.back().size(), before);
          ASSERT_TRUE(live.back().is_whole());
        }
      }
    }
    if (step % 8 == 0) pool.check();
    ASSERT_FALSE(testing::Test::HasFailure()) << "step " << step;
  }
  EXPECT_GT(stayed, 0) << "nothing grew in place";
  live.clear();
  pool.memory().refuse_nth(0);
  pool.expect_nothing_left();
}

PooledAllocatorOptions shape(std::size_t page_size, unsigned max_order) {
  PooledAllocatorOptions options = test::small_options();
  options.page_size = page_size;
  options.max_order = max_order;
  return options;
}

TEST(ReallocateRandom, ChunkOfOnePage) { work(shape(4096, 0), 10'000); }
TEST(ReallocateRandom, ChunkOfTwoPages) { work(shape(4096, 1), 10'000); }
TEST(ReallocateRandom, ChunkOfFourPages) { work(shape(4096, 2), 10'000); }
TEST(ReallocateRandom, ChunkOfSixtyFourPages) { work(shape(4096, 6), 2000); }
TEST(ReallocateRandom, PagesOf64KiB) { work(shape(65536, 3), 2000); }
TEST(ReallocateRandom, WithADirectAlignment) {
  PooledAllocatorOptions options = shape(4096, 4);
  options.direct_alignment = 128;
  work(options, 4000);
}

TEST(ReallocateRandom, WithoutCaches) {
  PooledAllocatorOptions options = shape(4096, 4);
  options.max_cached_bytes_per_thread = 0;
  work(options, 4000);
}

TEST(ReallocateRandom, WithTrims) {
  PooledAllocatorOptions options = shape(4096, 4);
  options.cache_trim_interval = 10;
  work(options, 4000);
}

}  // namespace
}  // namespace tarn
