// SPDX-License-Identifier: Apache-2.0
// Tests of a recycler's core by what outlives what: objects, threads, recyclers, the program.
#include "tarn/detail/recycler/core.hpp"

#include <gtest/gtest.h>
#include <pthread.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <latch>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "support.hpp"
#include "tarn/fast_thread_local.hpp"
#include "tarn/recycler.hpp"

namespace tarn::recycler {
namespace {

using test::expect_adds_up;
using test::Fixture;
using test::in_thread;
using test::Object;

constexpr std::array kForms = {RecyclerForm::per_thread, RecyclerForm::pinned,
                               RecyclerForm::shared};
constexpr std::array kGuards = {Guard::checked, Guard::unchecked};

// -- The recycler's end -------------------------------------------------------------------------

TEST(RecyclerEnd, DestroysWhatWaitsInEveryPool) {
  for (const RecyclerForm form : kForms) {
    for (const Guard guard : kGuards) {
      Fixture recycler({.ratio = 0, .guard = guard, .form = form});
      std::latch filled(2);
      std::latch done(1);
      std::thread sleeper([&] {
        if (form != RecyclerForm::pinned) Fixture::recycle(recycler.get(100));
        filled.count_down();
        done.wait();
      });
      Fixture::recycle(recycler.get(100));
      filled.arrive_and_wait();
      recycler.end();  // while the other thread's pool is alive
      done.count_down();
      sleeper.join();
    }
  }
}

TEST(RecyclerEnd, LeavesWhatIsOutToItsHolders) {
  for (const RecyclerForm form : kForms) {
    for (const Guard guard : kGuards) {
      for (const std::size_t capacity : {0U, 4096U}) {
        Fixture recycler(
            {.max_capacity_per_thread = capacity, .ratio = 2, .guard = guard, .form = form});
        auto held = recycler->get();
        auto in_other_thread = recycler->get();
        Object& raw = recycler->get_raw();
        static_cast<void>(recycler->get());
        recycler.end(3);
        EXPECT_EQ(held->id, 0) << "still usable";
        EXPECT_EQ(held->handle.is_noop(), true);
        raw.recycle();
        EXPECT_EQ(Object::live, 2);
        in_thread([&] { in_other_thread.reset(); });
        EXPECT_EQ(Object::live, 1);
        held.reset();
        EXPECT_EQ(Object::live, 0);
      }
    }
  }
}

TEST(RecyclerEnd, MayComeWhileOthersRecycle) {
  for (const RecyclerForm form : kForms) {
    for (const bool blocking : {false, true}) {
      for (int round = 0; round < 30; ++round) {
        auto recycler = std::make_unique<Recycler<Object>>(
            test::Factory(), RecyclerOptions{.max_capacity_per_thread = 64,
                                             .ratio = 0,
                                             .chunk_size = 4,
                                             .blocking = blocking,
                                             .form = form});
        std::vector<Recycled<Object>> a(50);
        std::vector<Recycled<Object>> b(50);
        for (auto* const part : {&a, &b}) {
          for (auto& object : *part) object = recycler->get();
        }
        std::latch start(3);
        const auto recycle = [&start](std::vector<Recycled<Object>>& part) {
          start.arrive_and_wait();
          part.clear();
        };
        std::thread first(recycle, std::ref(a));
        std::thread second(recycle, std::ref(b));
        start.arrive_and_wait();
        recycler.reset();
        first.join();
        second.join();
        EXPECT_EQ(Object::live, 0);
      }
    }
  }
}

TEST(RecyclerEnd, MayComeWhileAnOwnerRecycles) {
  for (int round = 0; round < 100; ++round) {
    auto recycler = std::make_unique<Recycler<Object>>(
        test::Factory(), RecyclerOptions{.ratio = 0, .chunk_size = 4});
    std::latch has_objects(2);
    std::thread owner([&] {
      std::vector<Recycled<Object>> held(40);
      for (auto& object : held) object = recycler->get();
      has_objects.arrive_and_wait();
      for (auto& object : held) object.reset();
    });
    has_objects.arrive_and_wait();
    recycler.reset();
    owner.join();
    EXPECT_EQ(Object::live, 0);
  }
}

TEST(RecyclerEnd, MayComeWhileThreadsEnd) {
  for (int round = 0; round < 100; ++round) {
    auto recycler =
        std::make_unique<Recycler<Object>>(test::Factory(), RecyclerOptions{.ratio = 0});
    std::vector<std::thread> threads;
    std::latch have_recycled(4);
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] {
        { const auto held = recycler->get(); }
        have_recycled.arrive_and_wait();  // and ends
      });
    }
    have_recycled.arrive_and_wait();
    recycler.reset();
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(Object::live, 0);
  }
}

