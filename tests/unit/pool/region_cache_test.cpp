// SPDX-License-Identifier: Apache-2.0
// The stock of one class: order, bounds, counts, and how its owner is kept out.
#include "tarn/detail/pool/region_cache.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "tarn/detail/platform/asymmetric_fence.hpp"
#include "tarn/detail/pool/thread_cache.hpp"
#include "tarn/detail/tls/slots.hpp"

namespace tarn::pool {
namespace {

static_assert(sizeof(RegionCache) == 128 && alignof(RegionCache) == 64);

constexpr std::uint8_t kClass = 5;
constexpr std::size_t kSize = 96;
constexpr std::uint32_t kMaxSize = 8;

/// A stock of class 5 with regions of no chunk; owned by the thread that makes it.
class Stock {
 public:
  explicit Stock(std::uint32_t limit = kMaxSize) {
    for (Region& region : regions_) region.size_class = kClass;
    // Only its address is used.
    auto& home = *reinterpret_cast<ThreadCache*>(thread_cache_.data());
    cache_.describe(home, 0,
                    {.memory_kind = MemoryKind::direct,
                     .size_class = kClass,
                     .max_size = kMaxSize,
                     .region_size = kSize,
                     .below_smallest = kSize - 16,
                     .largest = kSize});
    cache_.set_owner(tls::thread_token());
    cache_.grant(limit);
  }
  [[nodiscard]] RegionCache* operator->() { return &cache_; }
  [[nodiscard]] RegionCache& operator*() { return cache_; }
  [[nodiscard]] Region* region(std::size_t i) { return &regions_.at(i); }
  [[nodiscard]] bool push(std::size_t i) { return cache_.push(region(i), tls::thread_token()); }
  /// Pops as a thread does, which starts the next lease, of `lease` pops, when one is over.
  [[nodiscard]] Region* pop(std::uintptr_t tag, std::uint32_t lease = 1) {
    bool lease_is_over = false;
    Region* const region = cache_.pop(tag, lease_is_over);
    if (lease_is_over) cache_.start_lease(lease);
    return region;
  }
  /// A list of the regions [first, first + count).
  [[nodiscard]] RegionList list(std::size_t first, std::size_t count) {
    for (std::size_t i = first; i + 1 < first + count; ++i)
      set_next_region(region(i), region(i + 1));
    set_next_region(region(first + count - 1), nullptr);
    return {.first = region(first), .last = region(first + count - 1), .count = count};
  }
  [[nodiscard]] std::uintptr_t home() const { return reinterpret_cast<std::uintptr_t>(&cache_); }

