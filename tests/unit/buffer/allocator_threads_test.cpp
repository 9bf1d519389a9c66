// SPDX-License-Identifier: Apache-2.0
// Buffers of one allocator in many threads, also at the very end of a thread and of the process.
#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "buffer/allocator_access.hpp"
#include "support/sanitizers.hpp"
#include "support/scale.hpp"
#include "support/small_pool.hpp"
#include "tarn/allocator.hpp"
#include "tarn/fast_thread_local.hpp"

namespace tarn {
namespace {

using test::scaled;

PooledAllocatorOptions contended() {
  PooledAllocatorOptions options = test::small_options();
  options.cache_trim_interval = 64;
  options.max_pending_bytes_per_thread = 20'000;
  return options;
}

/// A buffer whose content follows from `seed`: another's bytes in it would show.
ByteBuf filled(PooledAllocator& allocator, std::size_t words, std::uint64_t seed) {
  ByteBuf buffer = allocator.buffer(words * 8);
  for (std::size_t i = 0; i < words; ++i) buffer.write_u64(seed + i);
  return buffer;
}

void expect_filled(ByteBuf buffer, std::uint64_t seed) {
  for (std::uint64_t i = 0; buffer.is_readable(8); ++i) ASSERT_EQ(buffer.read_u64(), seed + i);
}

void expect_nothing_in_use(PooledAllocator& allocator) {
  detail::AllocatorAccess::core(allocator).audit();
  test::expect_adds_up(allocator.stats());
  EXPECT_EQ(allocator.stats().in_use_bytes, 0U);
  EXPECT_EQ(allocator.stats().huge_bytes, 0U);
  allocator.trim_all();
  EXPECT_EQ(allocator.stats().mapped_bytes, 0U);
}

// Every sharer reads, slices, grows its own and lets go; whoever is last gives the region back.
TEST(AllocatorThreads, SharersOfABufferEndItTogether) {
  constexpr unsigned kThreads = 4;
  PooledAllocator allocator(contended());
  const int rounds = scaled(20'000);
  std::array<ByteBuf, kThreads> shares;
  std::barrier start(kThreads + 1);
  std::barrier end(kThreads + 1);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < rounds; ++round) {
        start.arrive_and_wait();
        ByteBuf share = std::move(shares[i]);
        const auto seed = static_cast<std::uint64_t>(round) << 32;
        expect_filled(share, seed);
        if (i % 2 == 0) {
          share.write_u64(seed + 10);  // grows into memory of its own
          expect_filled(share, seed);
        } else {
          expect_filled(share.slice(8, 16), seed + 1);
        }
        share.release();
        end.arrive_and_wait();
      }
    });
  }
  for (int round = 0; round < rounds; ++round) {
    {
      const ByteBuf buffer = filled(allocator, 10, static_cast<std::uint64_t>(round) << 32);
      for (ByteBuf& share : shares) share = buffer;
    }
    start.arrive_and_wait();
    end.arrive_and_wait();
  }
  for (std::thread& thread : threads) thread.join();
  expect_nothing_in_use(allocator);
}

// testCapacityChangeDoesntThrowAssertionError: 31 live buffers, and two threads that resize the
// 32nd. One ByteBuf is one thread's here, so each has a share of it; it moves to memory of its own.
TEST(AllocatorThreads, TwoThreadsResizeTheirSharesOfOneBuffer) {
  PooledAllocator allocator(contended());
  std::vector<ByteBuf> others;
  for (int i = 0; i < 31; ++i) others.push_back(allocator.heap_buffer());
  for (int round = 0; round < scaled(4000); ++round) {
    ByteBuf first = allocator.heap_buffer(500);
    ByteBuf second = first;
    std::thread thread([&first] { first.capacity(512); });
    second.capacity(512);
    thread.join();
    EXPECT_EQ(first.capacity(), 512U);
    EXPECT_EQ(second.capacity(), 512U);
  }
  others.clear();
  expect_nothing_in_use(allocator);
}

