// SPDX-License-Identifier: Apache-2.0
// Tests of FastThreadScope and FastThread.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <vector>

#include "tarn/fast_thread_local.hpp"

namespace tarn {
namespace {

static_assert(!std::is_copy_constructible_v<FastThreadScope>);
static_assert(!std::is_copy_constructible_v<FastThread>);
static_assert(std::is_nothrow_move_constructible_v<FastThread>);
static_assert(std::is_nothrow_move_assignable_v<FastThread>);
static_assert(!std::is_constructible_v<FastThread, FastThread&>);

TEST(FastThreadScope, MarksItsThreadWhileItLives) {
  EXPECT_FALSE(FastThreadScope::active());
  {
    const FastThreadScope scope;
    EXPECT_TRUE(FastThreadScope::active());
    EXPECT_TRUE(scope.active());
    std::thread([] { EXPECT_FALSE(FastThreadScope::active()); }).join();
  }
  EXPECT_FALSE(FastThreadScope::active());
}

TEST(FastThreadScope, Nests) {
  const FastThreadScope outer;
  {
    const FastThreadScope inner;
    EXPECT_TRUE(FastThreadScope::active());
  }
  EXPECT_TRUE(FastThreadScope::active());
}

TEST(FastThreadScope, ItsEndRemovesNothing) {
  int removed = 0;
  FastThreadLocal<int> local([] { return 1; }, [&](int&) { ++removed; });
  {
    const FastThreadScope scope;
    local.get();
  }
  EXPECT_TRUE(local.is_set());
  EXPECT_EQ(removed, 0);
}

TEST(FastThreadScope, SurvivesRemoveAll) {
  const FastThreadScope scope;
  remove_all_fast_thread_locals();
  EXPECT_TRUE(FastThreadScope::active());
}

// Netty's wrapMany: 100 plain threads interleaved in random order, predicates false, true, true,
// false around the wrapped call.
TEST(FastThreadScope, ManyThreadsInterleaved) {
  constexpr std::size_t kThreads = 100;
  std::vector<std::atomic<int>> stage(kThreads);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&stage, i] {
      const auto until = [&](int wanted) {
        while (stage[i].load() < wanted) std::this_thread::yield();
      };
      until(1);
      EXPECT_FALSE(FastThreadScope::active());
      {
        const FastThreadScope scope;
        EXPECT_TRUE(FastThreadScope::active());
        until(2);
        EXPECT_TRUE(FastThreadScope::active());
      }
      EXPECT_FALSE(FastThreadScope::active());
    });
  }
  std::mt19937 random(100);
  std::vector<std::size_t> turns;
  for (std::size_t i = 0; i < kThreads; ++i) turns.insert(turns.end(), 2, i);
  std::shuffle(turns.begin(), turns.end(), random);
  for (const std::size_t i : turns) ++stage[i];
  for (std::thread& thread : threads) thread.join();
}

TEST(FastThread, IsFastFromItsFirstToItsLastStatement) {
  bool active = false;
  FastThread([&] { active = FastThreadScope::active(); }).join();
  EXPECT_TRUE(active);
}

TEST(FastThread, PassesItsArgumentsAsStdThreadDoes) {
  int sum = 0;
  const auto add = [](std::unique_ptr<int> owned, int& out, const std::string& text) {
    out = *owned + static_cast<int>(text.size());
  };
  FastThread thread(add, std::make_unique<int>(40), std::ref(sum), "ab");
  thread.join();
  EXPECT_EQ(sum, 42);
  struct Counter {
    int count = 0;
    void increment(int by) { count += by; }
  } counter;
  FastThread(&Counter::increment, &counter, 3).join();
  EXPECT_EQ(counter.count, 3);
}

TEST(FastThread, IsJoinedByItsDestructor) {
  std::atomic<bool> ran{false};
  {
    const FastThread thread([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      ran = true;
    });
    EXPECT_TRUE(thread.joinable());
  }
  EXPECT_TRUE(ran);
}

TEST(FastThread, MovesAndJoinsWhatItReplaces) {
  std::atomic<int> ran{0};
  const auto work = [&ran] {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    ++ran;
  };
  FastThread first(work);
  const FastThread::id id = first.get_id();
  FastThread second(std::move(first));
  EXPECT_FALSE(first.joinable());
  EXPECT_EQ(first.get_id(), FastThread::id());
  EXPECT_EQ(second.get_id(), id);
  second = FastThread(work);
  EXPECT_GE(ran.load(), 1) << "the replaced one has been joined";
  FastThread& same = second;
  second = std::move(same);
  EXPECT_TRUE(second.joinable()) << "moved onto itself";
  second.join();
  EXPECT_EQ(ran.load(), 2);
  EXPECT_FALSE(second.joinable());
  EXPECT_THROW(second.join(), std::system_error);
}

TEST(FastThread, DefaultIsNoThread) {
  FastThread none;
  EXPECT_FALSE(none.joinable());
  EXPECT_EQ(none.get_id(), FastThread::id());
}

// Netty: onRemoval at thread end after get() and after set().
TEST(FastThread, RemovesItsValuesAtItsEnd) {
  std::atomic<int> removed{0};
  FastThreadLocal<int> got([] { return 1; }, [&](int&) { ++removed; });
  FastThreadLocal<int> was_set([] { return 1; }, [&](int&) { ++removed; });
  FastThread([&] { got.get(); }).join();
  EXPECT_EQ(removed, 1);
  FastThread([&] { was_set.set(2); }).join();
  EXPECT_EQ(removed, 2);
  FastThread([&] {
    got.get();
    remove_all_fast_thread_locals();
    EXPECT_EQ(removed, 3);
  }).join();
  EXPECT_EQ(removed, 3);
}

}  // namespace
}  // namespace tarn
