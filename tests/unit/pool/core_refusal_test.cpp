// SPDX-License-Identifier: Apache-2.0
// A pool to which memory is refused, at every moment at which it asks for some.
#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <new>
#include <thread>
#include <vector>

#include "support/failing_new.hpp"
#include "support/small_pool.hpp"

namespace tarn::pool {
namespace {

using test::small_options;
using testing_support::FailingNew;

constexpr MemoryKind kKinds[] = {MemoryKind::heap, MemoryKind::direct};

/// What a failed call must leave as it was.
struct Held {
  std::uint64_t mapped, in_use, cached, pending, huge, allocations, deallocations;
  bool operator==(const Held&) const = default;
};

Held held_by(const PoolCore& core) {
  const PooledAllocatorStats s = core.stats();
  Held held{s.mapped_bytes, s.in_use_bytes, s.cached_bytes, s.pending_bytes, s.huge_bytes, 0, 0};
  for (const CategoryStats& c : {s.tiny, s.small, s.normal, s.huge}) {
    held.allocations += c.allocations;
    held.deallocations += c.deallocations;
  }
  return held;
}

/// Closes a core at the end.
class OwnCore {
 public:
  OwnCore(const PooledAllocatorOptions& options, const platform::MemorySource& source,
          const platform::MemorySource& metadata)
      : core_(PoolCore::create(options, source, metadata)) {}
  ~OwnCore() { core_->close(); }
  OwnCore(const OwnCore&) = delete;
  OwnCore& operator=(const OwnCore&) = delete;
  [[nodiscard]] PoolCore& operator*() const { return *core_; }
  [[nodiscard]] PoolCore* operator->() const { return core_; }

