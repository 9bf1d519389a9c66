// SPDX-License-Identifier: Apache-2.0
// What Netty's descriptions and its own tests say of a Recycler, row by row, in C++ terms. S0-n and
// S4-n are the rows of the two descriptions; names in quotes are those of Netty's RecyclerTest.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support.hpp"
#include "tarn/fast_thread_local.hpp"
#include "tarn/recycler.hpp"

namespace tarn {
namespace {

using recycler::test::Fixture;
using recycler::test::in_thread;
using recycler::test::Object;

// -- Netty's RecyclerTest and RecyclerFastThreadLocalTest ---------------------------------------

/// On what kind of thread, and by what way objects come back.
struct Way {
  const char* name;
  RecyclerForm form = RecyclerForm::per_thread;
  bool batch_fast_threads_only = false;
  bool fast_thread = false;
  bool guarded = true;
};

class RecyclerLikeNettys : public testing::TestWithParam<Way> {
 protected:
  [[nodiscard]] static RecyclerOptions with(std::size_t max, std::uint32_t ratio = 8,
                                            std::size_t chunk = 32) {
    return {.max_capacity_per_thread = max,
            .ratio = ratio,
            .chunk_size = chunk,
            .batch_fast_threads_only = GetParam().batch_fast_threads_only,
            .form = GetParam().form};
  }

  static void recycle(Object* object) {
    GetParam().guarded ? object->recycle() : object->unguarded_recycle();
  }

