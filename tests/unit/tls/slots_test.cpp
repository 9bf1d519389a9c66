// SPDX-License-Identifier: Apache-2.0
// Tests of slots, keys and frames.
#include "tarn/detail/tls/slots.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tls/registry.hpp"

namespace tarn::tls {
namespace {

/// Notes what a key's callbacks got, in order.
struct Log {
  std::vector<void*> removed;
  std::vector<void*> discarded;

  static void remove(void* value, void* log) { static_cast<Log*>(log)->removed.push_back(value); }
  static void discard(void* value, void* log) {
    static_cast<Log*>(log)->discarded.push_back(value);
  }
};

int a;
int b;

TEST(Slots, AreNullWithoutAValue) {
  Log log;
  const Key key(Log::remove, &log);
  EXPECT_EQ(slot_get(key.index()), nullptr);
  EXPECT_EQ(slot_get(std::size_t{1} << 40), nullptr) << "far past the array";
}

TEST(Slots, ThreadTokensAreUniqueAmongLivingThreads) {
  constexpr int kThreads = 8;
  std::vector<const void*> tokens(kThreads);
  std::latch all(kThreads);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      tokens[static_cast<std::size_t>(i)] = thread_token();
      all.arrive_and_wait();
      EXPECT_EQ(tokens[static_cast<std::size_t>(i)], thread_token());
    });
  }
  for (std::thread& thread : threads) thread.join();
  tokens.push_back(thread_token());
  std::sort(tokens.begin(), tokens.end());
  EXPECT_EQ(std::adjacent_find(tokens.begin(), tokens.end()), tokens.end());
}

TEST(Key, SetsTakesAndReplaces) {
  Log log;
  Key key(Log::remove, &log);
  EXPECT_EQ(key.set(&a), nullptr);
  EXPECT_EQ(key.get(), &a);
  EXPECT_EQ(slot_get(key.index()), &a);
  EXPECT_EQ(key.set(&b), &a) << "the one before is the caller's";
  EXPECT_EQ(key.take(), &b);
  EXPECT_EQ(key.take(), nullptr);
  EXPECT_EQ(key.get(), nullptr);
  EXPECT_TRUE(log.removed.empty());
}

TEST(Key, RemoveHandsTheValueToTheCallback) {
  Log log;
  Key key(Log::remove, Log::discard, &log);
  key.remove();
  EXPECT_TRUE(log.removed.empty());
  key.set(&a);
  key.remove();
  EXPECT_EQ(log.removed, std::vector<void*>{&a});
  EXPECT_TRUE(log.discarded.empty());
}

TEST(Key, ThreadExitHandsTheValueToTheCallback) {
  Log log;
  Key key(Log::remove, &log);
  std::thread([&] { key.set(&a); }).join();
  EXPECT_EQ(log.removed, std::vector<void*>{&a});
}

TEST(Key, DestructorHandsEveryThreadsValueToTheCallback) {
  Log log;
  std::latch set(2);
  std::latch destroyed(1);
  auto key = std::make_unique<Key>(Log::remove, &log);
  std::thread first([&] {
    key->set(&a);
    set.count_down();
    destroyed.wait();
  });
  std::thread second([&] {
    key->set(&b);
    set.count_down();
    destroyed.wait();
  });
  set.wait();
  key.reset();
  destroyed.count_down();
  first.join();
  second.join();
  std::sort(log.removed.begin(), log.removed.end());
  std::vector<void*> both{&a, &b};
  std::sort(both.begin(), both.end());
  EXPECT_EQ(log.removed, both) << "each once, not again at the threads' ends";
}

// More values than one batch of a walk over the threads holds.
TEST(Key, DestructorAndForEachReachManyThreads) {
  constexpr int kThreads = 100;
  Log log;
  std::vector<int> values(kThreads);
  std::latch set(kThreads);
  std::latch destroyed(1);
  auto key = std::make_unique<Key>(Log::remove, &log);
  std::vector<std::thread> threads;
  for (int& value : values) {
    threads.emplace_back([&] {
      key->set(&value);
      set.count_down();
      destroyed.wait();
    });
  }
  set.wait();
  std::vector<void*> visited;
  key->for_each([&](void* value) { visited.push_back(value); });
  key.reset();
  destroyed.count_down();
  for (std::thread& thread : threads) thread.join();
  std::sort(visited.begin(), visited.end());
  std::sort(log.removed.begin(), log.removed.end());
  EXPECT_EQ(visited.size(), std::size_t{kThreads});
  EXPECT_EQ(std::adjacent_find(visited.begin(), visited.end()), visited.end());
  EXPECT_EQ(log.removed, visited);
}

TEST(Key, IndexIsUsedAgainAndStartsEmptyInEveryThread) {
  Log log;
  auto key = std::make_unique<Key>(Log::remove, &log);
  const std::size_t index = key->index();
  std::latch set(1);
  std::latch remade(1);
  std::thread other([&] {
    key->set(&a);
    set.count_down();
    remade.wait();
    EXPECT_EQ(key->get(), nullptr) << "a value of the former key";
    EXPECT_EQ(thread_value_count(), 0U);
    key->set(&b);
  });
  key->set(&b);
  set.wait();
  key = nullptr;
  key = std::make_unique<Key>(Log::remove, &log);
  EXPECT_EQ(key->index(), index);
  EXPECT_EQ(key->get(), nullptr);
  log.removed.clear();
  remade.count_down();
  other.join();
  EXPECT_EQ(log.removed, std::vector<void*>{&b});
}

