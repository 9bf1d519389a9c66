// SPDX-License-Identifier: Apache-2.0
// Tests of FastThreadLocal: what one instance does in one thread, and for all of them.
#include "tarn/fast_thread_local.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <latch>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

namespace tarn {
namespace {

static_assert(!std::is_copy_constructible_v<FastThreadLocal<int>>);
static_assert(!std::is_move_constructible_v<FastThreadLocal<int>>);
static_assert(!std::is_copy_assignable_v<FastThreadLocal<int>>);
static_assert(!std::is_move_assignable_v<FastThreadLocal<int>>);

struct Immovable {
  explicit Immovable(int n) : number(n) {}
  Immovable(const Immovable&) = delete;
  Immovable& operator=(const Immovable&) = delete;
  int number;
};
struct MoveOnly {
  explicit MoveOnly(int n) : number(n) {}
  MoveOnly(MoveOnly&&) = default;
  MoveOnly& operator=(MoveOnly&&) = delete;
  MoveOnly(const MoveOnly&) = delete;
  MoveOnly& operator=(const MoveOnly&) = delete;
  int number;
};

// What is callable is taken, what is not is rejected.
template <class... Arguments>
concept MakesStrings = std::constructible_from<FastThreadLocal<std::string>, Arguments...>;
using MakeString = std::string (*)();
using MakeVector = std::vector<int> (*)();
using OnString = void (*)(std::string&);
using OnVector = void (*)(std::vector<int>&);
static_assert(MakesStrings<> && MakesStrings<MakeString> && MakesStrings<MakeString, OnString>);
static_assert(!MakesStrings<MakeVector> && !MakesStrings<MakeString, OnVector>);
static_assert(!MakesStrings<int> && !MakesStrings<MakeString, int>);
static_assert(!std::is_default_constructible_v<FastThreadLocal<Immovable>>);
static_assert(!std::is_convertible_v<MakeString, FastThreadLocal<std::string>>);

// What is noexcept, and what is returned.
static_assert(noexcept(std::declval<FastThreadLocal<int>&>().get_if_exists()));
static_assert(noexcept(std::declval<const FastThreadLocal<int>&>().is_set()));
static_assert(noexcept(fast_thread_local_count()));
static_assert(std::is_same_v<int&, decltype(std::declval<FastThreadLocal<int>&>().get())>);
static_assert(std::is_same_v<int&, decltype(std::declval<FastThreadLocal<int>&>().set(1))>);

/// Counts the living and notes how each ended.
struct Tracked {
  static inline std::atomic<int> living{0};