 private:
  PoolCore* core_;
};

/// Takes every kind of region there is, some of them twice, and gives everything back.
/// @returns how many were refused; each refusal must have changed nothing.
std::size_t use(PoolCore& core) {
  std::size_t refused = 0;
  std::vector<Region*> regions;
  const auto take = [&](const std::function<Region*()>& take_one) {
    const Held before = held_by(core);
    Region* const region = take_one();
    if (region != nullptr) {
      regions.push_back(region);
    } else {
      ++refused;
      EXPECT_EQ(held_by(core), before);
      core.audit();
    }
  };
  for (const MemoryKind kind : kKinds) {
    for (const std::size_t size : {16U, 16U, 16U, 700U, 700U, 20480U, 16384U, 32768U, 100'000U}) {
      take([&] { return core.take<0>(size, kind); });
    }
    take([&] { return core.take_aligned(100, 16384, kind); });
  }
  // Enough of one class for several chunks, and refills of several regions.
  for (int i = 0; i < 30; ++i) {
    take([&] { return core.take<0>(5000, MemoryKind::direct); });
  }
  for (Region* const region : regions) {
    std::fill_n(region->data, region_capacity(region), std::byte{0x77});
    if ((region->link & kPlainTag) != 0) {
      core.give_aligned(region->data, 100, 16384);
    } else {
      test::SmallPool::give(region);
    }
  }
  core.audit();
  test::expect_adds_up(core.stats());
  return refused;
}

TEST(PoolCoreRefusal, OfAnyOneChunkIsSurvived) {
  for (std::size_t n = 1;; ++n) {
    test::FakeMemory memory;
    {
      const OwnCore core(small_options(), memory.source(), platform::system_memory());
      memory.refuse_nth(n);
      const std::size_t refused = use(*core);
      const std::size_t refusals = memory.refusals();
      EXPECT_EQ(refused, refusals) << "each refusal is somebody's, and only once";
      memory.refuse_nth(0);
      EXPECT_EQ(use(*core), 0U);
      core->trim_all();
      EXPECT_EQ(memory.mapped_bytes(), 0U);
      if (refusals == 0) {
        EXPECT_GT(n, 8U) << "the use asks for more than that";
        return;
      }
    }
    EXPECT_EQ(memory.mappings(), 0U);
  }
}

TEST(PoolCoreRefusal, OfAllChunksIsSurvived) {
  test::FakeMemory memory;
  const OwnCore core(small_options(), memory.source(), platform::system_memory());
  memory.refuse_all();
  EXPECT_EQ(use(*core), 50U);
  EXPECT_EQ(core->stats().cache_misses, 0U) << "what was not served is no look-up that missed";
  memory.refuse_all(false);
  EXPECT_EQ(use(*core), 0U);
}

TEST(PoolCoreRefusal, AboveALimitLeavesWhatIsThereInUse) {
  test::FakeMemory memory;
  const OwnCore core(small_options(), memory.source(), platform::system_memory());
  memory.limit_bytes(2 * 32768);
  std::vector<Region*> regions;
  while (Region* const region = core->take<0>(4096, MemoryKind::direct)) regions.push_back(region);
  EXPECT_EQ(regions.size(), 16U) << "every page of both chunks";
  for (Region* const region : regions) test::SmallPool::give(region);
  Region* const again = core->take<0>(4096, MemoryKind::direct);
  EXPECT_NE(again, nullptr);
  test::SmallPool::give(again);
}

TEST(PoolCoreRefusal, OfAnyOneTableIsSurvived) {
  std::size_t created = 0;
  for (std::size_t n = 1;; ++n) {
    test::FakeMemory metadata;
    metadata.refuse_nth(n);
    try {
      const OwnCore core(small_options(), platform::system_memory(), metadata.source());
      ++created;
      static_cast<void>(use(*core));
      const std::size_t refusals = metadata.refusals();
      metadata.refuse_nth(0);
      EXPECT_EQ(use(*core), 0U);
      if (refusals == 0) break;
    } catch (const std::bad_alloc&) {
      EXPECT_EQ(metadata.mappings(), 0U) << "a core that can't be made leaves nothing behind";
    }
  }
  EXPECT_GT(created, 1U);
}

// operator new: for the core itself, for threads' caches and slots, for the table of huge regions.
// A thread whose cache is refused is served past any cache.
TEST(PoolCoreRefusal, OfAnyOneNewWhileACoreIsMadeIsSurvived) {
  bool made = false;
  for (int n = 1; !made; ++n) {
    ASSERT_LT(n, 1000);
    const FailingNew failing(n);
    try {
      const OwnCore core(small_options(), platform::system_memory(), platform::system_memory());
      made = true;
    } catch (const std::bad_alloc&) {
      // LeakSanitizer, where it runs, sees that nothing is lost.
    }
  }
}

TEST(PoolCoreRefusal, OfAnyOneNewInAThreadsFirstUseIsSurvived) {
  const OwnCore core(small_options(), platform::system_memory(), platform::system_memory());
  Region* const mine = core->take<0>(64, MemoryKind::direct);
  for (int n = 1; n < 20; ++n) {
    Region* regions[3] = {};
    test::in_thread([&] {
      {
        const FailingNew failing(n);
        regions[0] = core->take<0>(64, MemoryKind::direct);
        regions[1] = core->take<0>(100'000, MemoryKind::direct);
      }
      regions[2] = core->take<0>(64, MemoryKind::direct);
      ASSERT_NE(regions[0], nullptr) << "no memory from operator new is needed past the caches";
      ASSERT_NE(regions[2], nullptr);
      for (Region* const region : regions) {
        if (region != nullptr) test::SmallPool::give(region);
      }
    });
    core->audit();
    test::expect_adds_up(core->stats());
  }
  test::SmallPool::give(mine);
}

TEST(PoolCoreRefusal, OfAnyOneNewInAReleaseIsSurvived) {
  const OwnCore core(small_options(), platform::system_memory(), platform::system_memory());
  for (int n = 1; n < 10; ++n) {
    Region* const region = core->take<0>(64, MemoryKind::direct);
    test::in_thread([&] {
      const FailingNew failing(n);
      test::SmallPool::give(region);  // would have a cache made for its batch
    });
    EXPECT_EQ(core->stats().tiny.active, 0U);
    core->audit();
  }
}

}  // namespace
}  // namespace tarn::pool
