// SPDX-License-Identifier: Apache-2.0
// A pool under many threads at once: every region's payload says whose it is.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "support/scale.hpp"
#include "support/small_pool.hpp"

namespace tarn::pool {
namespace {

using test::scaled;
using test::small_options;
using test::SmallPool;

/// A region with a stamp at both ends: two that overlap, or one that is handed out twice, differ.
struct Stamped {
  Region* region = nullptr;
  std::uint64_t stamp = 0;

  [[nodiscard]] static Stamped take(PoolCore& core, std::size_t size, MemoryKind kind,
                                    std::uint64_t stamp) {
    Region* const region = core.take<0>(size, kind);
    if (region == nullptr) std::abort();
    const Stamped stamped{region, stamp};
    stamped.write(region->data);
    stamped.write(stamped.end());
    return stamped;
  }
  void check_and_give() const {
    ASSERT_TRUE(holds(region->data)) << "stamp " << stamp;
    ASSERT_TRUE(holds(end())) << "stamp " << stamp;
    SmallPool::give(region);
  }

 private:
  [[nodiscard]] std::byte* end() const { return region->data + region_capacity(region) - 8; }
  void write(std::byte* where) const { std::memcpy(where, &stamp, sizeof stamp); }
  [[nodiscard]] bool holds(const std::byte* where) const {
    return std::memcmp(where, &stamp, sizeof stamp) == 0;
  }
};

/// Regions on their way from one thread to another.
class Channel {
 public:
  void send(Stamped region) {
    {
      const std::lock_guard lock(mutex_);
      regions_.push_back(region);
    }
    filled_.notify_one();
  }
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    filled_.notify_all();
  }
  /// @returns all that has arrived; nothing when it is closed and empty.
  [[nodiscard]] std::vector<Stamped> receive() {
    std::unique_lock lock(mutex_);
    filled_.wait(lock, [this] { return closed_ || !regions_.empty(); });
    return std::exchange(regions_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable filled_;
  std::vector<Stamped> regions_;
  bool closed_ = false;
};

/// Any size, mostly small ones; sometimes a run or a huge one.
std::size_t any_size(std::minstd_rand& random) {
  const auto dice = random() % 100;
  if (dice < 80) return 8 + random() % 500;
  if (dice < 95) return 8 + random() % 8000;
  return 8 + random() % 40'000;
}

MemoryKind any_kind(std::minstd_rand& random) {
  return random() % 2 == 0 ? MemoryKind::heap : MemoryKind::direct;
}

PooledAllocatorOptions contended() {
  PooledAllocatorOptions options = small_options();
  options.cache_trim_interval = 64;
  options.max_pending_bytes_per_thread = 20'000;
  options.max_cached_bytes_per_thread = 50'000;
  return options;
}

void join(std::vector<std::thread>& threads) {
  for (std::thread& thread : threads) thread.join();
}

/// What must hold when all is given back.
void expect_nothing_left(SmallPool& pool) {
  pool.check();
  const PooledAllocatorStats stats = pool.stats();
  for (const CategoryStats& c : {stats.tiny, stats.small, stats.normal, stats.huge}) {
    EXPECT_EQ(c.active, 0U);
  }
  static_cast<void>(pool.core().trim_all());
  EXPECT_EQ(pool.stats().mapped_bytes, 0U);
  pool.check();
}

TEST(PoolCoreThreads, ProducersAndConsumersNeverShareAByte) {
  constexpr int kPairs = 3;
  const int count = scaled(40'000);
  SmallPool pool(contended());
  std::array<Channel, kPairs> channels;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kPairs; ++i) {
    threads.emplace_back([&, i] {
      std::minstd_rand random(i + 1);
      for (int n = 0; n < count; ++n) {
        const std::uint64_t stamp = (std::uint64_t{i} << 32) + static_cast<unsigned>(n);
        const Stamped region =
            Stamped::take(pool.core(), any_size(random), any_kind(random), stamp);
        if (random() % 3 == 0) {
          region.check_and_give();  // by the owner
        } else {
          channels[(i + random() % 2) % kPairs].send(region);
        }
      }
    });
  }
  std::vector<std::thread> consumers;
  for (Channel& channel : channels) {
    consumers.emplace_back([&] {
      for (auto regions = channel.receive(); !regions.empty(); regions = channel.receive()) {
        for (const Stamped& region : regions) region.check_and_give();
      }
    });
  }
  join(threads);
  for (Channel& channel : channels) channel.close();
  join(consumers);
  expect_nothing_left(pool);
}

// Each thread works on a heap of its own; another trims everybody all the time, and looks.
TEST(PoolCoreThreads, TrimmingEverybodyDisturbsNobody) {
  constexpr unsigned kThreads = 3;
  const int count = scaled(60'000);
  SmallPool pool(contended());
  std::atomic<unsigned> running{kThreads};
  std::atomic<std::uint64_t> given_up{0};
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      std::minstd_rand random(i + 1);
      std::vector<Stamped> live;
      // Where who trims gets no processor, its first trim is waited for.
      for (int n = 0; n < count || (given_up.load() == 0 && n < 100 * count); ++n) {
        if (live.size() < 20 || random() % 2 == 0) {
          const std::uint64_t stamp = (std::uint64_t{i} << 32) + static_cast<unsigned>(n);
          live.push_back(Stamped::take(pool.core(), any_size(random), any_kind(random), stamp));
        }
        if (live.size() > 40 || random() % 2 == 0) {
          std::swap(live[random() % live.size()], live.back());
          live.back().check_and_give();
          live.pop_back();
        }
      }
      for (const Stamped& region : live) region.check_and_give();
      --running;
    });
  }
  while (running.load() != 0) {
    given_up += pool.core().trim_all();
    const PooledAllocatorStats stats = pool.stats();
    EXPECT_LE(stats.pending_bytes, kThreads * contended().max_pending_bytes_per_thread);
  }
  join(threads);
  EXPECT_GT(given_up.load(), 0U);
  expect_nothing_left(pool);
}

// Thousands of short threads: each gives back what the one before has taken.
TEST(PoolCoreThreads, ShortThreadsLeaveNothingBehind) {
  const unsigned count = scaled(4000U);
  SmallPool pool(contended());
  std::mutex mutex;
  std::vector<Stamped> inherited;
  const auto live_briefly = [&](unsigned i) {
    std::minstd_rand random(i + 1);
    std::vector<Stamped> mine;
    for (unsigned n = 0; n < 10; ++n) {
      mine.push_back(Stamped::take(pool.core(), any_size(random), any_kind(random), i * 100 + n));
    }
    std::vector<Stamped> others;
    {
      const std::lock_guard lock(mutex);
      others = std::exchange(inherited, {});
    }
    for (const Stamped& region : others) region.check_and_give();
    const std::lock_guard lock(mutex);
    inherited.insert(inherited.end(), mine.begin(), mine.end());
  };
  for (unsigned i = 0; i < count; i += 4) {
    std::vector<std::thread> threads;
    for (unsigned k = 0; k < 4; ++k) threads.emplace_back(live_briefly, i + k);
    join(threads);
  }
  for (const Stamped& region : inherited) region.check_and_give();
  EXPECT_LE(pool.stats().thread_caches, 1U);
  expect_nothing_left(pool);
}

// The figure: 10,000 threads one after the other, each in every size class.
TEST(PoolCoreThreads, ManyThreadsOneAfterTheOtherMapNoMoreThanTheFirstTen) {
  const unsigned count = scaled(10'000U);
  SmallPool pool;
  std::size_t after_ten = 0;
  for (unsigned i = 0; i < count; ++i) {
    test::in_thread([&] {
      for (std::size_t c = 0; c < pool.core().geometry().class_count(); ++c) {
        const std::size_t size = sizing::size_of(sizing::SizeClass::from_index(c));
        for (const MemoryKind kind : {MemoryKind::heap, MemoryKind::direct}) {
          Stamped::take(pool.core(), size, kind, i).check_and_give();
        }
      }
    });
    if (i == 9) after_ten = pool.memory().peak_bytes();
  }
  EXPECT_EQ(pool.memory().peak_bytes(), after_ten);
  EXPECT_EQ(pool.stats().cached_bytes + pool.stats().pending_bytes, 0U);
  EXPECT_EQ(pool.stats().thread_caches, 0U);
  expect_nothing_left(pool);
}

// One thread allocates, another releases while the first sleeps: the bounds hold at every look.
TEST(PoolCoreThreads, AnOwnerThatSleepsIsSentNoMoreThanTheCeiling) {
  const int count = scaled(1'000'000);
  constexpr int kRound = 10'000;
  PooledAllocatorOptions options;
  options.heap_arenas = options.direct_arenas = 1;
  options.max_pending_bytes_per_thread = 100'000;
  options.max_cached_bytes_per_thread = 200'000;
  SmallPool pool(options);
  std::barrier taken(2);
  std::barrier given(2);
  std::vector<Stamped> regions;
  std::atomic<bool> done{false};
  std::thread owner([&] {
    for (int n = 0; n < count; n += kRound) {
      for (int i = 0; i < kRound; ++i) {
        regions.push_back(
            Stamped::take(pool.core(), 64, MemoryKind::direct, static_cast<unsigned>(n + i)));
      }
      taken.arrive_and_wait();
      given.arrive_and_wait();  // sleeps meanwhile
    }
  });
  std::atomic<std::uint64_t> looks{0};  // begun
  std::thread looker([&] {
    while (!done.load()) {
      ++looks;
      const PooledAllocatorStats stats = pool.stats();
      ASSERT_LE(stats.pending_bytes, options.max_pending_bytes_per_thread);
      ASSERT_LE(stats.cached_bytes, options.max_cached_bytes_per_thread);
    }
  });
  while (looks.load() == 0) std::this_thread::yield();  // or all could be over before it runs
  for (int n = 0; n < count; n += kRound) {
    taken.arrive_and_wait();
    for (const Stamped& region : regions) region.check_and_give();
    regions.clear();
    given.arrive_and_wait();
  }
  owner.join();
  done.store(true);
  looker.join();
  expect_nothing_left(pool);
}

// The allocator goes while other threads hold regions of their own and of each other, run, and end.
TEST(PoolCoreThreads, RegionsOutliveTheAllocatorInEveryThread) {
  constexpr unsigned kThreads = 4;
  const unsigned rounds = scaled(400U);
  for (unsigned round = 0; round < rounds; ++round) {
    test::FakeMemory memory;
    PoolCore* const core = PoolCore::create(contended(), memory.source());
    std::barrier all_hold(kThreads + 1);
    std::array<std::vector<Stamped>, kThreads> held;
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        std::minstd_rand random(round * kThreads + i + 1);
        for (unsigned n = 0; n < 20; ++n) {
          held[i].push_back(Stamped::take(*core, any_size(random), any_kind(random), i * 100 + n));
        }
        all_hold.arrive_and_wait();
        // While the allocator is being destroyed: a neighbour's, which it may be releasing too.
        const auto& mine = held[i];
        const auto& next = held[(i + 1) % kThreads];
        for (std::size_t n = 0; n < 20; ++n) (n % 2 == 0 ? mine : next)[n].check_and_give();
      });
    }
    all_hold.arrive_and_wait();
    core->close();
    join(threads);
    EXPECT_EQ(memory.mappings(), 0U) << "the memory goes with the last region";
  }
}