  explicit Tracked(int n = 0) : number(n) { ++living; }
  Tracked(Tracked&& other) noexcept : number(other.number) { ++living; }
  Tracked& operator=(Tracked&&) = delete;
  Tracked(const Tracked&) = delete;
  Tracked& operator=(const Tracked&) = delete;
  ~Tracked() { --living; }
  int number;
};

TEST(FastThreadLocal, MakesADefaultValueAtTheFirstGet) {
  FastThreadLocal<int> number;
  FastThreadLocal<std::string> text;
  EXPECT_EQ(number.get(), 0) << "T{}, not uninitialised";
  EXPECT_EQ(text.get(), "");
  number.get() = 5;
  EXPECT_EQ(number.get(), 5);
  EXPECT_EQ(&number.get(), &number.get());
}

// Netty: get() on a thread without a value calls initialValue(), once (S0-3).
TEST(FastThreadLocal, CallsInitialOnceAThread) {
  constexpr int kThreads = 8;
  std::atomic<int> made{0};
  FastThreadLocal<int> local([&made] { return ++made; });
  std::vector<int> seen(kThreads);
  std::vector<std::thread> threads;
  for (int& mine : seen) {
    threads.emplace_back([&] {
      mine = local.get();
      EXPECT_EQ(local.get(), mine) << "the second get gives the same";
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(made, kThreads);
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(std::adjacent_find(seen.begin(), seen.end()), seen.end());
}

// Netty: getIfExists is null before, the value after set, null after remove.
TEST(FastThreadLocal, GetIfExistsMakesNothing) {
  FastThreadLocal<bool> local([]() -> bool { throw std::logic_error("not to be called"); });
  EXPECT_EQ(local.get_if_exists(), nullptr);
  EXPECT_FALSE(local.is_set());
  local.set(true);
  ASSERT_NE(local.get_if_exists(), nullptr);
  EXPECT_TRUE(*local.get_if_exists());
  EXPECT_TRUE(local.is_set());
  local.remove();
  EXPECT_EQ(local.get_if_exists(), nullptr);
  EXPECT_FALSE(local.is_set());
}

TEST(FastThreadLocal, EachThreadHasItsOwnValue) {
  FastThreadLocal<int> local;
  local.get() = 1;
  std::thread([&] {
    EXPECT_FALSE(local.is_set());
    EXPECT_EQ(local.get(), 0);
    local.get() = 2;
  }).join();
  EXPECT_EQ(local.get(), 1);
}

TEST(FastThreadLocal, InstancesAreIndependent) {
  FastThreadLocal<int> one;
  FastThreadLocal<int> two;
  one.set(1);
  EXPECT_FALSE(two.is_set());
  two.set(2);
  one.remove();
  EXPECT_EQ(two.get(), 2);
}

TEST(FastThreadLocal, SetReturnsTheNewValueAndNeedsNoInitial) {
  FastThreadLocal<int> local([]() -> int { throw std::logic_error("not to be called"); });
  int& placed = local.set(4);
  EXPECT_EQ(&placed, &local.get());
  EXPECT_EQ(placed, 4);
}

TEST(FastThreadLocal, SetDestroysTheOldValueWithoutOnRemoval) {
  int removed = 0;
  FastThreadLocal<Tracked> local([] { return Tracked(1); }, [&](Tracked&) { ++removed; });
  local.get();
  EXPECT_EQ(Tracked::living, 1);
  EXPECT_EQ(local.set(Tracked(2)).number, 2);
  EXPECT_EQ(Tracked::living, 1);
  EXPECT_EQ(removed, 0);
  local.remove();
  EXPECT_EQ(removed, 1);
  EXPECT_EQ(Tracked::living, 0);
}

TEST(FastThreadLocal, SetTakesWhatOnlyMoveConstructs) {
  FastThreadLocal<MoveOnly> local([] { return MoveOnly(1); });
  EXPECT_EQ(local.get().number, 1);
  EXPECT_EQ(local.set(MoveOnly(2)).number, 2);
  EXPECT_EQ(local.set(MoveOnly(3)).number, 3);
}

TEST(FastThreadLocal, GetTakesWhatCannotMove) {
  FastThreadLocal<Immovable> local([] { return Immovable(7); });
  EXPECT_EQ(local.get().number, 7);
  FastThreadLocal<std::atomic<int>> atomic;
  EXPECT_EQ(atomic.get().load(), 0);
}

TEST(FastThreadLocal, ANullPointerIsAValue) {
  FastThreadLocal<int*> local;
  const std::size_t before = fast_thread_local_count();
  local.set(nullptr);
  EXPECT_TRUE(local.is_set());
  EXPECT_EQ(local.get(), nullptr);
  EXPECT_EQ(fast_thread_local_count(), before + 1);
}

TEST(FastThreadLocal, OverAlignedValuesAreAligned) {
  struct alignas(256) Wide {
    char bytes[3] = {1, 2, 3};
  };
  FastThreadLocal<Wide> local;
  const auto is_aligned = [](const Wide& wide) {
    return reinterpret_cast<std::uintptr_t>(&wide) % 256 == 0;
  };
  EXPECT_TRUE(is_aligned(local.get()));
  EXPECT_EQ(local.get().bytes[2], 3);
  EXPECT_TRUE(is_aligned(local.set(Wide{})));
  std::thread([&] { EXPECT_TRUE(is_aligned(local.get())); }).join();
}

TEST(FastThreadLocal, RemoveCallsOnRemovalThenTheDestructor) {
  int removed = 0;
  FastThreadLocal<Tracked> local([] { return Tracked(9); },
                                 [&](Tracked& value) {
                                   ++removed;
                                   EXPECT_EQ(value.number, 9);
                                   EXPECT_EQ(Tracked::living, 1) << "still there";
                                 });
  local.remove();
  EXPECT_EQ(removed, 0) << "never set: nothing";
  local.get();
  local.remove();
  EXPECT_EQ(removed, 1);
  EXPECT_EQ(Tracked::living, 0);
  local.remove();
  EXPECT_EQ(removed, 1);
}

TEST(FastThreadLocal, GetStartsAfreshAfterRemove) {
  int made = 0;
  FastThreadLocal<int> local([&made] { return ++made; });
  EXPECT_EQ(local.get(), 1);
  local.remove();
  EXPECT_EQ(local.get(), 2);
}

TEST(FastThreadLocal, OnRemovalIsNotCalledForAValueInUseElsewhere) {
  std::atomic<int> removed{0};
  FastThreadLocal<int> local([] { return 1; }, [&](int&) { ++removed; });
  local.get();
  std::thread([&] { local.get(); }).join();
  EXPECT_EQ(removed, 1) << "the other thread's only";
  EXPECT_TRUE(local.is_set());
}

TEST(FastThreadLocal, CallablesMayBeAnyKind) {
  struct MovingMaker {
    std::unique_ptr<int> number = std::make_unique<int>(3);
    int operator()() const { return *number; }
  };
  FastThreadLocal<int> moved(MovingMaker{}, {});
  EXPECT_EQ(moved.get(), 3);
  FastThreadLocal<int> pointer(
      +[] { return 4; }, +[](int&) {});
  EXPECT_EQ(pointer.get(), 4);
  FastThreadLocal<int> function(std::function<int()>([] { return 5; }),
                                std::function<void(int&)>());
  EXPECT_EQ(function.get(), 5);
  function.remove();  // an empty function is no callback
  FastThreadLocal<std::string> converted([] { return "text"; }, [](const std::string&) {});
  EXPECT_EQ(converted.get(), "text");
  int calls = 0;
  FastThreadLocal<int> counting([] { return 1; }, [&calls, n = 0](int&) mutable { calls = ++n; });
  counting.get();
  counting.remove();
  counting.get();
  counting.remove();
  EXPECT_EQ(calls, 2) << "one callable, not a copy a call";
}

TEST(FastThreadLocal, AnExceptionFromInitialLeavesTheSlotUnset) {
  bool fail = true;
  FastThreadLocal<Tracked> local([&] {
    if (fail) throw std::runtime_error("initial");
    return Tracked(1);
  });
  const std::size_t before = fast_thread_local_count();
  EXPECT_THROW(local.get(), std::runtime_error);
  EXPECT_FALSE(local.is_set());
  EXPECT_EQ(local.get_if_exists(), nullptr);
  EXPECT_EQ(fast_thread_local_count(), before);
  fail = false;
  EXPECT_EQ(local.get().number, 1);
  EXPECT_EQ(Tracked::living, 1);
}

TEST(FastThreadLocal, InitialMustNotGetItsOwnInstance) {
  FastThreadLocal<int>* self = nullptr;
  FastThreadLocal<int> local([&self] { return self->get() + 1; });
  self = &local;
  EXPECT_THROW(local.get(), std::logic_error);
  EXPECT_FALSE(local.is_set());
  local.set(1);
  EXPECT_EQ(local.get(), 1);
}

TEST(FastThreadLocal, InitialMayUseOtherInstancesAndSetItsOwn) {
  FastThreadLocal<int> other([] { return 10; });
  FastThreadLocal<Tracked>* self = nullptr;
  FastThreadLocal<Tracked> local([&] {
    self->set(Tracked(1));
    return Tracked(other.get() + 1);
  });
  self = &local;
  EXPECT_EQ(local.get().number, 11) << "what initial returns wins";
  EXPECT_EQ(Tracked::living, 1);
}

TEST(FastThreadLocal, AnExceptionFromOnRemovalLeavesRemoveAfterTheDestruction) {
  FastThreadLocal<Tracked> local([] { return Tracked(1); },
                                 [](Tracked&) { throw std::runtime_error("removal"); });
  local.get();
  EXPECT_THROW(local.remove(), std::runtime_error);
  EXPECT_EQ(Tracked::living, 0);
  EXPECT_FALSE(local.is_set());
  EXPECT_NO_THROW(local.remove());
}

TEST(FastThreadLocal, SetChangesNothingWhenMovingThrows) {
  struct Throwing {
    explicit Throwing(int n) : number(n) {}
    Throwing(Throwing&& other) : number(other.number) {
      if (number < 0) throw std::runtime_error("move");
    }
    int number;
  };
  FastThreadLocal<Throwing> local([] { return Throwing(1); });
  Throwing& first = local.get();
  EXPECT_THROW(local.set(Throwing(-1)), std::runtime_error);
  EXPECT_EQ(&local.get(), &first);
  EXPECT_EQ(first.number, 1);
}

TEST(FastThreadLocal, DestructorRemovesEveryThreadsValueHere) {
  std::vector<std::thread::id> removed_in;
  std::latch made(2);
  std::latch destroyed(1);
  auto local = std::make_unique<FastThreadLocal<Tracked>>(
      [] { return Tracked(1); },
      [&](Tracked&) { removed_in.push_back(std::this_thread::get_id()); });
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      local->get();
      made.count_down();
      destroyed.wait();
      EXPECT_EQ(fast_thread_local_count(), 0U);
    });
  }
  made.wait();
  local->get();
  EXPECT_EQ(Tracked::living, 3);
  local.reset();
  EXPECT_EQ(Tracked::living, 0);
  EXPECT_EQ(removed_in, std::vector(3, std::this_thread::get_id()));
  destroyed.count_down();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(removed_in.size(), 3U);
}

TEST(FastThreadLocal, ForEachThreadVisitsEveryValueThatIsSet) {
  FastThreadLocal<int> local;
  std::latch ready(3);
  std::latch done(1);
  std::vector<std::thread> threads;
  for (int i = 1; i <= 3; ++i) {
    threads.emplace_back([&, i] {
      if (i != 2) local.set(10 * i);  // the second has none
      ready.count_down();
      done.wait();
    });
  }
  ready.wait();
  local.set(5);
  std::vector<int> seen;
  local.for_each_thread([&](int& value) {
    seen.push_back(value);
    ++value;
  });
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, (std::vector{5, 10, 30}));
  EXPECT_EQ(local.get(), 6);
  done.count_down();
  for (std::thread& thread : threads) thread.join();
}

TEST(FastThreadLocal, AnExceptionFromForEachReleasesTheLock) {
  FastThreadLocal<int> local;
  local.set(1);
  EXPECT_THROW(local.for_each_thread([](int&) { throw std::runtime_error("visit"); }),
               std::runtime_error);
  local.set(2);
  int sum = 0;
  local.for_each_thread([&](const int& value) { sum += value; });
  EXPECT_EQ(sum, 2);
  local.remove();
}

// Netty: the sequence of sizes; set(null) becomes the set of a null-like value.
TEST(FastThreadLocal, CountFollowsWhatIsSet) {
  std::thread([] {
    EXPECT_EQ(fast_thread_local_count(), 0U);
    FastThreadLocal<int> first;
    FastThreadLocal<int*> second;
    EXPECT_EQ(fast_thread_local_count(), 0U) << "constructed";
    first.get();
    EXPECT_EQ(fast_thread_local_count(), 1U);
    second.set(nullptr);
    EXPECT_EQ(fast_thread_local_count(), 2U);
    second.set(nullptr);
    EXPECT_EQ(fast_thread_local_count(), 2U) << "set twice";
    first.remove();
    EXPECT_EQ(fast_thread_local_count(), 1U);
    first.remove();
    EXPECT_EQ(fast_thread_local_count(), 1U);
    remove_all_fast_thread_locals();
    EXPECT_EQ(fast_thread_local_count(), 0U);
  }).join();
}

// Netty: removeAll takes the size from 1 to 0 and calls onRemoval once.
TEST(FastThreadLocal, RemoveAllRemovesThisThreadsValuesOnly) {
  std::atomic<int> removed{0};
  FastThreadLocal<Tracked> local([] { return Tracked(1); }, [&](Tracked&) { ++removed; });
  local.get();
  std::thread([&] {
    local.get();
    EXPECT_EQ(fast_thread_local_count(), 1U);
    remove_all_fast_thread_locals();
    EXPECT_EQ(fast_thread_local_count(), 0U);
    EXPECT_EQ(removed, 1);
    EXPECT_FALSE(local.is_set());
    remove_all_fast_thread_locals();
    EXPECT_EQ(local.get().number, 1) << "starts afresh";
  }).join();
  EXPECT_EQ(removed, 2);
  EXPECT_TRUE(local.is_set());
}

TEST(FastThreadLocal, RemovesWhatIsMadeDuringRemoval) {
  FastThreadLocal<Tracked> made([] { return Tracked(2); });
  FastThreadLocal<Tracked> making([] { return Tracked(1); }, [&](Tracked&) { made.get(); });
  making.get();
  remove_all_fast_thread_locals();
  EXPECT_EQ(Tracked::living, 0);
  making.get();
  making.remove();
  EXPECT_EQ(Tracked::living, 1) << "remove() of one is about that one only";
}

// At most 8 rounds, then without on_removal.
TEST(FastThreadLocal, StopsCallingOnRemovalAfterEightRounds) {
  int removed = 0;
  FastThreadLocal<Tracked>* self = nullptr;
  FastThreadLocal<Tracked> local([] { return Tracked(1); },
                                 [&](Tracked&) {
                                   ++removed;
                                   self->get();
                                 });
  self = &local;
  local.get();
  remove_all_fast_thread_locals();
  EXPECT_EQ(removed, 8);
  EXPECT_EQ(Tracked::living, 0);
  EXPECT_FALSE(local.is_set());
}

TEST(FastThreadLocal, RemoveAllRemovesAllInSpiteOfAnException) {
  FastThreadLocal<Tracked> throwing([] { return Tracked(1); },
                                    [](Tracked&) { throw std::runtime_error("removal"); });
  FastThreadLocal<Tracked> calm([] { return Tracked(2); });
  throwing.get();
  calm.get();
  EXPECT_THROW(remove_all_fast_thread_locals(), std::runtime_error);
  EXPECT_EQ(Tracked::living, 0);
}

// 1000 instances at once: the slots grow; destroyed in another order, all values go.
TEST(FastThreadLocal, ManyInstances) {
  constexpr int kInstances = 1000;
  std::vector<std::unique_ptr<FastThreadLocal<Tracked>>> locals;
  for (int i = 0; i < kInstances; ++i) {
    locals.push_back(std::make_unique<FastThreadLocal<Tracked>>([i] { return Tracked(i); }));
  }
  const std::size_t before = fast_thread_local_count();
  for (int i = 0; i < kInstances; ++i) {
    ASSERT_EQ(locals[static_cast<std::size_t>(i)]->get().number, i);
  }
  EXPECT_EQ(fast_thread_local_count(), before + kInstances);
  std::thread([&] { EXPECT_EQ(locals.back()->get().number, kInstances - 1); }).join();
  for (std::size_t i = 0; i < locals.size(); i += 2) locals[i].reset();
  EXPECT_EQ(Tracked::living, kInstances / 2);
  for (std::size_t i = 1; i < locals.size(); i += 2) {
    ASSERT_EQ(locals[i]->get().number, static_cast<int>(i));
  }
  locals.clear();
  EXPECT_EQ(Tracked::living, 0);
}

// No thread ever sees a value of a former instance.
TEST(FastThreadLocal, ASuccessorStartsUnsetInEveryThread) {
  auto local = std::make_unique<FastThreadLocal<int>>();
  std::latch set(1);
  std::latch remade(1);
  std::thread other([&] {
    local->set(1);
    set.count_down();
    remade.wait();
    EXPECT_FALSE(local->is_set());
    EXPECT_EQ(local->get(), 0);
  });
  local->set(2);
  set.wait();
  local.reset();
  local = std::make_unique<FastThreadLocal<int>>();
  EXPECT_FALSE(local->is_set());
  remade.count_down();
  other.join();
}

}  // namespace
}  // namespace tarn
