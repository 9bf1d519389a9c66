// SPDX-License-Identifier: Apache-2.0
// What a user of tarn/recycler.hpp may rely on, one thread at a time; the ends and the threads have
// tests of their own.
#include "tarn/recycler.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "support.hpp"
#include "tarn/log.hpp"

namespace tarn {
namespace {

using recycler::test::expect_adds_up;
using recycler::test::Fixture;
using recycler::test::in_thread;
using recycler::test::Object;

constexpr RecyclerOptions kAll{.ratio = 0};

// -- The types -------------------------------------------------------------------------------

static_assert(!std::is_copy_constructible_v<Recycled<Object>>);
static_assert(!std::is_copy_assignable_v<Recycled<Object>>);
static_assert(std::is_nothrow_move_constructible_v<Recycled<Object>>);
static_assert(std::is_nothrow_move_assignable_v<Recycled<Object>>);
static_assert(std::is_nothrow_destructible_v<Recycled<Object>>);
static_assert(std::is_nothrow_swappable_v<Recycled<Object>>);
static_assert(!std::is_copy_constructible_v<Recycler<Object>>);
static_assert(!std::is_move_constructible_v<Recycler<Object>>);
static_assert(sizeof(Recycler<Object>::Handle) <= 2 * sizeof(void*));
static_assert(std::is_default_constructible_v<Recycler<Object>::Handle>);
static_assert(std::is_copy_constructible_v<Recycler<Object>::Handle>);
static_assert(noexcept(std::declval<const Recycler<Object>::Handle&>().is_noop()));
static_assert(noexcept(std::declval<const Recycler<Object>&>().thread_local_size()));
static_assert(noexcept(std::declval<const Recycler<Object>&>().options()));
static_assert(std::is_same_v<decltype(std::declval<Recycler<Object>&>().trim()), bool>);
static_assert(std::is_same_v<decltype(std::declval<Recycler<Object>&>().trim_all()), std::size_t>);
// What is no factory of T is refused by the signature, not somewhere inside.
static_assert(!std::is_constructible_v<Recycler<Object>, int>);
static_assert(!std::is_constructible_v<Recycler<Object>, std::string (*)()>);

/// T is incomplete where its own handle and holder are members of it.
struct Node {
  Recycler<Node>::Handle handle;
  Recycled<Node> next;
  int value = 0;
};

// -- Getting and recycling -------------------------------------------------------------------

TEST(Recycler, GivesARecycledObjectAgain) {
  Fixture recycler;
  Object* const first = recycler->get().get();
  const auto again = recycler->get();
  EXPECT_EQ(again.get(), first);
  EXPECT_EQ(recycler.made(), 1);
  EXPECT_EQ(recycler->stats().reused, 1U);
  EXPECT_EQ(recycler->stats().pooled, 0U);
  recycler->recycle(*recycler->get().release());
}

TEST(Recycler, DoesNotResetWhatItPools) {
  Fixture recycler;
  recycler->get()->payload = 4711;
  EXPECT_EQ(recycler->get()->payload, 4711U);
}

TEST(Recycler, TakesFactoriesWithAndWithoutHandle) {
  Recycler<int> plain([] { return 7; });
  EXPECT_EQ(*plain.get(), 7);
  Recycler<Node> with_handle([](Recycler<Node>::Handle handle) {
    return Node{handle, nullptr, 3};
  });
  Node& node = with_handle.get_raw();
  EXPECT_EQ(node.value, 3);
  node.handle.recycle(&node);
  EXPECT_EQ(with_handle.get().get(), &node);
}

TEST(Recycler, TakesMoveOnlyAndMutableFactories) {
  auto number = std::make_unique<int>(40);
  Recycler<int> recycler([number = std::move(number)]() mutable { return ++*number; }, kAll);
  const auto a = recycler.get();
  const auto b = recycler.get();
  EXPECT_EQ(*a, 41);
  EXPECT_EQ(*b, 42);
}

struct Immovable {
  explicit Immovable(int its_value) : value(its_value) {}
  Immovable(Immovable&&) = delete;
  int value;
};

TEST(Recycler, BuildsImmovableObjectsInPlace) {
  Recycler<Immovable> recycler([] { return Immovable(5); });
  EXPECT_EQ(recycler.get()->value, 5);
  expect_adds_up(recycler.stats(), 0);
}

template <std::size_t kAlignment>
struct alignas(kAlignment) Aligned {
  unsigned char bytes[kAlignment + 1];
};

template <class T>
void expect_aligned(Guard guard) {
  RecyclerOptions options = kAll;
  options.guard = guard;
  Recycler<T> recycler([] { return T{}; }, options);
  std::vector<Recycled<T>> held;
  for (int i = 0; i < 20; ++i) {
    held.push_back(recycler.get());
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(held.back().get()) % alignof(T), 0U);
  }
}

TEST(Recycler, AlignsObjects) {
  for (const Guard guard : {Guard::checked, Guard::unchecked}) {
    expect_aligned<char>(guard);
    expect_aligned<long double>(guard);
    expect_aligned<Aligned<32>>(guard);
    expect_aligned<Aligned<64>>(guard);
    expect_aligned<Aligned<4096>>(guard);
  }
}

TEST(Recycler, RatioPoolsTheFirstAndEveryNthNewObject) {
  for (const std::uint32_t ratio : {0U, 1U, 2U, 3U, 8U}) {
    Fixture recycler({.ratio = ratio});
    const std::size_t step = ratio == 0 ? 1 : ratio;
    const auto objects = recycler.get(40);
    for (std::size_t i = 0; i < objects.size(); ++i) {
      EXPECT_EQ(objects[i]->handle.is_noop(), i % step != 0) << "ratio " << ratio << ", " << i;
    }
    Fixture::recycle(objects);
    EXPECT_EQ(recycler->thread_local_size(), (40 + step - 1) / step);
    EXPECT_EQ(recycler->stats().dropped_noop, 40 - (40 + step - 1) / step);
  }
}

TEST(Recycler, RatioIsCountedForEachThread) {
  Fixture recycler({.ratio = 3});
  EXPECT_FALSE(recycler->get()->handle.is_noop());
  in_thread([&] {
    auto held = recycler->get();
    EXPECT_FALSE(held->handle.is_noop()) << "a thread's first is pooled";
    EXPECT_TRUE(recycler->get()->handle.is_noop());
  });
}

TEST(Recycler, GetRawComesBackByHandleOrByReference) {
  Fixture recycler(kAll);
  Object& by_handle = recycler->get_raw();
  by_handle.handle.recycle(&by_handle);
  Object& by_reference = recycler->get_raw();
  EXPECT_EQ(&by_reference, &by_handle);
  recycler->recycle(by_reference);
  EXPECT_EQ(recycler->thread_local_size(), 1U);
  EXPECT_THROW(recycler->recycle(by_reference), std::logic_error);
}

TEST(Recycler, RefusesAnObjectOfAnother) {
  Fixture one(kAll);
  Fixture other(kAll);
  Object& object = other->get_raw();
  EXPECT_THROW(one->recycle(object), std::invalid_argument);
  EXPECT_EQ(one->stats().pooled + other->stats().pooled, 0U);
  other->recycle(object);
  EXPECT_EQ(other->stats().pooled, 1U);
  EXPECT_EQ(one->stats().created, 0U);
}

// -- Handles ---------------------------------------------------------------------------------

template <class E>
void expect_message(const std::function<void()>& call, const char* message) {
  try {
    call();
    ADD_FAILURE() << "no exception";
  } catch (const E& error) {
    EXPECT_STREQ(error.what(), message);
    EXPECT_EQ(typeid(error), typeid(E));
  }
}

TEST(RecyclerHandle, RefusesAnotherObject) {
  Fixture recycler(kAll);
  auto a = recycler->get();
  auto b = recycler->get();
  constexpr const char* kMessage = "object does not belong to handle";
  for (Object* const wrong : {b.get(), static_cast<Object*>(nullptr)}) {
    expect_message<std::invalid_argument>([&] { a->handle.recycle(wrong); }, kMessage);
    expect_message<std::invalid_argument>([&] { a->handle.unguarded_recycle(wrong); }, kMessage);
  }
  EXPECT_EQ(recycler->thread_local_size(), 0U);
  Object* const raw = a.release();
  raw->recycle();  // the handle still works
  EXPECT_EQ(recycler->thread_local_size(), 1U);
}

TEST(RecyclerHandle, RefusesASecondRecycle) {
  constexpr const char* kMessage = "object has been recycled already";
  for (const bool guarded_first : {false, true}) {
    Fixture recycler(kAll);
    Object& object = recycler->get_raw();
    guarded_first ? object.recycle() : object.unguarded_recycle();
    expect_message<std::logic_error>([&] { object.recycle(); }, kMessage);
    expect_message<std::logic_error>([&] { object.unguarded_recycle(); }, kMessage);
    expect_message<std::logic_error>([&] { recycler->recycle(object); }, kMessage);
    EXPECT_EQ(recycler->thread_local_size(), 1U) << "the pool is unharmed";
    const auto next = recycler.get(2);
    EXPECT_EQ(next[0], &object);
    EXPECT_NE(next[1], &object);
    Fixture::recycle(next);
  }
}

TEST(RecyclerHandle, DefaultMadeIsANoopWithoutObject) {
  const Recycler<Object>::Handle handle;
  EXPECT_TRUE(handle.is_noop());
  Fixture recycler(kAll);
  const auto object = recycler->get();
  EXPECT_THROW(handle.recycle(object.get()), std::invalid_argument);
  EXPECT_THROW(handle.recycle(nullptr), std::invalid_argument);
  EXPECT_THROW(handle.unguarded_recycle(nullptr), std::invalid_argument);
}

TEST(RecyclerHandle, OfAnObjectThatIsNotPooledChecksItToo) {
  Fixture recycler({.max_capacity_per_thread = 0});
  const auto a = recycler->get();
  auto b = recycler->get();
  EXPECT_TRUE(a->handle.is_noop());
  EXPECT_THROW(a->handle.recycle(b.get()), std::invalid_argument);
  EXPECT_THROW(a->handle.unguarded_recycle(b.get()), std::invalid_argument);
  EXPECT_EQ(Object::live, 2);
  b.release()->recycle();
  EXPECT_EQ(Object::live, 1) << "it is destroyed, not leaked";
}

TEST(RecyclerHandle, IsANoopOnceItsThreadHasEnded) {
  Fixture recycler(kAll);
  Object* object = nullptr;
  in_thread([&] {
    object = &recycler->get_raw();
    EXPECT_FALSE(object->handle.is_noop());
  });
  EXPECT_TRUE(object->handle.is_noop());
  object->recycle();
  EXPECT_EQ(recycler->stats().dropped_closed, 1U);
}

// -- Holders ---------------------------------------------------------------------------------

TEST(Recycled, IsLikeAUniquePointer) {
  Fixture recycler(kAll);
  Recycled<Object> empty;
  EXPECT_FALSE(empty);
  EXPECT_TRUE(empty == nullptr);
  EXPECT_EQ(empty.get(), nullptr);
  empty.reset();

  Recycled<Object> a = recycler->get();
  ASSERT_TRUE(a);
  EXPECT_TRUE(a != nullptr);
  EXPECT_EQ(&*a, a.get());
  EXPECT_EQ(a->id, 0);
  Recycled<Object> b = std::move(a);
  EXPECT_FALSE(a);
  Recycled<Object> c = recycler->get();
  swap(b, c);
  EXPECT_EQ(c->id, 0);
  b.swap(c);
  EXPECT_EQ(b->id, 0);
  b = std::move(c);
  EXPECT_EQ(b->id, 1);
  EXPECT_EQ(recycler->thread_local_size(), 1U) << "assignment recycles what was held";
  Recycled<Object>& self = b;
  b = std::move(self);
  EXPECT_EQ(b->id, 1) << "self-assignment is safe";
  b = nullptr;
  EXPECT_FALSE(b);
  EXPECT_EQ(recycler->thread_local_size(), 2U);
  Object* const raw = recycler->get().release();
  EXPECT_EQ(recycler->thread_local_size(), 1U);
  recycler->recycle(*raw);
}

TEST(Recycled, LogsAndLeavesAloneWhatWasRecycledBehindItsBack) {
  std::vector<std::pair<LogLevel, std::string>> lines;
  const LogSink before =
      set_log_sink([&](LogLevel level, std::string_view text) { lines.emplace_back(level, text); });
  for (const bool in_another_thread : {false, true}) {
    Fixture recycler(kAll);
    lines.clear();
    auto held = recycler->get();
    held->recycle();
    if (in_another_thread) {
      in_thread([&held] { held.reset(); });
    } else {
      held.reset();
    }
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(lines[0].first, LogLevel::error);
    EXPECT_EQ(recycler->thread_local_size(), 1U);
  }
  set_log_sink(before);
}

/// Without handles, so that what another thread brings back is not looked at.
std::unique_ptr<Recycler<Object>> without_handles() {
  return std::make_unique<Recycler<Object>>([] { return Object(Object::Handle(), 0); }, kAll);
}

TEST(Recycled, FindsWhatWasRecycledByReferenceBehindItsBackInAnotherThread) {
  std::vector<std::string> lines;
  const LogSink before =
      set_log_sink([&](LogLevel, std::string_view text) { lines.emplace_back(text); });
  const auto recycler = without_handles();
  auto held = recycler->get();
  Object* const object = held.get();
  recycler->recycle(*held);
  lines.clear();
  in_thread([&held] { held.reset(); });
  EXPECT_EQ(lines.size(), 1U);
  EXPECT_EQ(recycler->thread_local_size(), 1U);
  EXPECT_EQ(recycler->get().get(), object);
  recycler->audit();
  set_log_sink(before);
}

TEST(Recycler, RefusesByReferenceWhatAnotherThreadsHolderHasBroughtBack) {
  for (const bool in_another_thread : {false, true}) {
    SCOPED_TRACE(in_another_thread);
    const auto recycler = without_handles();
    std::vector<Recycled<Object>> held;
    for (int i = 0; i < 5; ++i) held.push_back(recycler->get());
    Object* const waiting = held[0].get();
    Object* const newest = held[4].get();
    in_thread([&held] {
      held[0].reset();
      held[1].reset();
    });
    held[3].reset();
    held[4].reset();  // lies in the hot slot
    const auto recycle_again = [&] {
      EXPECT_THROW(recycler->recycle(*waiting), std::logic_error);
      EXPECT_THROW(recycler->recycle(*newest), std::logic_error);
    };
    if (in_another_thread) {
      in_thread(recycle_again);
    } else {
      recycle_again();
    }
    recycler->audit();
    EXPECT_EQ(recycler->thread_local_size(), 4U);
    in_thread([&held] { held[2].reset(); });
    EXPECT_EQ(recycler->thread_local_size(), 5U);
    std::set<Object*> all;
    Recycled<Object> first = recycler->get();
    EXPECT_EQ(first.get(), newest) << "the order is as it was";
    for (int i = 0; i < 4; ++i) all.insert(&recycler->get_raw());
    EXPECT_EQ(all.size(), 4U);
    EXPECT_EQ(recycler->stats().created, 5U);
    EXPECT_EQ(recycler->stats().returned_by_others, 3U);
    for (Object* const object : all) recycler->recycle(*object);
  }
}

// Whoever has looked before the first recycle(T&), and is late, finds the unseen way closed; that
// pool may have had nothing from others yet.
TEST(Recycler, LetsNothingComeBackUnseenAfterTheFirstReference) {
  for (const bool has_box : {false, true}) {
    SCOPED_TRACE(has_box);
    const auto recycler = without_handles();
    auto held = recycler->get();
    auto other = recycler->get();
    Object& raw = recycler->get_raw();
    if (has_box) in_thread([&other] { other.reset(); });
    recycler->recycle(raw);
    recycler::Home& home = *recycler::slot_of(held.get())->home;
    in_thread([&] { EXPECT_FALSE(home.core->put_unmarked(home, held.get())); });
    in_thread([&] { held.reset(); });
    EXPECT_EQ(recycler->thread_local_size(), has_box ? 3U : 2U);
    recycler->audit();
  }
}

// By whatever thread: the batch stays what it is, or it would have one object too many.
TEST(Recycler, KeepsItsBoundWhenTheFirstComesBackByReference) {
  constexpr RecyclerOptions kSmall{.max_capacity_per_thread = 12, .ratio = 0, .chunk_size = 4};
  for (const bool in_another_thread : {false, true}) {
    SCOPED_TRACE(in_another_thread);
    Recycler<Object> recycler([] { return Object(Object::Handle(), 0); }, kSmall);
    std::vector<Recycled<Object>> held;
    for (int i = 0; i < 20; ++i) held.push_back(recycler.get());
    std::vector<Object*> raw;
    for (int i = 0; i < 2; ++i) raw.push_back(&recycler.get_raw());
    held.clear();
    EXPECT_EQ(recycler.thread_local_size(), 16U);
    const auto recycle = [&] { recycler.recycle(*raw[0]); };
    if (in_another_thread) {
      in_thread(recycle);
    } else {
      recycle();
    }
    recycler.recycle(*raw[1]);
    recycler.audit();
    EXPECT_EQ(recycler.thread_local_size(), 16U);
    EXPECT_EQ(recycler.stats().dropped_full, 6U);
    EXPECT_TRUE(recycler.trim());
    EXPECT_EQ(Object::live, 0);
  }
}

TEST(Recycler, LeavesAPoolClosedWhoseFirstReferenceComesAfterItsThread) {
  const auto recycler = without_handles();
  Object* by_reference = nullptr;
  Recycled<Object> held;
  in_thread([&] {
    by_reference = &recycler->get_raw();
    held = recycler->get();
    recycler->get().reset();  // so that there was something to close
  });
  recycler->recycle(*by_reference);
  EXPECT_EQ(Object::live, 1);
  recycler->audit();  // also looks whether the pool's owner is kept out for good
  held.reset();
  EXPECT_EQ(recycler->stats().dropped_closed, 2U);
}

TEST(Recycler, EndsWithWhatAnotherThreadBroughtBackUnseen) {
  for (const bool trimmed : {false, true}) {
    const auto recycler = without_handles();
    auto held = recycler->get();
    in_thread([&held] { held.reset(); });
    EXPECT_EQ(Object::live, 1);
    if (trimmed) {
      EXPECT_EQ(recycler->trim_all(), 1U);
    }
    recycler->audit();
    EXPECT_EQ(Object::live, trimmed ? 0 : 1);
  }
  EXPECT_EQ(Object::live, 0);
}

// -- Unchecked -------------------------------------------------------------------------------

TEST(Recycler, UncheckedLooksForNoMisuse) {
  // RecyclerTest.testUnguardedMultipleRecycle
  Fixture recycler({.ratio = 0, .guard = Guard::unchecked});
  Object& object = recycler->get_raw();
  object.recycle();
  EXPECT_NO_THROW(object.recycle());
  EXPECT_EQ(recycler->thread_local_size(), 2U);
  recycler->trim();
  EXPECT_EQ(Object::live, 0) << "and it is destroyed once";
}

TEST(Recycler, UncheckedBringsBackWhateverItsHandleIsGiven) {
  Fixture recycler({.ratio = 0, .guard = Guard::unchecked});
  Object& a = recycler->get_raw();
  Object& b = recycler->get_raw();
  EXPECT_NO_THROW(a.handle.recycle(&b));
  EXPECT_EQ(&recycler->get_raw(), &b);
  Fixture::recycle({&a, &b});
}

TEST(Recycler, UncheckedObjectsAreSmaller) {
  EXPECT_LT(recycler::SlotLayout::of(8, 8, false).size, recycler::SlotLayout::of(8, 8, true).size);
}

// -- Trim and numbers ------------------------------------------------------------------------

TEST(Recycler, TrimDestroysWhatWaitsInThisThreadsPool) {
  for (const RecyclerForm form :
       {RecyclerForm::per_thread, RecyclerForm::pinned, RecyclerForm::shared}) {
    Fixture recycler({.ratio = 0, .form = form});
    EXPECT_FALSE(recycler->trim());
    const auto objects = recycler.get(100);
    Fixture::recycle(objects);
    EXPECT_EQ(recycler->thread_local_size(), 100U);
    EXPECT_TRUE(recycler->trim());
    EXPECT_EQ(recycler->thread_local_size(), 0U);
    EXPECT_EQ(Object::live, 0);
    const RecyclerStats stats = recycler->stats();
    EXPECT_EQ(stats.destroyed, 100U);
    EXPECT_EQ(stats.dropped_full + stats.dropped_noop + stats.dropped_closed, 0U);
    EXPECT_FALSE(recycler->trim());
    EXPECT_EQ(recycler->get()->id, 100) << "and goes on";
  }
}

TEST(Recycler, StatsCountWhatHappened) {
  Fixture recycler({.max_capacity_per_thread = 4, .ratio = 2, .chunk_size = 2});
  const auto objects = recycler.get(20);  // 10 of them to be pooled
  Fixture::recycle(objects);
  RecyclerStats stats = recycler->stats();
  EXPECT_EQ(stats.created, 20U);
  EXPECT_EQ(stats.reused, 0U);
  EXPECT_EQ(stats.pooled, 6U) << "capacity and chunk";
  EXPECT_EQ(stats.dropped_noop, 10U);
  EXPECT_EQ(stats.dropped_full, 4U);
  EXPECT_EQ(stats.destroyed, 14U);
  Fixture::recycle(recycler.get(6));
  stats = recycler->stats();
  EXPECT_EQ(stats.created, 20U);
  EXPECT_EQ(stats.reused, 6U);
  EXPECT_EQ(stats.dropped_closed, 0U);
  EXPECT_EQ(stats.returned_by_others, 0U);
}

TEST(Recycler, StatsOfThisThreadLeaveOutTheOthers) {
  Fixture recycler(kAll);
  const auto mine = recycler->get();
  in_thread([&] {
    EXPECT_EQ(recycler->thread_local_stats().created, 0U);
    static_cast<void>(recycler->get());
    static_cast<void>(recycler->get());
    const RecyclerStats stats = recycler->thread_local_stats();
    EXPECT_EQ(stats.created, 1U);
    EXPECT_EQ(stats.reused, 1U);
    EXPECT_EQ(stats.pooled, 1U);
  });
  EXPECT_EQ(recycler->thread_local_stats().created, 1U);
  EXPECT_EQ(recycler->stats().created, 2U);
}

// -- Order -----------------------------------------------------------------------------------

TEST(Recycler, GivesTheLastChunkBackLastInFirstOut) {
  for (const std::size_t recycled : {1U, 5U, 32U, 33U, 40U, 500U, 4000U}) {
    Fixture recycler(kAll);
    const auto objects = recycler.get(recycled);
    Fixture::recycle(objects);
    const std::size_t ordered = std::min<std::size_t>(recycled, 32);
    const auto again = recycler.get(recycled);
    for (std::size_t i = 0; i < ordered; ++i) {
      EXPECT_EQ(again[i], objects[recycled - 1 - i]) << recycled << " recycled, get " << i;
    }
    EXPECT_EQ(recycler.made(), static_cast<int>(recycled));
    Fixture::recycle(again);
  }
}

TEST(Recycler, OwnObjectsComeBeforeThoseReturnedByOthers) {
  Fixture recycler(kAll);
  const auto objects = recycler.get(60);
  const std::vector<Object*> foreign(objects.begin(), objects.begin() + 40);
  const std::vector<Object*> own(objects.begin() + 40, objects.end());
  in_thread([&] { Fixture::recycle(foreign); });
  Fixture::recycle(own);
  const auto again = recycler.get(60);
  for (std::size_t i = 0; i < own.size(); ++i) EXPECT_EQ(again[i], own[own.size() - 1 - i]);
  EXPECT_EQ(recycler.made(), 60);
  Fixture::recycle(again);
}

// -- Recursion and exceptions ----------------------------------------------------------------

TEST(Recycler, FactoryMayGetFromItsOwnRecycler) {
  Recycler<Node>* self = nullptr;
  int depth = 0;
  Recycler<Node> recycler(
      [&](Recycler<Node>::Handle handle) {
        Node node{handle, nullptr, depth};
        if (++depth < 5) node.next = self->get();
        return node;
      },
      kAll);
  self = &recycler;
  {
    const auto head = recycler.get();
    EXPECT_EQ(head->next->next->next->next->value, 4);
    EXPECT_EQ(recycler.stats().created, 5U);
  }
  EXPECT_EQ(recycler.thread_local_size(), 1U) << "a pooled object keeps what it holds";
  recycler.trim();
  EXPECT_EQ(recycler.thread_local_size(), 1U) << "recycled by the destructor of its holder";
  while (recycler.trim()) {
  }
  EXPECT_EQ(recycler.stats().destroyed, 5U);
}

// S4-30: a factory may have a state, and may throw.
TEST(Recycler, WhatTheFactoryThrowsPassesThroughGet) {
  int calls = 0;
  std::vector<bool> noop;
  Recycler<Object> recycler(
      [&](Object::Handle handle) {
        noop.push_back(handle.is_noop());
        if (++calls % 2 == 1) throw std::runtime_error("not today");
        return Object(handle, calls);
      },
      {.ratio = 2});
  for (int i = 0; i < 5; ++i) {
    EXPECT_THROW(static_cast<void>(recycler.get()), std::runtime_error);
    const auto object = recycler.get();
    EXPECT_TRUE(object->handle.is_noop()) << "the step of the ratio was used up";
  }
  EXPECT_EQ(noop,
            (std::vector<bool>{false, true, false, true, false, true, false, true, false, true}));
  const RecyclerStats stats = recycler.stats();
  EXPECT_EQ(stats.created, 5U);
  EXPECT_EQ(stats.dropped_noop, 5U);
  expect_adds_up(stats, 0);
  EXPECT_EQ(Object::live, 0);
}

struct ThrowsWhenMade {
  ThrowsWhenMade() { throw std::runtime_error("never"); }
};

TEST(Recycler, WhatTheConstructorThrowsPassesThroughGet) {
  for (const RecyclerForm form :
       {RecyclerForm::per_thread, RecyclerForm::pinned, RecyclerForm::shared}) {
    Recycler<ThrowsWhenMade> recycler([] { return ThrowsWhenMade(); }, {.form = form});
    for (int i = 0; i < 10; ++i) {
      EXPECT_THROW(static_cast<void>(recycler.get_raw()), std::runtime_error);
    }
    EXPECT_EQ(recycler.stats().created, 0U);
    expect_adds_up(recycler.stats(), 0);
  }
}

}  // namespace
}  // namespace tarn