 private:
  std::array<Region, 64> regions_;
  alignas(ThreadCache) std::array<std::byte, sizeof(ThreadCache)> thread_cache_{};
  RegionCache cache_;
};

std::vector<Region*> members(const RegionList& list) {
  std::vector<Region*> found;
  for (Region* region = list.first; region != nullptr; region = next_region(region)) {
    found.push_back(region);
  }
  return found;
}

/// Keeps the owner out, as whoever holds the ThreadCache's lock does.
void revoke_and_wait(RegionCache& cache) {
  cache.revoke();
  platform::heavy_fence();
  while (cache.owner_is_inside()) std::this_thread::yield();
}

// S0-13, with the order turned around: what was released last comes back first (Netty: 0, 1, 2).
TEST(RegionCache, GivesBackTheNewestFirst) {
  Stock stock;
  for (std::size_t i = 0; i < 4; ++i) ASSERT_TRUE(stock.push(i));
  for (std::size_t i = 4; i-- > 0;) EXPECT_EQ(stock.pop(0), stock.region(i));
  EXPECT_EQ(stock.pop(0), nullptr);
}

// S0-12: a released region is in this cache, and size follows.
TEST(RegionCache, CountsWhatItHolds) {
  Stock stock;
  EXPECT_EQ(stock->size(), 0U);
  ASSERT_TRUE(stock.push(0));
  EXPECT_EQ(stock->size(), 1U);
  ASSERT_NE(stock.pop(0), nullptr);
  EXPECT_EQ(stock->size(), 0U);
}

TEST(RegionCache, PopMakesARegionLiveAndItsOwn) {
  Stock stock;
  ASSERT_TRUE(stock.push(0));
  ASSERT_EQ(stock.pop(0), stock.region(0));
  EXPECT_EQ(stock.region(0)->link, stock.home());
  ASSERT_TRUE(stock.push(0));
  ASSERT_EQ(stock.pop(kPlainTag), stock.region(0));
  EXPECT_EQ(stock.region(0)->link, stock.home() | kPlainTag);
}

TEST(RegionCache, AWaitingRegionLooksLikeNoLiveOne) {
  Stock stock;
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(stock.push(i));
    EXPECT_NE(stock.region(i)->link, stock.home());
    EXPECT_EQ(stock.region(i)->link & kPlainTag, 0U);
  }
}

TEST(RegionCache, RefusesPushesAboveItsLimit) {
  Stock stock(2);
  EXPECT_TRUE(stock.push(0));
  EXPECT_TRUE(stock.push(1));
  stock.region(2)->link = 77;
  EXPECT_FALSE(stock.push(2));
  EXPECT_EQ(stock.region(2)->link, 77U) << "a refused region must stay as it was";
  EXPECT_EQ(stock->size(), 2U);
}

TEST(RegionCache, TakesPushesOfItsOwnerOnly) {
  Stock stock;
  std::thread([&stock] { EXPECT_FALSE(stock.push(0)); }).join();
  stock->set_owner(nullptr);
  EXPECT_FALSE(stock.push(0));
  stock->set_owner(tls::thread_token());
  EXPECT_TRUE(stock.push(0));
}

TEST(RegionCache, ARevokedOwnerNeitherPushesNorPops) {
  Stock stock;
  ASSERT_TRUE(stock.push(0));
  revoke_and_wait(*stock);
  EXPECT_EQ(stock.pop(0), nullptr);
  EXPECT_FALSE(stock.push(1));
  EXPECT_EQ(stock->size(), 1U);
  stock->restore();
  EXPECT_TRUE(stock.push(1));
  EXPECT_EQ(stock.pop(0), stock.region(1));
  EXPECT_EQ(stock.pop(0), stock.region(0));
}

TEST(RegionCache, AGrantWhileRevokedTakesEffectAtRestore) {
  Stock stock(4);
  revoke_and_wait(*stock);
  stock->grant(1);
  EXPECT_EQ(stock->granted(), 1U);
  EXPECT_FALSE(stock.push(0));
  stock->restore();
  EXPECT_TRUE(stock.push(0));
  EXPECT_FALSE(stock.push(1));
}

TEST(RegionCache, AnAddedListIsPoppedFromItsFront) {
  Stock stock;
  ASSERT_TRUE(stock.push(9));
  stock->add(stock.list(0, 3));
  stock->add({});
  EXPECT_EQ(stock->size(), 4U);
  for (const std::size_t i : {0U, 1U, 2U, 9U}) EXPECT_EQ(stock.pop(0), stock.region(i));
}

TEST(RegionCache, GivesUpTheNewest) {
  Stock stock;
  for (std::size_t i = 0; i < 5; ++i) ASSERT_TRUE(stock.push(i));
  const RegionList surplus = stock->shed_newest(3);
  EXPECT_EQ(surplus.count, 3U);
  EXPECT_EQ(members(surplus),
            (std::vector<Region*>{stock.region(4), stock.region(3), stock.region(2)}));
  EXPECT_EQ(surplus.last, stock.region(2));
  stock->audit();
  EXPECT_EQ(members(stock->shed_newest(0)), std::vector<Region*>{});
  EXPECT_EQ(stock->shed_newest(2).count, 2U);
  EXPECT_EQ(stock.pop(0), nullptr);
  stock->audit();
}

TEST(RegionCache, GivesUpTheOldest) {
  Stock stock;
  for (std::size_t i = 0; i < 5; ++i) ASSERT_TRUE(stock.push(i));
  const RegionList old = stock->shed_oldest(3);
  EXPECT_EQ(old.count, 3U);
  EXPECT_EQ(members(old),
            (std::vector<Region*>{stock.region(2), stock.region(1), stock.region(0)}));
  EXPECT_EQ(old.last, stock.region(0));
  stock->audit();
  EXPECT_EQ(members(stock->shed_oldest(0)), std::vector<Region*>{});
  const RegionList rest = stock->shed_oldest(2);
  EXPECT_EQ(members(rest), (std::vector<Region*>{stock.region(4), stock.region(3)}));
  EXPECT_EQ(rest.last, stock.region(3));
  EXPECT_EQ(stock.pop(0), nullptr);
  stock->audit();
}

// What the statistics call a release: every way in and out, pushes never counted one by one.
TEST(RegionCache, PushesFollowFromTheOtherCounts) {
  Stock stock;
  stock->add(stock.list(0, 4));  // from the arena: no release
  EXPECT_EQ(stock->pushes(), 0U);
  ASSERT_EQ(stock->remove_newest(), stock.region(0));
  stock->count_miss();
  ASSERT_EQ(stock.pop(0), stock.region(1));
  EXPECT_EQ(stock->pushes(), 0U);
  ASSERT_TRUE(stock.push(0));
  stock->add_released(stock.region(1));
  stock->count_passed_by();
  EXPECT_EQ(stock->pushes(), 3U);
  EXPECT_EQ(stock->size(), 4U);
  EXPECT_EQ(stock->shed_oldest(2).count, 2U);
  EXPECT_EQ(stock->shed_newest(1).count, 1U);
  EXPECT_EQ(stock->pushes(), 3U);
  EXPECT_EQ(stock->hits(), 1U);
  EXPECT_EQ(stock->misses(), 1U);
}

TEST(RegionCache, KnowsTheHitsOfEachInterval) {
  Stock stock;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(stock.push(0));
    ASSERT_NE(stock.pop(0), nullptr);
  }
  EXPECT_EQ(stock->take_interval_hits(), 3U);
  EXPECT_EQ(stock->take_interval_hits(), 0U);
  ASSERT_TRUE(stock.push(0));
  ASSERT_NE(stock.pop(0), nullptr);
  EXPECT_EQ(stock->take_interval_hits(), 1U);
  EXPECT_EQ(stock->hits(), 4U);
}