/// Counts its ends in a number that outlives it; holds another of its kind.
struct Chain {
  Recycled<Chain> next;
  int* ended;
  ~Chain() { ++*ended; }
};

TEST(RecyclerEnd, ObjectsMayRecycleOthersInTheirDestructors) {
  int ended = 0;
  {
    Recycler<Chain> recycler(
        [&ended] {
          return Chain{nullptr, &ended};
        },
        RecyclerOptions{.ratio = 0});
    auto a = recycler.get();
    a->next = recycler.get();
    a->next->next = recycler.get();
    a.reset();
    EXPECT_EQ(recycler.stats().pooled, 1U);
  }
  EXPECT_EQ(ended, 3);
}

// -- A thread's end ------------------------------------------------------------------------------

TEST(ThreadEnd, IsFoundForAnyKindOfThread) {
  const Fixture recycler({.ratio = 0});
  Object* escaped = nullptr;
  auto body = [&] {
    const auto objects = recycler.get(10);
    escaped = objects[0];
    Fixture::recycle({objects.begin() + 1, objects.end()});
  };
  const auto check = [&] {
    EXPECT_EQ(Object::live, 1);
    escaped->recycle();
    EXPECT_EQ(Object::live, 0);
  };
  std::thread(body).join();
  check();
  FastThread(body).join();
  check();
  pthread_t thread{};
  using Body = decltype(body);
  ASSERT_EQ(pthread_create(
                &thread, nullptr,
                [](void* f) -> void* {
                  (*static_cast<Body*>(f))();
                  return nullptr;
                },
                &body),
            0);
  pthread_join(thread, nullptr);
  check();
  EXPECT_EQ(recycler->stats().dropped_closed, 3U);
}

TEST(ThreadEnd, ComesAfterTheThreadLocals) {
  const Fixture recycler({.ratio = 0});
  in_thread([&] {
    thread_local Recycled<Object> last;
    last = recycler->get();
  });
  const RecyclerStats stats = recycler->stats();
  EXPECT_EQ(stats.destroyed, 1U);
  EXPECT_EQ(stats.dropped_closed, 0U) << "it came back to a pool that was still open";
}

TEST(ThreadEnd, AllowsGetAndRecycleInThreadLocalDestructors) {
  const Fixture recycler({.ratio = 0});
  struct AtEnd {
    Recycler<Object>* recycler = nullptr;
    ~AtEnd() {
      const auto object = recycler->get();
      Object& raw = recycler->get_raw();
      raw.recycle();
    }
  };
  in_thread([&] {
    thread_local AtEnd before;  // destroyed after those made later
    before.recycler = &*recycler;
    const auto object = recycler->get();
    thread_local AtEnd after;
    after.recycler = &*recycler;
  });
  EXPECT_EQ(Object::live, 0);
}

TEST(ThreadEnd, LeavesAnObjectToWhoeverHoldsIt) {
  Fixture recycler({.ratio = 2});
  Recycled<Object> pooled;
  Recycled<Object> noop;
  in_thread([&] {
    pooled = recycler->get();
    noop = recycler->get();
  });
  recycler.end(2);  // the recycler after its thread, the objects after both
  pooled.reset();
  EXPECT_EQ(Object::live, 1);
  noop.reset();
}

