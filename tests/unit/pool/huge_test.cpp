// SPDX-License-Identifier: Apache-2.0
// Regions of their own from the system: exact sizes, kinds, alignments, statistics, refusals.
#include "pool/huge.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "support/small_pool.hpp"

namespace tarn::pool {
namespace {

using test::SmallPool;

/// A table beside the pool whose core its regions name.
class HugeTableTest : public testing::Test {
 protected:
  [[nodiscard]] HugeTable& table() { return table_; }
  [[nodiscard]] test::FakeMemory& memory() { return memory_; }
  [[nodiscard]] HugeRegion* take(std::size_t size, std::size_t alignment = 16,
                                 MemoryKind kind = MemoryKind::direct, std::uintptr_t tag = 0) {
    return table_.take(size, alignment, kind, tag);
  }

 private:
  SmallPool pool_;
  test::FakeMemory memory_;
  sync::Counter bytes_;
  HugeTable table_{pool_.core(), memory_.source(), bytes_};
};

TEST_F(HugeTableTest, GivesExactlyWhatIsAskedFor) {
  HugeRegion* const region = take(123'457);
  EXPECT_EQ(region->capacity, 123'457U);
  EXPECT_EQ(region->kind, RegionKind::huge);
  EXPECT_EQ(region->refs.load_relaxed(), 0U);
  EXPECT_EQ(region->link, foreign_home());
  EXPECT_EQ(memory().mapped_bytes(), 123'457U);
  EXPECT_EQ(table().live_regions(), 1U);
  table().give(region);
  EXPECT_EQ(memory().mapped_bytes(), 0U) << "huge regions are never cached";
  EXPECT_EQ(table().live_regions(), 0U);
}

TEST_F(HugeTableTest, AlignsAsTold) {
  for (std::size_t alignment = 1; alignment <= 65536; alignment *= 2) {
    HugeRegion* const region = take(70'000, alignment);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(region->data) % std::max<std::size_t>(alignment, 16),
              0U);
    table().give(region);
  }
}

TEST_F(HugeTableTest, TakesSmallDirectPiecesFromTheHeap) {
  // Of a kind without arenas every piece comes here; a mapping each would waste most of a page.
  HugeRegion* const small = take(100, 16, MemoryKind::direct);
  HugeRegion* const large = take(100'000, 16, MemoryKind::direct);
  EXPECT_EQ(small->mapped_as, MemoryKind::heap);
  EXPECT_EQ(small->memory_kind, MemoryKind::direct) << "what the user asked for, for growth";
  EXPECT_EQ(large->mapped_as, MemoryKind::direct);
  table().give(small);
  table().give(large);
}

TEST_F(HugeTableTest, FindsWhatIsLive) {
  HugeRegion* const plain = take(100'000, 16, MemoryKind::direct, kPlainTag);
  HugeRegion* const buffer = take(100'000);
  EXPECT_EQ(table().find(plain->data), plain);
  EXPECT_EQ(table().find(plain->data + 1), nullptr);
  EXPECT_EQ(table().find(buffer->data), buffer);
  EXPECT_EQ(table().find(nullptr), nullptr);
  const std::byte* const former = plain->data;
  table().give(plain);
  EXPECT_EQ(table().find(former), nullptr);
  table().give(buffer);
}

TEST_F(HugeTableTest, CountsBytesAndLives) {
  PooledAllocatorStats stats;
  HugeRegion* const one = take(5 << 20);
  HugeRegion* const two = take(6 << 20);
  table().give(one);
  table().add_to(stats);
  EXPECT_EQ(stats.huge_bytes, 6U << 20);
  EXPECT_EQ(stats.huge.allocations, 2U);
  EXPECT_EQ(stats.huge.deallocations, 1U);
  EXPECT_EQ(stats.huge.active, 1U);
  table().give(two);
}

TEST_F(HugeTableTest, RefusedMemoryChangesNothing) {
  memory().refuse_all();
  EXPECT_EQ(take(100'000), nullptr);
  EXPECT_EQ(take(100, 16, MemoryKind::heap), nullptr);
  PooledAllocatorStats stats;
  table().add_to(stats);
  EXPECT_EQ(stats.huge.allocations, 0U);
  EXPECT_EQ(stats.huge_bytes, 0U);
  memory().refuse_all(false);
  HugeRegion* const region = take(100'000);
  ASSERT_NE(region, nullptr);
  table().give(region);
}

// A buffer that is released twice must meet its own, dead control block.
TEST_F(HugeTableTest, KeepsControlBlocksReadable) {
  HugeRegion* const region = take(100'000);
  const void* const data = region->data;
  table().give(region);
  EXPECT_EQ(region->data, data);
  EXPECT_EQ(region->refs.load_relaxed(), 0U);
  EXPECT_EQ(take(50'000), region) << "and uses them again";
  table().give(region);
}

TEST_F(HugeTableTest, ServesThreadsAtOnce) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this] {
      for (std::size_t n = 0; n < 200; ++n) {
        HugeRegion* const region = take(1000 + n, 16, MemoryKind::heap, kPlainTag);
        region->data[0] = region->data[999 + n] = std::byte{1};
        ASSERT_EQ(table().find(region->data), region);
        table().give(region);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(memory().mappings(), 0U);
}

TEST(HugeRegions, AreCountedByThePool) {
  SmallPool pool;
  Region* const region = pool.take(32769);
  EXPECT_EQ(pool.stats().huge_bytes, 32769U);
  EXPECT_EQ(pool.stats().mapped_bytes, 0U) << "huge ones are counted apart";
  EXPECT_EQ(pool.stats().cache_hits + pool.stats().cache_misses, 0U);
  SmallPool::give(region);
  EXPECT_EQ(pool.stats().huge.deallocations, 1U);
  pool.check();
}

TEST(HugeRegions, NeedNoCacheOfAThread) {
  SmallPool pool;
  SmallPool::give(pool.take(100'000));
  EXPECT_EQ(pool.cache(), nullptr);
}

TEST(HugeRegions, OfSizesThatDoNotExistAreRefused) {
  SmallPool pool;
  constexpr std::size_t kMost = ~std::size_t{0};
  for (const std::size_t size : {kMost, kMost - 15, kMost - 4096}) {
    EXPECT_EQ(pool.take(size), nullptr);
    EXPECT_EQ(pool.core().take_aligned(size, 32768, MemoryKind::direct), nullptr);
  }
  pool.check();
}

}  // namespace
}  // namespace tarn::pool