// Threads that end while the allocator is destroyed: each cache is emptied by one of the two.
TEST(PoolCoreThreads, ThreadsMayEndWhileTheAllocatorDoes) {
  constexpr unsigned kThreads = 4;
  const unsigned rounds = scaled(800U);
  for (unsigned round = 0; round < rounds; ++round) {
    test::FakeMemory memory;
    PoolCore* const core = PoolCore::create(contended(), memory.source());
    std::barrier all_used(kThreads + 1);
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        for (unsigned n = 0; n < 5; ++n) {
          Stamped::take(*core, 64, MemoryKind::direct, i).check_and_give();
        }
        all_used.arrive_and_wait();
      });
    }
    all_used.arrive_and_wait();
    core->close();
    EXPECT_EQ(memory.mappings(), 0U);
    join(threads);
  }
}

// 64 threads, one arena, no caches, sizes 0..16383: testConcurrentUsage, fewer threads at a time.
TEST(PoolCoreThreads, OneArenaServesManyThreadsWithoutCaches) {
  constexpr unsigned kThreads = 64;
  const int count = scaled(4000);
  PooledAllocatorOptions options = small_options();
  options.max_cached_bytes_per_thread = 0;
  SmallPool pool(options);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      std::minstd_rand random(i + 1);
      for (int n = 0; n < count / 10; ++n) {
        const std::size_t size = std::max<std::size_t>(random() % 16384, 8);
        Stamped::take(pool.core(), size, any_kind(random), i).check_and_give();
      }
    });
  }
  join(threads);
  EXPECT_EQ(pool.stats().thread_caches, 0U);
  expect_nothing_left(pool);
}