TEST(ThreadEnd, RemovingAllFastThreadLocalsIsOne) {
  for (const RecyclerForm form : kForms) {
    const Fixture recycler({.ratio = 0, .form = form});
    Object& out = recycler->get_raw();
    static_cast<void>(recycler->get());
    remove_all_fast_thread_locals();
    const std::size_t stays = form == RecyclerForm::per_thread ? 0 : 1;
    EXPECT_EQ(recycler->thread_local_size(), stays) << "pinned and shared pools stay";
    out.recycle();
    EXPECT_EQ(recycler->thread_local_size(), 2 * stays);
    EXPECT_EQ(recycler->stats().dropped_closed, 1 - stays);
    static_cast<void>(recycler->get());
    EXPECT_GE(recycler->thread_local_size(), 1U) << "a new pool is made";
  }
}

TEST(ThreadEnd, MayComeInsideTheFactory) {
  bool throws = false;
  {
    Recycler<Object> recycler(
        [&throws](Object::Handle handle) {
          remove_all_fast_thread_locals();
          if (throws) throw std::runtime_error("no");
          return Object(handle, 0);
        },
        RecyclerOptions{.ratio = 0});
    auto held = recycler.get();
    EXPECT_TRUE(held->handle.is_noop()) << "its pool has ended while it was made";
    throws = true;
    EXPECT_THROW(static_cast<void>(recycler.get()), std::runtime_error);
    throws = false;
    held.reset();
    expect_adds_up(recycler.stats(), 0);
  }
  EXPECT_EQ(Object::live, 0);
}

TEST(ThreadEnd, PoolsOfManyThreadsAreGivenUp) {
  const Fixture recycler({.ratio = 0});
  for (int i = 0; i < 50; ++i) {
    in_thread([&] { Fixture::recycle(recycler.get(3)); });
  }
  const RecyclerStats stats = recycler->stats();
  EXPECT_EQ(stats.created, 150U);
  EXPECT_EQ(stats.destroyed, 150U);
  EXPECT_EQ(stats.reused, 0U);
  expect_adds_up(stats, 0);
}

// -- The program's end ---------------------------------------------------------------------------

using ProgramEndDeathTest = testing::Test;

TEST(ProgramEndDeathTest, FindsStaticRecyclersAndHoldersInOrder) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        static Recycled<Object> outlives;  // destroyed after the recyclers
        static Recycler<Object> plain(test::Factory(), RecyclerOptions{.ratio = 0});
        static Recycler<Object> pinned(test::Factory(),
                                       RecyclerOptions{.ratio = 0, .form = RecyclerForm::pinned});
        static Recycler<Object> shared(test::Factory(),
                                       RecyclerOptions{.ratio = 0, .form = RecyclerForm::shared});
        thread_local Recycled<Object> of_main;
        for (auto* const recycler : {&plain, &pinned, &shared}) {
          static_cast<void>(recycler->get());
          of_main = recycler->get();
          outlives = recycler->get();
        }
        std::exit(0);
      },
      testing::ExitedWithCode(0), "");
}

// -- Trims by another thread ---------------------------------------------------------------------