TEST(AllocatorThreads, BuffersTravelThroughARing) {
  constexpr unsigned kThreads = 4;
  PooledAllocator allocator(contended());
  const int rounds = scaled(8000);
  std::array<std::vector<ByteBuf>, kThreads> hands;
  std::barrier step(kThreads);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      std::minstd_rand random(i + 1);
      std::vector<ByteBuf>& mine = hands[i];
      for (int round = 0; round < rounds; ++round) {
        while (mine.size() < 8) {
          const std::uint64_t seed = std::uint64_t{i} << 48 | static_cast<unsigned>(round);
          mine.push_back(filled(allocator, 1 + random() % 200, seed));
        }
        step.arrive_and_wait();
        // One thread rotates while the others wait.
        if (i == 0) std::rotate(hands.begin(), hands.begin() + 1, hands.end());
        step.arrive_and_wait();
        for (int k = 0; k < 3; ++k) {
          std::swap(mine[random() % mine.size()], mine.back());
          ByteBuf last = std::move(mine.back());
          mine.pop_back();
          const std::uint64_t seed = last.get_u64(0);
          expect_filled(last, seed);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (auto& hand : hands) hand.clear();
  expect_nothing_in_use(allocator);
}

// --- at the end of threads
// ------------------------------------------------------------------------

/// Releases, and allocates once more, when its thread's other thread_locals are destroyed.
struct ReleasesLate {
  ByteBuf buffer;
  PooledAllocator* allocator = nullptr;
  ~ReleasesLate() {
    buffer.release();
    if (allocator != nullptr) static_cast<void>(allocator->buffer(64));
  }
};

TEST(AllocatorThreads, ReleaseInThreadLocalDestructors) {
  PooledAllocator allocator(contended());
  const ByteBuf mine = filled(allocator, 8, 1);
  for (int i = 0; i < scaled(400); ++i) {
    std::thread([&] {
      static thread_local ReleasesLate before;  // outlives what is made after it
      static thread_local ReleasesLate foreign;
      before.buffer = filled(allocator, 8, 2);
      before.allocator = &allocator;
      foreign.buffer = mine;
    }).join();
  }
  EXPECT_EQ(mine.ref_count(), 1U);
  EXPECT_EQ(allocator.stats().thread_caches, 1U);
  EXPECT_EQ(allocator.stats().tiny.active, 1U);
}

TEST(AllocatorThreads, ReleaseInFastThreadLocalRemovals) {
  PooledAllocator allocator(contended());
  FastThreadLocal<ByteBuf> kept;
  const ByteBuf mine = filled(allocator, 8, 1);
  for (int i = 0; i < scaled(400); ++i) {
    std::thread([&] {
      kept.set(i % 2 == 0 ? mine : filled(allocator, 100, 3));
      static_cast<void>(allocator.buffer(64));
    }).join();
  }
  EXPECT_EQ(mine.ref_count(), 1U);
  EXPECT_EQ(allocator.stats().thread_caches, 1U);
  EXPECT_EQ(allocator.stats().in_use_bytes, 64U);
}

// Keys of the C library end after everything else of a thread, in up to four rounds.
TEST(AllocatorThreads, ReleaseInTheLastRoundOfPthreadKeys) {
  // ThreadSanitizer takes leave of a thread in the last round itself.
  constexpr int kLastRound = PTHREAD_DESTRUCTOR_ITERATIONS - (TARN_UNDER_TSAN ? 1 : 0);
  static pthread_key_t key;
  static PooledAllocator* pool;
  PooledAllocator allocator(contended());
  pool = &allocator;
  struct Late {
    int rounds = 0;
    ByteBuf buffer;
  };
  ASSERT_EQ(::pthread_key_create(&key,
                                 [](void* raw) {
                                   auto* const late = static_cast<Late*>(raw);
                                   if (++late->rounds < kLastRound) {
                                     static_cast<void>(pool->buffer(64));
                                     ::pthread_setspecific(key, late);
                                   } else {
                                     delete late;
                                   }
                                 }),
            0);
  for (int i = 0; i < scaled(400); ++i) {
    std::thread([&] { ::pthread_setspecific(key, new Late{0, allocator.buffer(64)}); }).join();
  }
  ::pthread_key_delete(key);
  // A cache that is made after the thread's last look at its values stays until it is trimmed.
  allocator.trim_all();
  EXPECT_EQ(allocator.stats().in_use_bytes, 0U);
  EXPECT_EQ(allocator.stats().cached_bytes, 0U);
  EXPECT_EQ(allocator.stats().mapped_bytes, 0U);
  detail::AllocatorAccess::core(allocator).audit();
}

TEST(AllocatorThreads, TheLastBufferEndsThePoolInAThreadThatEnds) {
  for (int i = 0; i < scaled(200); ++i) {
    test::FakeMemory memory;
    std::optional<ByteBuf> last;
    {
      const std::unique_ptr<PooledAllocator> allocator(
          detail::AllocatorAccess::make(contended(), memory.source()));
      last = filled(*allocator, 8, 5);
    }
    EXPECT_NE(memory.mappings(), 0U);
    std::thread([&last] {
      static thread_local ReleasesLate late;
      late.buffer = *std::exchange(last, std::nullopt);
    }).join();
    EXPECT_EQ(memory.mappings(), 0U);
  }
}

TEST(AllocatorThreads, AllocatorsComeAndGoWhileThreadsHoldTheirBuffers) {
  const int rounds = scaled(1000);
  std::atomic<PooledAllocator*> current{nullptr};
  std::barrier step(3);
  const auto use = [&] {
    std::vector<ByteBuf> kept;  // of many former allocators
    std::minstd_rand random(3);
    for (int i = 0; i < rounds; ++i) {
      step.arrive_and_wait();  // there is one
      const auto seed = static_cast<std::uint64_t>(i);
      kept.push_back(filled(*current.load(), 1 + random() % 100, seed));
      step.arrive_and_wait();  // it may go
      if (kept.size() > 5) {
        std::swap(kept[random() % kept.size()], kept.back());
        const std::uint64_t first = kept.back().get_u64(0);
        expect_filled(kept.back(), first);
        kept.pop_back();
      }
    }
  };
  std::thread one(use);
  std::thread two(use);
  for (int i = 0; i < rounds; ++i) {
    PooledAllocator allocator(contended());
    current = &allocator;
    step.arrive_and_wait();
    step.arrive_and_wait();
  }
  one.join();
  two.join();
}

// --- at the end of the process
// --------------------------------------------------------------------

/// A static object with buffers; says by the exit status whether all was well.
struct ReleasesAtExit {
  ByteBuf own;
  ByteBuf of_other_thread;
  ByteBuf huge;
  PooledAllocator* allocator = nullptr;
  ~ReleasesAtExit() {
    if (allocator == nullptr) return;
    own.release();
    of_other_thread.release();
    huge.release();
    static_cast<void>(allocator->buffer(1000));
    allocator->trim_all();
    detail::AllocatorAccess::core(*allocator).audit();
    const PooledAllocatorStats stats = allocator->stats();
    const bool clean = stats.in_use_bytes + stats.huge_bytes + stats.cached_bytes == 0;
    ::_exit(clean ? 42 : 43);
  }
};

TEST(AllocatorThreadsDeathTest, ReleaseInStaticDestructors) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        static ReleasesAtExit at_exit;
        at_exit.allocator = new PooledAllocator(contended());
        at_exit.own = filled(*at_exit.allocator, 8, 1);
        at_exit.huge = at_exit.allocator->buffer(100'000);
        std::thread([] { at_exit.of_other_thread = at_exit.allocator->buffer(100); }).join();
        std::exit(1);
      },
      testing::ExitedWithCode(42), "");
}

// A static allocator whose buffers are in static objects that are destroyed after it.
TEST(AllocatorThreadsDeathTest, BuffersMayOutliveAStaticAllocator) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        struct Last {
          ByteBuf buffer;
          ~Last() {
            const bool whole = buffer.readable_bytes() == 64 && buffer.read_u64() == 7;
            buffer.release();
            ::_exit(whole ? 42 : 43);
          }
        };
        static Last last;
        static PooledAllocator allocator(contended());
        last.buffer = filled(allocator, 8, 7);
        std::exit(1);
      },
      testing::ExitedWithCode(42), "");
}

TEST(AllocatorThreadsDeathTest, ThreadsMayStillRunWhenTheProcessEnds) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        static std::atomic<bool> running{false};
        std::thread([] {
          while (true) {
            static_cast<void>(PooledAllocator::shared().buffer(64));
            running = true;
          }
        }).detach();
        while (!running) std::this_thread::yield();
        static_cast<void>(PooledAllocator::shared().buffer(64));
        std::exit(42);
      },
      testing::ExitedWithCode(42), "");
}

}  // namespace
}  // namespace tarn
