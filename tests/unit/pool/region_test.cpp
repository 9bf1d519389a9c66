// SPDX-License-Identifier: Apache-2.0
// The control block of a region, whatever kind of memory it is of.
#include "tarn/detail/pool/region.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <new>

#include "support/small_pool.hpp"
#include "tarn/detail/pool/core.hpp"

namespace tarn::pool {
namespace {

using test::SmallPool;

static_assert(sizeof(Region) == 24);

TEST(Region, IsLinkedToTheNextOneWhileItWaits) {
  Region a;
  Region b;
  set_next_region(&a, &b);
  EXPECT_EQ(next_region(&a), &b);
  EXPECT_EQ(a.link & kPlainTag, 0U) << "a waiting region must not look like live plain memory";
  set_next_region(&a, nullptr);
  EXPECT_EQ(next_region(&a), nullptr);
}

TEST(Region, OfAPoolKnowsItsCapacity) {
  SmallPool pool;
  for (const std::size_t size : {1U, 16U, 17U, 100U, 5000U, 20480U, 32768U}) {
    Region* const region = pool.take(size);
    EXPECT_EQ(region_capacity(region),
              sizing::size_of(sizing::SizeClass::from_index(sizing::class_of(size))));
    SmallPool::give(region);
  }
  Region* const huge = pool.take(100'000);
  EXPECT_EQ(region_capacity(huge), 100'000U);
  SmallPool::give(huge);
}

TEST(Region, TakesMoreOfTheSamePoolAndKind) {
  SmallPool pool;
  for (const MemoryKind kind : {MemoryKind::heap, MemoryKind::direct}) {
    for (const std::size_t size : {100U, 100'000U}) {  // pooled and huge ones
      Region* const old = pool.take(size, kind);
      Region* const more = take_like(old, 200);
      EXPECT_EQ(more->memory_kind, kind);
      EXPECT_EQ(more->refs.load_relaxed(), 1U);
      EXPECT_GE(region_capacity(more), 200U);
      SmallPool::give(more);
      SmallPool::give(old);
    }
  }
  EXPECT_EQ(pool.stats().tiny.allocations, 6U);
  pool.check();
}

TEST(Region, TakesMoreAfterItsAllocatorIsGone) {
  SmallPool pool;
  Region* const old = pool.take(100);
  Region* const huge = pool.take(100'000);
  pool.close();
  Region* const more = take_like(old, 3000);
  Region* const more_huge = take_like(huge, 200'000);
  SmallPool::give(old);
  SmallPool::give(huge);
  EXPECT_EQ(region_capacity(more_huge), 200'000U);
  SmallPool::give(more_huge);
  EXPECT_NE(pool.memory().mappings(), 0U);
  SmallPool::give(more);
  EXPECT_EQ(pool.memory().mappings(), 0U) << "the memory goes with the last region";
}

TEST(Region, TakingMoreThrowsWhenMemoryIsRefused) {
  SmallPool pool;
  Region* const old = pool.take(100);
  pool.memory().refuse_all();
  EXPECT_THROW(static_cast<void>(take_like(old, 100'000)), std::bad_alloc);
  EXPECT_EQ(old->refs.load_relaxed(), 1U);
  SmallPool::give(old);
  pool.check();
}

/// A foreign region that notes what becomes of it.
struct Noted : ForeignRegion {
  explicit Noted(int& count) : disposed(count) {
    refs.store_relaxed(1);
    capacity = 77;
    dispose = [](ForeignRegion* self) noexcept {
      const std::unique_ptr<Noted> owned(static_cast<Noted*>(self));
      ++owned->disposed;
    };
  }
  int& disposed;
};

TEST(Region, OfNoPoolIsDisposedOfByTheReleaseOfTheLastShare) {
  int disposed = 0;
  auto* const region = new Noted(disposed);
  EXPECT_EQ(region->link, foreign_home());
  EXPECT_EQ(region_capacity(region), 77U);
  EXPECT_EQ(disposed, 0);
  SmallPool::give(region);
  EXPECT_EQ(disposed, 1);
}

TEST(Region, OfNoPoolThatCannotGrowSaysSo) {
  int disposed = 0;
  auto* const region = new Noted(disposed);
  EXPECT_THROW(static_cast<void>(take_like(region, 1)), std::bad_alloc);
  SmallPool::give(region);
}

// A push into the home of foreign regions would mix what must never be pooled.
TEST(Region, TheForeignHomeTakesNobodysPush) {
  int disposed = 0;
  auto* const region = new Noted(disposed);
  auto& home = *reinterpret_cast<RegionCache*>(foreign_home());
  EXPECT_FALSE(home.push(region, tls::thread_token()));
  SmallPool::give(region);
}

}  // namespace
}  // namespace tarn::pool