TEST(Key, SlotsGrowWithTheIndexAndKeepTheirValues) {
  constexpr std::size_t kKeys = 500;  // past the first 32 slots, four growths
  Log log;
  std::vector<std::unique_ptr<Key>> keys;
  std::vector<int> values(kKeys);
  for (std::size_t i = 0; i < kKeys; ++i) {
    keys.push_back(std::make_unique<Key>(Log::remove, &log));
    keys[i]->set(&values[i]);
  }
  for (std::size_t i = 0; i < kKeys; ++i) ASSERT_EQ(keys[i]->get(), &values[i]);
  EXPECT_EQ(thread_value_count(), kKeys);
  EXPECT_GE(t_words.slot_count, kKeys);
  registry().audit();
  keys.clear();
  EXPECT_EQ(thread_value_count(), 0U);
  EXPECT_EQ(log.removed.size(), kKeys);
}

TEST(Key, ReserveMakesRoomWithoutAValue) {
  Log log;
  std::thread([&] {
    const Key key(Log::remove, &log);
    key.reserve();
    EXPECT_GT(t_words.slot_count, key.index());
    EXPECT_EQ(key.get(), nullptr);
  }).join();
}

/// Visits a thread's value while that thread runs `end`, which must wait for the visit's end.
template <class End>
void expect_held_up(End end) {
  Log log;
  Key key(Log::remove, &log);
  std::latch set(1);
  std::latch visiting(1);
  std::atomic<bool> visited{false};
  std::thread owner([&] {
    key.set(&a);
    set.count_down();
    visiting.wait();
    EXPECT_EQ(end(key), &a);
    EXPECT_TRUE(visited.load()) << "ended while it was being visited";
  });
  set.wait();
  key.for_each([&](void* value) {
    EXPECT_EQ(value, &a);
    visiting.count_down();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    visited = true;
  });
  owner.join();
}

TEST(Key, ForEachHoldsUpTheOwnersTake) {
  expect_held_up([](Key& key) { return key.take(); });
}

TEST(Key, ForEachHoldsUpTheOwnersSet) {
  expect_held_up([](Key& key) { return key.set(&b); });
}

TEST(Key, ForEachHoldsUpTheOwnersEnd) {
  expect_held_up([](Key&) -> void* {
    remove_all_values();
    return &a;
  });
}

TEST(Key, ForEachMayUseOtherKeys) {
  Log log;
  Key key(Log::remove, &log);
  Key other(Log::remove, &log);
  key.set(&a);
  key.for_each([&](void*) {
    other.set(&b);
    EXPECT_EQ(other.get(), &b);
    other.for_each([](void* value) { EXPECT_EQ(value, &b); });
    other.remove();
  });
  EXPECT_EQ(log.removed, std::vector<void*>{&b});
}

// The thread's end is inside the callback when the destructor begins.
TEST(Key, DestructorWaitsForAnEndingThreadsCallback) {
  struct Blocking {
    std::latch entered{1};
    std::latch go_on{1};
    std::atomic<bool> done{false};
    static void remove(void*, void* self) {
      auto& me = *static_cast<Blocking*>(self);
      me.entered.count_down();
      me.go_on.wait();
      me.done = true;
    }
  } blocking;
  auto key = std::make_unique<Key>(Blocking::remove, &blocking);
  std::thread ending([&] { key->set(&a); });
  blocking.entered.wait();
  std::thread helper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    blocking.go_on.count_down();
  });
  key.reset();
  EXPECT_TRUE(blocking.done.load());
  helper.join();
  ending.join();
}

TEST(Key, DestructorRemovesWhatItsCallbackMakes) {
  struct Remaking {
    Key* key = nullptr;
    int left = 3;
    int calls = 0;
    static void remove(void* value, void* self) {
      auto& me = *static_cast<Remaking*>(self);
      ++me.calls;
      if (me.left-- > 0) me.key->set(value);
    }
  } remaking;
  {
    Key key(Remaking::remove, &remaking);
    remaking.key = &key;
    key.set(&a);
  }
  EXPECT_EQ(remaking.calls, 4);
  EXPECT_EQ(thread_value_count(), 0U);
}

TEST(Frame, FindsAKeyThatIsMadeWithinItsOwnMaking) {
  Log log;
  const Key key(Log::remove, &log);
  const Key other(Log::remove, &log);
  const Frame making(key, Frame::Kind::making);
  const Frame inner(other, Frame::Kind::making);
  EXPECT_THROW(Frame(key, Frame::Kind::making), std::logic_error);
  EXPECT_NO_THROW(Frame(key, Frame::Kind::removing));
  std::thread([&] { EXPECT_NO_THROW(Frame(key, Frame::Kind::making)); }).join();
}

TEST(FrameDeathTest, AKeyDestroyedByItsOwnCallbackIsFatal) {
  const auto destroy_self = [] {
    static std::unique_ptr<Key> key;
    key = std::make_unique<Key>([](void*, void*) { key.reset(); }, nullptr);
    key->set(&a);
    key->remove();
  };
  EXPECT_DEATH(destroy_self(), "destroyed by its own callback");
}

}  // namespace
}  // namespace tarn::tls