TEST(TrimAll, EmptiesASleepingOwnersPoolAtOnce) {
  for (const RecyclerForm form : {RecyclerForm::per_thread, RecyclerForm::pinned}) {
    for (const Guard guard : kGuards) {
      std::latch filled(2);
      std::latch trimmed(2);
      std::unique_ptr<Fixture> recycler;
      std::thread owner([&] {
        recycler =
            std::make_unique<Fixture>(RecyclerOptions{.ratio = 0, .guard = guard, .form = form});
        Fixture::recycle(recycler->get(100));
        filled.arrive_and_wait();
        trimmed.arrive_and_wait();
        EXPECT_EQ((*recycler)->thread_local_size(), 0U);
        Fixture::recycle(recycler->get(3));
        EXPECT_EQ((*recycler)->thread_local_size(), 3U) << "the owner goes on";
      });
      filled.arrive_and_wait();
      EXPECT_EQ((*recycler)->trim_all(), 100U);
      EXPECT_EQ(Object::live, 0);
      EXPECT_EQ((*recycler)->trim_all(), 0U);
      trimmed.arrive_and_wait();
      owner.join();
      EXPECT_EQ((*recycler)->stats().created, 103U);
    }
  }
}

TEST(TrimAll, CountsWhatItDestroys) {
  for (const RecyclerForm form : kForms) {
    const Fixture recycler({.ratio = 0, .form = form});
    const auto objects = recycler.get(70);
    Fixture::recycle({objects.begin(), objects.begin() + 50});
    in_thread([&] { Fixture::recycle({objects.begin() + 50, objects.end()}); });
    EXPECT_EQ(recycler->trim_all(), 70U);
    const RecyclerStats stats = recycler->stats();
    EXPECT_EQ(stats.destroyed, 70U);
    EXPECT_EQ(stats.dropped_full + stats.dropped_closed + stats.dropped_noop, 0U);
  }
}

TEST(TrimAll, DestroysOutsideOfItsLock) {
  struct Trimmer {
    Recycler<Trimmer>** recycler;
    ~Trimmer() {
      if (*recycler != nullptr) (*recycler)->trim_all();  // would wait for itself
    }
  };
  Recycler<Trimmer>* self = nullptr;
  Recycler<Trimmer> recycler([&self] { return Trimmer{&self}; }, RecyclerOptions{.ratio = 0});
  self = &recycler;
  {
    const auto a = recycler.get();
    const auto b = recycler.get();
  }
  EXPECT_EQ(recycler.trim_all(), 2U);
  self = nullptr;
}

// -- Fast scopes ---------------------------------------------------------------------------------

TEST(FastScope, GivesAndTakesTheBatch) {
  in_thread([] {
    const Fixture recycler({.max_capacity_per_thread = 8,
                            .ratio = 0,
                            .chunk_size = 4,
                            .batch_fast_threads_only = true});
    Fixture::recycle(recycler.get(20));
    EXPECT_EQ(recycler->thread_local_size(), 8U) << "no batch: the queue's bound";
    std::optional<FastThreadScope> scope(std::in_place);
    Fixture::recycle(recycler.get(20));
    EXPECT_EQ(recycler->thread_local_size(), 12U) << "with a batch";
    scope.reset();
    const auto objects = recycler.get(20);
    Fixture::recycle(objects);
    EXPECT_EQ(recycler->thread_local_size(), 8U) << "and without again";
  });
}

/// Lets go of another object on a fast thread, at its end.
struct LetsGoInScope {
  Recycled<LetsGoInScope> other;
  int* ended;
  ~LetsGoInScope() {
    const FastThreadScope scope;
    other.reset();
    ++*ended;
  }
};

// Between the pool's close and the cut of its link from the thread, the thread still finds it: it
// must not be given a batch then, in which objects would wait for ever.
TEST(FastScope, LeavesAClosedPoolClosed) {
  in_thread([] {
    int ended = 0;
    {
      Recycler<LetsGoInScope> recycler(
          [&ended] {
            return LetsGoInScope{nullptr, &ended};
          },
          RecyclerOptions{.ratio = 0, .batch_fast_threads_only = true});
      auto waits = recycler.get();
      waits->other = recycler.get();
      waits.reset();  // it is destroyed when the recycler ends, and lets go of the other then
      EXPECT_EQ(recycler.stats().pooled, 1U);
    }
    EXPECT_EQ(ended, 2);
  });
}

}  // namespace
}  // namespace tarn::recycler