// Goal: whoever trims never meets the owner in a slow step, in which the owner itself changes what
// keeps it out of its usual path.
// Method: stocks of a few regions, so that most operations are slow steps, and trims without end.
TEST(PoolCoreThreads, TrimsFallIntoAThreadsSlowSteps) {
  constexpr std::size_t kLive = 60;
  SmallPool pool;
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> operations{0};
  std::thread owner([&] {
    std::minstd_rand random(7);
    std::vector<Stamped> live;
    for (std::uint64_t i = 0; !done.load(std::memory_order_relaxed); ++i) {
      operations.store(i, std::memory_order_relaxed);
      if (live.size() < kLive && random() % 2 == 0) {
        const std::size_t size = 16U << random() % 9;
        live.push_back(Stamped::take(pool.core(), size, MemoryKind::direct, i));
      } else if (!live.empty()) {
        std::swap(live[random() % live.size()], live.back());
        ASSERT_NO_FATAL_FAILURE(live.back().check_and_give());
        live.pop_back();
      }
    }
    for (const Stamped& region : live) ASSERT_NO_FATAL_FAILURE(region.check_and_give());
  });
  const auto trims = scaled<std::uint64_t>(30'000);
  // Fewer on a machine so busy that each costs a turn of the processor.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (std::uint64_t trim = 0; trim < trims && !HasFailure(); ++trim) {
    if (trim >= trims / 30 && std::chrono::steady_clock::now() > end) break;
    static_cast<void>(pool.core().trim_all());
    // Not always as far from the owner's last step.
    const std::uint64_t next = operations.load(std::memory_order_relaxed) + 5 + trim % 16;
    while (operations.load(std::memory_order_relaxed) < next && !HasFailure()) continue;
  }
  done.store(true);
  owner.join();
  pool.check();
}

}  // namespace
}  // namespace tarn::pool