TEST(RegionCache, KnowsWhetherItWasHitSinceTheLastVisit) {
  Stock stock;
  EXPECT_FALSE(stock->was_hit_since_sweep());
  ASSERT_TRUE(stock.push(0));
  EXPECT_FALSE(stock->was_hit_since_sweep()) << "a release is no hit";
  ASSERT_NE(stock.pop(0), nullptr);
  EXPECT_TRUE(stock->was_hit_since_sweep());
  EXPECT_FALSE(stock->was_hit_since_sweep());
}

TEST(RegionCache, TellsTheLastPopOfItsLease) {
  Stock stock;
  stock->add(stock.list(0, 8));
  bool over = false;
  ASSERT_NE(stock->pop(0, over), nullptr);
  EXPECT_TRUE(over) << "the first lease is one pop";
  stock->start_lease(3);
  EXPECT_EQ(stock->granted_lease(), 3U);
  for (const bool last : {false, false, true}) {
    ASSERT_NE(stock->pop(0, over), nullptr);
    EXPECT_EQ(over, last);
  }
  EXPECT_EQ(stock->hits(), 4U);
  stock->start_lease(64);
  EXPECT_EQ(stock->hits(), 4U) << "pops that are granted are no hits yet";
}

TEST(RegionCache, FitsTheSizesOfItsClassOnly) {
  Stock stock;
  EXPECT_TRUE(stock->fits(kSize));
  EXPECT_TRUE(stock->fits(kSize - 15));
  EXPECT_FALSE(stock->fits(kSize - 16));
  EXPECT_FALSE(stock->fits(kSize + 1));
  EXPECT_FALSE(stock->fits(0));
}

