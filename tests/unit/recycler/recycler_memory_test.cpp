// SPDX-License-Identifier: Apache-2.0
// Recyclers to which memory is refused, at every moment at which they ask for some; and that they
// ask for none once warm.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <new>
#include <semaphore>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <vector>

#include "support.hpp"
#include "support/failing_new.hpp"
#include "tarn/log.hpp"
#include "tarn/recycler.hpp"

namespace tarn {
namespace {

using recycler::test::Factory;
using recycler::test::in_thread;
using recycler::test::Object;
using testing_support::calls_of_new;
using testing_support::FailingNew;

bool operator==(const RecyclerStats& a, const RecyclerStats& b) {
  return a.created == b.created && a.reused == b.reused && a.destroyed == b.destroyed &&
         a.pooled == b.pooled && a.dropped_full == b.dropped_full &&
         a.dropped_closed == b.dropped_closed && a.dropped_noop == b.dropped_noop &&
         a.returned_by_others == b.returned_by_others;
}

/// Every form, checked and not, pooling every object, every other one, none.
std::vector<RecyclerOptions> all_settings() {
  std::vector<RecyclerOptions> all;
  for (const RecyclerForm form :
       {RecyclerForm::per_thread, RecyclerForm::pinned, RecyclerForm::shared}) {
    for (const Guard guard : {Guard::checked, Guard::unchecked}) {
      for (const bool blocking : {false, true}) {
        for (const std::size_t capacity : {0U, 8U}) {
          all.push_back({.max_capacity_per_thread = capacity,
                         .ratio = 2,
                         .chunk_size = 2,
                         .blocking = blocking,
                         .guard = guard,
                         .form = form});
        }
      }
    }
  }
  return all;
}

/// Calls f() with this thread's 1st, 2nd, 3rd .. allocation refused, until none is.
/// @returns how often std::bad_alloc came out.
template <class F, class Check>
int refuse_each(F f, Check after_refusal) {
  constexpr int kMost = 100;
  for (int nth = 1; nth < kMost; ++nth) {
    try {
      const FailingNew failing(nth);
      f();
      return nth - 1;
    } catch (const std::bad_alloc&) {
      after_refusal();
    }
  }
  ADD_FAILURE() << "still refused";
  return kMost;
}

// -- Refused memory -------------------------------------------------------------------------------

TEST(RecyclerMemory, ARecyclerThatCannotBeMadeLeavesNothingBehind) {
  for (const RecyclerOptions& options : all_settings()) {
    // A thread of its own, whose first recycler asks for all there is to ask for.
    in_thread([&] {
      std::unique_ptr<Recycler<Object>> recycler;
      const int refused = refuse_each(
          [&] { recycler = std::make_unique<Recycler<Object>>(Factory(), options); }, [] {});
      EXPECT_GE(refused, 3) << "the factory, the recycler, its core";
      recycler->get().reset();
      recycler->audit();
    });
    EXPECT_EQ(Object::live, 0);
  }
}

TEST(RecyclerMemory, AGetThatIsRefusedMemoryChangesNothing) {
  for (const RecyclerOptions& options : all_settings()) {
    in_thread([&] {
      const auto recycler = std::make_unique<Recycler<Object>>(Factory(), options);
      std::vector<Recycled<Object>> held(3);
      for (auto& object : held) {
        RecyclerStats before = recycler->stats();
        const int live = Object::live;
        const int refused = refuse_each([&] { object = recycler->get(); },
                                        [&] {
                                          EXPECT_TRUE(recycler->stats() == before);
                                          EXPECT_EQ(Object::live, live);
                                          recycler->audit();
                                        });
        EXPECT_GE(refused, 1) << "the slot's memory at least";
        EXPECT_EQ(recycler->stats().created, before.created + 1);
      }
      held.clear();
      // What waits is found without memory.
      const std::size_t waiting = recycler->thread_local_size();
      const FailingNew failing(1);
      for (std::size_t i = 0; i < waiting; ++i) EXPECT_NE(recycler->get(), nullptr);
    });
    EXPECT_EQ(Object::live, 0);
  }
}

/// An object whose constructor asks for memory.
struct Holder {
  Holder() : memory(std::make_unique<int>(1)) { ++live; }
  ~Holder() { --live; }
  std::unique_ptr<int> memory;
  inline static int live = 0;
};

TEST(RecyclerMemory, AnObjectThatIsRefusedMemoryDoesNotExist) {
  for (const RecyclerOptions& options : all_settings()) {
    Recycler<Holder> recycler([] { return Holder(); }, options);
    Recycled<Holder> first;
    const int refused = refuse_each([&] { first = recycler.get(); },
                                    [&] {
                                      EXPECT_EQ(recycler.stats().created, 0U);
                                      EXPECT_EQ(Holder::live, 0);
                                      recycler.audit();
                                    });
    EXPECT_GE(refused, 2) << "the slot's memory, and the object's own";
    EXPECT_NE(first, nullptr);
  }
}

// Every object is to be pooled, so that nothing has made the pool's box before the batch overflows.
TEST(RecyclerMemory, WhatCannotBeSpilledCountsAsDropped) {
  for (int nth = 1; nth < 5; ++nth) {
    SCOPED_TRACE(nth);
    Recycler<Object> recycler(Factory(),
                              {.max_capacity_per_thread = 8, .ratio = 0, .chunk_size = 2});
    std::vector<Object*> objects(6);
    for (Object*& object : objects) object = &recycler.get_raw();
    {
      const FailingNew failing(nth);
      for (Object* const object : objects) object->recycle();
    }
    recycler.audit();
    const RecyclerStats stats = recycler.stats();
    EXPECT_EQ(stats.dropped_noop, 0U);
    EXPECT_EQ(stats.created, stats.pooled + stats.dropped_full);
  }
}

// Also by recycle(T&), whose first call makes the box: without it the next one makes it, and what a
// holder brings back is looked at all the same.
TEST(RecyclerMemory, TheFirstReferenceDoesWithoutMemory) {
  Recycler<Holder> recycler([] { return Holder(); }, {.ratio = 0});
  Recycled<Holder> held = recycler.get();
  Holder& raw = recycler.get_raw();
  {
    const FailingNew failing(1);
    recycler.recycle(raw);
  }
  EXPECT_EQ(recycler.thread_local_size(), 1U);
  Holder& late = *held;
  in_thread([&held] { held.reset(); });
  EXPECT_THROW(recycler.recycle(late), std::logic_error);
  EXPECT_EQ(recycler.thread_local_size(), 2U);
  recycler.audit();

  Recycler<Holder> other([] { return Holder(); }, {.ratio = 0});
  held = other.get();
  {
    const FailingNew failing(1);
    other.recycle(*held);
  }
  const LogSink before = set_log_sink([](LogLevel, std::string_view) {});
  in_thread([&held] { held.reset(); });
  set_log_sink(before);
  EXPECT_EQ(other.thread_local_size(), 1U) << "it was recycled behind its holder's back";
  other.audit();
}

/// Bringing back needs memory at times: for the batch, for the queue. Without, the object is
/// destroyed, and counted as one for which there was no room.
TEST(RecyclerMemory, WhatCannotBeKeptIsDestroyed) {
  for (const RecyclerOptions& options : all_settings()) {
    for (const bool by_other : {false, true}) {
      for (int nth = 1; nth < 6; ++nth) {
        Recycler<Object> recycler(Factory(), options);
        std::vector<Object*> objects(12);
        for (Object*& object : objects) object = &recycler.get_raw();
        const auto recycle = [&] {
          const FailingNew failing(nth);
          for (Object* const object : objects) EXPECT_NO_THROW(object->recycle());
        };
        by_other ? in_thread(recycle) : recycle();
        recycler.audit();
        const RecyclerStats stats = recycler.stats();
        EXPECT_EQ(stats.created, 12U);
        EXPECT_EQ(stats.created, stats.destroyed + stats.pooled);
        EXPECT_EQ(stats.destroyed, stats.dropped_full + stats.dropped_noop);
        EXPECT_EQ(Object::live, static_cast<int>(stats.pooled));
        {  // Emptied without memory too.
          const FailingNew failing(1);
          EXPECT_EQ(recycler.trim_all(), stats.pooled);
        }
        EXPECT_EQ(Object::live, 0);
      }
    }
  }
}

// S4-20: the ends of threads and recyclers need no memory.
TEST(RecyclerMemory, EndsNeedNone) {
  for (const RecyclerOptions& options : all_settings()) {
    auto recycler = std::make_unique<Recycler<Object>>(Factory(), options);
    std::vector<Recycled<Object>> held(12);
    for (auto& object : held) object = recycler->get();
    held.resize(6);
    {
      const FailingNew failing(1);
      recycler.reset();
      held.clear();
    }
    EXPECT_EQ(Object::live, 0);
  }
}

// -- None once warm -------------------------------------------------------------------------------

/// Allocations by operator new while f() runs in this thread.
template <class F>
std::size_t allocations_of(F f) {
  const std::size_t before = calls_of_new();
  f();
  return calls_of_new() - before;
}

// S4-40
TEST(RecyclerMemory, OnceWarmTheOwnerAllocatesNothing) {
  constexpr std::size_t kBurst = 300;  // spills from the batch to the stock and back
  for (const RecyclerForm form :
       {RecyclerForm::per_thread, RecyclerForm::pinned, RecyclerForm::shared}) {
    for (const Guard guard : {Guard::checked, Guard::unchecked}) {
      Recycler<Object> recycler(Factory(), {.ratio = 0, .guard = guard, .form = form});
      std::vector<Recycled<Object>> held(kBurst);
      const auto burst = [&] {
        for (auto& object : held) object = recycler.get();
        for (auto& object : held) object.reset();
      };
      EXPECT_GE(allocations_of(burst), kBurst) << "the counter counts";
      EXPECT_EQ(allocations_of([&] {
                  for (int i = 0; i < 10; ++i) burst();
                  for (int i = 0; i < 1000; ++i) recycler.get().reset();
                }),
                0U);
      EXPECT_EQ(recycler.stats().created, kBurst);
    }
  }
}

TEST(RecyclerMemory, APoolOfOneIsEmptiedWithoutAsking) {
  for (const Guard guard : {Guard::checked, Guard::unchecked}) {
    Recycler<Object> recycler(Factory(), {.ratio = 0, .guard = guard});
    recycler.get().reset();
    EXPECT_EQ(allocations_of([&] { EXPECT_EQ(recycler.trim_all(), 1U); }), 0U);
  }
}

// S4-40, across threads: one gets, the other recycles, and neither allocates.
TEST(RecyclerMemory, OnceWarmNeitherSideOfAQueueAllocates) {
  constexpr std::size_t kBurst = 300;
  for (const RecyclerForm form :
       {RecyclerForm::per_thread, RecyclerForm::pinned, RecyclerForm::shared}) {
    Recycler<Object> recycler(Factory(), {.ratio = 0, .form = form});
    std::vector<Recycled<Object>> held(kBurst);
    std::binary_semaphore filled{0};
    std::binary_semaphore emptied{0};
    constexpr int kRounds = 20;
    std::size_t allocated_by_other = 0;
    std::thread other([&] {
      for (int round = 0; round < kRounds; ++round) {
        filled.acquire();
        const std::size_t allocated = allocations_of([&] {
          for (auto& object : held) object.reset();
        });
        if (round > 0) allocated_by_other += allocated;
        emptied.release();
      }
    });
    for (int round = 0; round < kRounds; ++round) {
      const std::size_t allocated = allocations_of([&] {
        for (auto& object : held) object = recycler.get();
      });
      if (round > 1) {
        EXPECT_EQ(allocated, 0U) << "round " << round;
      }
      filled.release();
      emptied.acquire();
    }
    other.join();
    EXPECT_EQ(allocated_by_other, 0U);
    EXPECT_EQ(recycler.stats().created, kBurst);
  }
}

}  // namespace
}  // namespace tarn