  /// Runs the body of a test on the kind of thread that is asked for.
  template <class F>
  static void run(F body) {
    if (GetParam().fast_thread) {
      FastThread(body).join();
    } else {
      in_thread(body);
    }
  }
};

INSTANTIATE_TEST_SUITE_P(
    , RecyclerLikeNettys,
    testing::Values(Way{.name = "NoBatch", .batch_fast_threads_only = true}, Way{.name = "Batch"},
                    Way{.name = "BatchUnguarded", .guarded = false},
                    Way{.name = "Pinned", .form = RecyclerForm::pinned},
                    Way{.name = "PinnedUnguarded", .form = RecyclerForm::pinned, .guarded = false},
                    Way{.name = "Fast", .batch_fast_threads_only = true, .fast_thread = true},
                    Way{.name = "FastUnguarded",
                        .batch_fast_threads_only = true,
                        .fast_thread = true,
                        .guarded = false}),
    [](const auto& instance) { return instance.param.name; });

// "testThreadCanBeCollectedEvenIfHandledObjectIsReferenced" (S4-20, S4-38)
TEST_P(RecyclerLikeNettys, AnEscapedObjectOutlivesItsThread) {
  Object* escaped = nullptr;
  std::unique_ptr<Fixture> recycler;
  run([&] {
    recycler = std::make_unique<Fixture>(with(4096));
    escaped = &(*recycler)->get_raw();
    if (GetParam().form == RecyclerForm::pinned) (*recycler)->unpin_owner();
  });
  EXPECT_EQ(escaped->id, 0) << "what is out stays usable";
  recycle(escaped);
  const std::size_t waiting = GetParam().form == RecyclerForm::pinned ? 1 : 0;
  EXPECT_EQ((*recycler)->thread_local_size(), waiting);
  EXPECT_EQ((*recycler)->stats().dropped_closed, 1 - waiting);
}

// "verySmallRecycer"
TEST_P(RecyclerLikeNettys, MayBeVerySmall) {
  run([] {
    const Fixture recycler(with(2, 0, 1));
    recycle(&recycler->get_raw());
    EXPECT_EQ(recycler->options().max_capacity_per_thread, 4U);
    EXPECT_EQ(recycler->options().chunk_size, 2U);
  });
}

// "testMultipleRecycle" (S4-36)
TEST_P(RecyclerLikeNettys, FindsASecondRecycle) {
  run([] {
    const Fixture recycler(with(1024));
    Object& object = recycler->get_raw();
    recycle(&object);
    EXPECT_THROW(recycle(&object), std::logic_error);
  });
}

// "testMultipleRecycleAtDifferentThread"
TEST_P(RecyclerLikeNettys, FindsASecondRecycleInAnotherThread) {
  run([] {
    const Fixture recycler(with(1024, 0));
    Object& object = recycler->get_raw();
    in_thread([&] { recycle(&object); });
    in_thread([&] { EXPECT_THROW(recycle(&object), std::logic_error); });
    const auto next = recycler.get(2);
    EXPECT_NE(next[0], next[1]);
    Fixture::recycle(next);
  });
}

// "testMultipleRecycleAtDifferentThreadRacing", "testMultipleRecycleRacing" (S4-36)
TEST_P(RecyclerLikeNettys, OfRacingRecyclesOneSucceeds) {
  run([] {
    const Fixture recycler(with(1024, 0));
    for (int round = 0; round < 50; ++round) {
      Object& object = recycler->get_raw();
      std::atomic<int> ready{0};
      std::atomic<int> refused{0};
      const auto race = [&] {
        ++ready;
        while (ready != 3) std::this_thread::yield();
        try {
          object.recycle();
        } catch (const std::logic_error& error) {
          EXPECT_STREQ(error.what(), "object has been recycled already");
          ++refused;
        }
      };
      std::thread a(race);
      std::thread b(race);
      race();  // the owner too
      a.join();
      b.join();
      EXPECT_EQ(refused, 2);
      const auto next = recycler.get(2);
      EXPECT_NE(next[0], next[1]);
      Fixture::recycle(next);
    }
  });
}

// "testRecycle" (S0-15, S0-16, S4-1, S4-27)
TEST_P(RecyclerLikeNettys, GivesTheSameObjectAgain) {
  run([] {
    const Fixture recycler(with(1024));
    Object* const object = &recycler->get_raw();
    recycle(object);
    EXPECT_EQ(&recycler->get_raw(), object);
    EXPECT_EQ(recycler.made(), 1);
    recycle(object);
  });
}

// "testRecycleDisable" (S0-19, S4-17, S4-24)
TEST_P(RecyclerLikeNettys, CapacityZeroPoolsNothing) {
  run([] {
    const Fixture recycler(with(0));
    std::set<int> ids;
    for (int i = 0; i < 20; ++i) {
      Object& object = recycler->get_raw();
      EXPECT_TRUE(object.handle.is_noop());
      EXPECT_TRUE(ids.insert(object.id).second) << "each get makes a new one";
      recycle(&object);
      EXPECT_EQ(recycler->thread_local_size(), 0U);
    }
    EXPECT_EQ(recycler->stats().dropped_noop, 20U);
  });
}

// "testRecycleDisableDrop"
TEST_P(RecyclerLikeNettys, GivesTheSameObjectThreeTimesInARow) {
  run([] {
    const Fixture recycler(with(1024, 0, 16));
    Object* const object = &recycler->get_raw();
    recycle(object);
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(&recycler->get_raw(), object);
      recycle(object);
    }
  });
}

// "testMaxCapacity"
TEST_P(RecyclerLikeNettys, KeepsToItsCapacity) {
  run([] {
    std::minstd_rand random(20);
    std::vector<std::size_t> capacities{300};
    for (int i = 0; i < 50; ++i) capacities.push_back(256 + random() % 1000);
    for (const std::size_t max : capacities) {
      const Fixture recycler(with(max));
      Fixture::recycle(recycler.get(max * 3));
      EXPECT_LE(recycler->thread_local_size(), max);
      EXPECT_EQ(recycler->thread_local_size(), (max * 3 + 7) / 8);
    }
  });
}

// "testRecycleAtDifferentThread"
TEST_P(RecyclerLikeNettys, BringsBackWhatAnotherThreadRecycles) {
  run([] {
    const Fixture recycler(with(256, 2, 16));
    const auto objects = recycler.get(2);
    in_thread([&] {
      for (Object* const object : objects) recycle(object);
    });
    const auto next = recycler.get(2);
    EXPECT_EQ(next[0], objects[0]);
    EXPECT_EQ(next[1]->id, 2) << "the second was not to be pooled";
    Fixture::recycle(next);
  });
}

// "testRecycleAtTwoThreadsMulti" (S4-25, S4-42)
TEST_P(RecyclerLikeNettys, AnotherThreadsRecycleIsSeenAtOnce) {
  run([] {
    const Fixture recycler(with(256));
    Object* const object = &recycler->get_raw();
    for (int i = 0; i < 2; ++i) {
      in_thread([&] { recycle(object); });
      EXPECT_EQ(&recycler->get_raw(), object) << "round " << i;
    }
    recycle(object);
  });
}

// "testMaxCapacityWithRecycleAtDifferentThread"
TEST_P(RecyclerLikeNettys, KeepsToItsCapacityWhoeverRecycles) {
  run([] {
    const Fixture recycler(with(4, 4, 4));
    const auto objects = recycler.get(12);
    for (std::size_t i = 0; i < 4; ++i) recycle(objects[i]);
    in_thread([&] {
      for (std::size_t i = 4; i < 12; ++i) recycle(objects[i]);
    });
    EXPECT_EQ(recycler->thread_local_size(), 3U) << "the 1st, 5th and 9th";
    const auto next = recycler.get(12);
    EXPECT_EQ(recycler->thread_local_size(), 0U);
    Fixture::recycle(next);
  });
}

// "testDiscardingExceedingElementsWithRecycleAtDifferentThread"
TEST_P(RecyclerLikeNettys, DiscardsWhatDoesNotFit) {
  run([] {
    const Fixture recycler(with(32));
    const auto objects = recycler.get(64);
    in_thread([&] {
      for (Object* const object : objects) recycle(object);
    });
    EXPECT_EQ(recycler.made(), 64);
    const auto next = recycler.get(64);
    EXPECT_GE(recycler.made(), 64 + 48);
    Fixture::recycle(next);
  });
}

// S4-4, S4-7, S4-8, S4-37: the exact bounds, by queue and batch.
TEST_P(RecyclerLikeNettys, HoldsItsCapacityAndABatch) {
  run([] {
    for (const bool blocking : {false, true}) {
      RecyclerOptions options = with(4096, 0);
      options.blocking = blocking;
      const Fixture recycler(options);
      Fixture::recycle(recycler.get(5000));
      const bool has_batch = !GetParam().batch_fast_threads_only || GetParam().fast_thread;
      EXPECT_EQ(recycler->thread_local_size(), has_batch ? 4096U + 32U : 4096U);
      EXPECT_EQ(recycler->stats().dropped_full, has_batch ? 872U : 904U);
      EXPECT_EQ(recycler->stats().returned_by_others, 0U);
    }
  });
}

// -- First description: S0-14 to S0-22 ----------------------------------------------------------

/// The static recycler of the example, whose objects free themselves.
struct User {
  explicit User(Recycler<User>::Handle its_handle) : handle(its_handle), number(next++) {}
  void free() { handle.recycle(this); }
  Recycler<User>::Handle handle;
  int number;
  inline static int next = 0;
};

Recycler<User>& users() {
  static Recycler<User> recycler([](Recycler<User>::Handle handle) { return User(handle); });
  return recycler;
}

// S0-17, S0-18
TEST(NettyRows, TheClassicalSession) {
  User& a = users().get_raw();
  User& b = users().get_raw();
  EXPECT_EQ(a.number, 0);
  EXPECT_EQ(b.number, 1);
  a.free();
  b.free();
  EXPECT_EQ(&users().get_raw(), &a);
  User& c = users().get_raw();
  EXPECT_EQ(c.number, 2) << "the ratio has dropped b";
  a.free();
  c.free();
}

// S0-14, S4-21
TEST(NettyRows, ObjectsStayInTheirThreadsPool) {
  const Fixture recycler({.ratio = 0});
  Object* const mine = &recycler->get_raw();
  mine->recycle();
  EXPECT_EQ(recycler->thread_local_size(), 1U);
  in_thread([&] {
    EXPECT_EQ(recycler->thread_local_size(), 0U);
    const auto other = recycler->get();
    EXPECT_NE(other.get(), mine);
  });
  EXPECT_EQ(&recycler->get_raw(), mine);
  mine->recycle();
}

// S0-16, S0-20, S4-23, S4-26: pooled first, then new with a handle, then new without.
TEST(NettyRows, TheThreeWaysOfAGetAddUp) {
  const Fixture recycler({.ratio = 2});
  std::vector<Object*> held;
  int noop = 0;
  constexpr int kGets = 1000;
  std::minstd_rand random(7);
  for (int i = 0; i < kGets; ++i) {
    held.push_back(&recycler->get_raw());
    if (random() % 3 != 0) {
      held.back()->recycle();
      held.pop_back();
    }
  }
  const RecyclerStats stats = recycler->stats();
  EXPECT_EQ(stats.created + stats.reused, static_cast<std::uint64_t>(kGets));
  EXPECT_EQ(static_cast<int>(stats.created), recycler.made());
  EXPECT_GT(stats.reused, 0U);
  for (Object* const object : held) noop += object->handle.is_noop() ? 1 : 0;
  EXPECT_GT(noop, 0);
  Fixture::recycle(held);
}

// S0-21: what is out or waits is never moved.
TEST(NettyRows, GrowthMovesNoObject) {
  const Fixture recycler({.ratio = 0});
  const auto objects = recycler.get(3000);
  for (std::size_t i = 0; i < objects.size(); ++i) objects[i]->payload = i;
  Fixture::recycle(objects);
  const auto again = recycler.get(3000);
  std::set<std::uint64_t> payloads;
  for (Object* const object : again) {
    EXPECT_EQ(objects[object->payload], object);
    payloads.insert(object->payload);
  }
  EXPECT_EQ(payloads.size(), 3000U);
  Fixture::recycle(again);
}

// S0-22, S4-33, S4-34: the check comes before any change, the handle works afterwards.
TEST(NettyRows, AWrongObjectChangesNothing) {
  const Fixture recycler({.ratio = 0});
  Object& a = recycler->get_raw();
  Object& b = recycler->get_raw();
  EXPECT_THROW(a.handle.recycle(&b), std::invalid_argument);
  EXPECT_THROW(a.handle.unguarded_recycle(&b), std::invalid_argument);
  EXPECT_EQ(recycler->thread_local_size(), 0U);
  b.recycle();
  a.recycle();
  EXPECT_EQ(recycler->thread_local_size(), 2U);
}

// -- Second description: S4-1 to S4-42 ----------------------------------------------------------
// S4-2: what the description calls the six modules has tests of its own each: settings
// (options_test, S4-3 and S4-9 to S4-16), thread-local storage (tls), get and create (core_test),
// recycle (give_back_test), LocalPool (local_pool_test), handle and state (slot_test).

// S4-5, S4-28: of 40 misses the 1st, 9th, 17th, 25th and 33rd get a real handle.
TEST(NettyRows, OneInEightMissesIsPooled) {
  const Fixture recycler;
  const auto objects = recycler.get(40);
  std::vector<int> pooled;
  for (Object* const object : objects) {
    if (!object->handle.is_noop()) pooled.push_back(object->id);
  }
  EXPECT_EQ(pooled, (std::vector<int>{0, 8, 16, 24, 32}));
  Fixture::recycle(objects);
  EXPECT_EQ(recycler->thread_local_size(), 5U);
}

// S4-6: a take-over moves at most chunk_size objects to the batch.
TEST(NettyRows, TheBatchHoldsAChunk) {
  const Fixture recycler({.ratio = 0, .chunk_size = 4});
  const auto objects = recycler.get(20);
  in_thread([&] { Fixture::recycle(objects); });
  EXPECT_EQ(recycler->stats().returned_by_others, 20U);
  auto held = recycler.get(1);  // takes over a chunk; the rest waits behind it
  EXPECT_EQ(recycler->thread_local_size(), 19U);
  const auto rest = recycler.get(19);
  EXPECT_EQ(recycler.made(), 20);
  Fixture::recycle(held);
  Fixture::recycle(rest);
}

// S4-17: below 4 means 4, and only 0 turns pooling off.
TEST(NettyRows, TheLeastCapacityIsFour) {
  for (const std::size_t max : {1U, 2U, 3U, 4U}) {
    const Fixture recycler({.max_capacity_per_thread = max, .ratio = 0});
    EXPECT_EQ(recycler->options().max_capacity_per_thread, 4U);
    Fixture::recycle(recycler.get(100));
    EXPECT_EQ(recycler->thread_local_size(), 6U) << "four and a batch of two";
  }
}

// S4-18
TEST(NettyRows, RecyclersDoNotAffectEachOther) {
  const Fixture small({.max_capacity_per_thread = 10, .ratio = 0, .chunk_size = 2});
  const Fixture large({.max_capacity_per_thread = 100, .ratio = 4, .chunk_size = 20});
  Fixture::recycle(small.get(200));
  EXPECT_EQ(large->thread_local_size(), 0U);
  Fixture::recycle(large.get(200));
  EXPECT_EQ(small->thread_local_size(), 12U);
  EXPECT_EQ(large->thread_local_size(), 50U);
}

// S4-19: who only recycles has no pool, and asking for its size makes none.
TEST(NettyRows, AThreadThatOnlyRecyclesHasNoPool) {
  const Fixture recycler({.ratio = 0});
  Object& object = recycler->get_raw();
  in_thread([&] {
    const std::size_t before = fast_thread_local_count();
    EXPECT_EQ(recycler->thread_local_size(), 0U);
    object.recycle();
    EXPECT_FALSE(recycler->trim());
    EXPECT_EQ(recycler->thread_local_size(), 0U);
    EXPECT_EQ(fast_thread_local_count(), before);
  });
  EXPECT_EQ(recycler->thread_local_size(), 1U);
  EXPECT_EQ(recycler->stats().returned_by_others, 1U);
}

// S4-20, S4-38: the thread's end destroys what waits; a late recycle is accepted.
TEST(NettyRows, AThreadsEndEmptiesItsPool) {
  const Fixture recycler({.ratio = 0});
  Object* escaped = nullptr;
  in_thread([&] {
    const auto objects = recycler.get(100);
    escaped = objects.back();
    Fixture::recycle({objects.begin(), objects.end() - 1});
    EXPECT_EQ(Object::live, 100);
  });
  EXPECT_EQ(Object::live, 1);
  escaped->recycle();
  EXPECT_EQ(Object::live, 0);
  const RecyclerStats stats = recycler->stats();
  EXPECT_EQ(stats.destroyed, 100U);
  EXPECT_EQ(stats.dropped_closed, 1U) << "the others ended with their pool";
  EXPECT_EQ(stats.dropped_noop + stats.dropped_full, 0U);
}

// S4-29, S4-32: what is not pooled comes back silently, by both ways, and is destroyed.
TEST(NettyRows, NoopObjectsComeBackSilently) {
  const Fixture recycler({.ratio = 100});
  const auto objects = recycler.get(50);
  for (std::size_t i = 1; i < objects.size(); ++i) {
    i % 2 == 0 ? objects[i]->recycle() : objects[i]->unguarded_recycle();
  }
  EXPECT_EQ(Object::live, 1);
  EXPECT_EQ(recycler->stats().dropped_noop, 49U);
  objects[0]->recycle();
}

// S4-31: T need not be default-constructible, and the facade takes any callable.
TEST(NettyRows, AnyCallableMakesObjects) {
  struct Made {
    explicit Made(int its_value) : value(its_value) {}
    int value;
  };
  struct Maker {
    int value;
    [[nodiscard]] Made make() const { return Made(value); }
  };
  const Maker maker{9};
  Recycler<Made> recycler([&maker] { return maker.make(); });
  EXPECT_EQ(recycler.get()->value, 9);
}

// S4-39: a full queue never blocks, and what it drops is counted.
TEST(NettyRows, OthersFindAFullQueueAndGoOn) {
  const Fixture recycler({.max_capacity_per_thread = 8, .ratio = 0, .chunk_size = 4});
  const auto objects = recycler.get(30);
  in_thread([&] { Fixture::recycle(objects); });
  EXPECT_EQ(recycler->thread_local_size(), 8U);
  EXPECT_EQ(recycler->stats().dropped_full, 22U);
  EXPECT_EQ(recycler->stats().returned_by_others, 8U);
}

// S4-41: a burst of 8000 leaves an eighth.
TEST(NettyRows, ABurstDoesNotFillThePool) {
  const Fixture recycler;
  Fixture::recycle(recycler.get(8000));
  EXPECT_EQ(recycler->thread_local_size(), 1000U);
}

// S4-42: an object goes back to the pool of the thread that made it.
TEST(NettyRows, AForeignRecycleGoesToTheMakersPool) {
  const Fixture recycler({.ratio = 0});
  Object* const object = &recycler->get_raw();
  in_thread([&] {
    static_cast<void>(recycler->get());  // a pool of its own
    EXPECT_EQ(recycler->thread_local_size(), 1U);
    object->recycle();
    EXPECT_EQ(recycler->thread_local_size(), 1U);
  });
  EXPECT_EQ(recycler->thread_local_size(), 1U);
  EXPECT_EQ(&recycler->get_raw(), object);
  object->recycle();
}

}  // namespace
}  // namespace tarn