TEST(DoublingBatch, IsTwiceAsManyEachTimeUpToTheMost) {
  DoublingBatch<std::uint8_t> batch;
  for (const std::uint32_t count : {1U, 2U, 4U, 8U, 12U, 12U}) EXPECT_EQ(batch.next(12), count);
  batch.restart();
  EXPECT_EQ(batch.next(12), 1U);
  EXPECT_EQ(batch.next(1), 1U);
  EXPECT_EQ(batch.next(12), 1U) << "the most of last time is where it goes on from";
  EXPECT_EQ(batch.next(12), 2U);
}

TEST(RegionCacheDeathTest, AuditFindsWhatDoesNotBelong) {
  Stock stock;
  ASSERT_TRUE(stock.push(0));
  ASSERT_TRUE(stock.push(1));
  stock->audit();
  stock.region(0)->size_class = kClass + 1;
  EXPECT_DEATH(stock->audit(), "size_class");
  stock.region(0)->size_class = kClass;
  stock.region(0)->refs.store_relaxed(1);
  EXPECT_DEATH(stock->audit(), "refs");
  stock.region(0)->refs.store_relaxed(0);
  set_next_region(stock.region(0), stock.region(2));
  EXPECT_DEATH(stock->audit(), "length|size_class");
}

// --- an owner that is stopped anywhere
// ------------------------------------------------------------

// Single-stepping needs the processor's trap flag; ThreadSanitizer's own code would be stepped too.
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)

/// Someone who trims while the owner is stopped before any of its instructions.
///
///     step `revoke_at`: revoke    first step outside from there on: in    step `trim_at`: trim,
///     restore
struct Trimmer {
  RegionCache& cache;
  int revoke_at;
  int trim_at;
  int step = 0;
  enum class Phase { before, revoked, in, done } phase = Phase::before;
  RegionList trimmed{};

  void on_step() noexcept {
    if (phase == Phase::before && step >= revoke_at) {
      cache.revoke();
      phase = Phase::revoked;
    }
    if (phase == Phase::revoked && !cache.owner_is_inside()) phase = Phase::in;
    if (phase == Phase::in && step >= trim_at) {
      trimmed = cache.shed_newest(cache.size());
      cache.restore();
      phase = Phase::done;
    }
    ++step;
  }
  /// What was still to be done when the owner had finished.
  void finish() noexcept {
    revoke_at = trim_at = 0;
    on_step();
  }
};

Trimmer* the_trimmer = nullptr;

void on_trap(int) { the_trimmer->on_step(); }

// Out of line, and clear of the red zone.
[[gnu::noinline]] void set_trap_flag() {
  asm volatile(
      "lea -128(%%rsp), %%rsp; pushfq; orq $0x100, (%%rsp); popfq; lea 128(%%rsp), %%rsp" ::
          : "memory", "cc");
}
[[gnu::noinline]] void clear_trap_flag() {
  asm volatile(
      "lea -128(%%rsp), %%rsp; pushfq; andq $~0x100, (%%rsp); popfq; lea 128(%%rsp), %%rsp" ::
          : "memory", "cc");
}

/// Runs `operation` step by step under the eyes of `trimmer`. @returns what it returned.
template <class F>
auto run_stepped(Trimmer& trimmer, F operation) {
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = on_trap;
  EXPECT_EQ(::sigaction(SIGTRAP, &action, &before), 0);
  the_trimmer = &trimmer;
  set_trap_flag();
  const auto result = operation();
  clear_trap_flag();
  EXPECT_EQ(::sigaction(SIGTRAP, &before, nullptr), 0);
  trimmer.finish();
  return result;
}

/// Calls `check(revoke_at, trim_at)` for every pair of steps of an operation that takes `steps`.
template <class F>
void for_each_pair(int steps, F check) {
  // Every step of optimised code; unoptimised code has hundreds, a dozen for one of those.
  const int stride = steps <= 80 ? 1 : 1 + steps / 16;
  for (int revoke_at = 0; revoke_at < steps; revoke_at += stride) {
    for (int trim_at = revoke_at; trim_at < steps; trim_at += stride) check(revoke_at, trim_at);
  }
}

// Goal: whatever an owner has read before it was kept out, it acts on nothing of it afterwards.
// Method: every place where it can be stopped, and every moment in which the other can have begun.
TEST(RegionCache, AnOwnerStoppedInsidePopActsOnNothingStale) {
  const auto attempt = [](int revoke_at, int trim_at) {
    Stock stock;
    for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(stock.push(i));
    Trimmer trimmer{*stock, revoke_at, trim_at};
    const Region* const taken = run_stepped(trimmer, [&] { return stock.pop(0); });
    stock->audit();
    ASSERT_EQ(trimmer.trimmed.count + (taken != nullptr ? 1U : 0U), 3U)
        << "revoked at step " << revoke_at << ", trimmed at " << trim_at;
  };
  Stock stock;
  Trimmer counting{*stock, 1 << 30, 1 << 30};
  ASSERT_TRUE(stock.push(0));
  static_cast<void>(run_stepped(counting, [&] { return stock.pop(0); }));
  ASSERT_GT(counting.step, 10) << "the processor was not stepped";
  for_each_pair(counting.step, attempt);
}

TEST(RegionCache, AnOwnerStoppedInsidePushActsOnNothingStale) {
  const void* const token = tls::thread_token();
  const auto attempt = [token](int revoke_at, int trim_at) {
    Stock stock;
    for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(stock.push(i));
    Trimmer trimmer{*stock, revoke_at, trim_at};
    const bool kept = run_stepped(trimmer, [&] { return stock->push(stock.region(3), token); });
    stock->audit();
    ASSERT_EQ(trimmer.trimmed.count + stock->size(), kept ? 4U : 3U)
        << "revoked at step " << revoke_at << ", trimmed at " << trim_at;
  };
  Stock stock;
  Trimmer counting{*stock, 1 << 30, 1 << 30};
  static_cast<void>(run_stepped(counting, [&] { return stock->push(stock.region(0), token); }));
  ASSERT_GT(counting.step, 10) << "the processor was not stepped";
  for_each_pair(counting.step, attempt);
}

#endif

// The same two at work at once, for ThreadSanitizer: each sees what the other has done.
TEST(RegionCache, IsFilledWithAListWhoseEndIsNotKnown) {
  Stock stock;
  stock->fill(stock.list(2, 3).first, 3);
  EXPECT_EQ(stock->size(), 3U);
  EXPECT_EQ(stock->pushes(), 0U) << "it came from elsewhere";
  stock->audit();
  for (const std::size_t i : {2U, 3U, 4U}) EXPECT_EQ(stock.pop(0), stock.region(i));
  EXPECT_EQ(stock->size(), 0U);
}

TEST(RegionCache, OwnerAndTrimmerNeverMeetInside) {
  constexpr int kRounds = 300;
  Stock stock;
  stock->add(stock.list(0, 3));
  std::atomic<bool> done{false};
  std::thread owner([&] {
    stock->set_owner(tls::thread_token());
    while (!done.load(std::memory_order_relaxed)) {
      Region* const region = stock.pop(0);
      if (region == nullptr) continue;
      region->data = nullptr;  // plain memory: a race if two had it
      while (!stock->push(region, tls::thread_token())) std::this_thread::yield();
    }
  });
  for (int round = 0; round < kRounds; ++round) {
    revoke_and_wait(*stock);
    stock->audit();
    const RegionList all = stock->shed_newest(stock->size());
    for (Region* const region : members(all)) region->data = nullptr;
    stock->add(all);
    stock->restore();
    std::this_thread::yield();
  }
  done.store(true);
  owner.join();
  stock->audit();
}

}  // namespace
}  // namespace tarn::pool
