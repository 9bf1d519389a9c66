// SPDX-License-Identifier: Apache-2.0
// Tests of a recycler's core: pools of several threads, ends. Layer: recycler.
#include "tarn/detail/recycler/core.hpp"

#include "unit/recycler/support.hpp"

namespace tarn::recycler::test {
namespace {

// S4-20: the pool ends with its thread, and what waits in it is destroyed.
TEST(RecyclerCore, APoolEndsWithItsThread) {
  RecyclerOptions options;
  options.ratio = 0;
  Fixture f(options);
  in_thread([&f] { Fixture::recycle(f.get(10)); });
  const RecyclerStats stats = f->stats();
  EXPECT_EQ(stats.created, 10U);
  EXPECT_EQ(stats.destroyed, 10U);
  EXPECT_EQ(stats.pooled, 0U);
}

// S4-38: an object whose owner has ended is destroyed when it is recycled.
TEST(RecyclerCore, ObjectsMayOutliveTheirThread) {
  Fixture f;
  Object* escaped = nullptr;
  in_thread([&] { escaped = &f->get_raw(); });
  escaped->payload = 7;
  EXPECT_EQ(Object::live, 1);
  escaped->recycle();
  EXPECT_EQ(Object::live, 0);
  EXPECT_EQ(f->stats().dropped_closed, 1U);
}

TEST(RecyclerCore, ObjectsMayOutliveTheirRecycler) {
  Fixture f;
  Object* const object = &f->get_raw();
  f.end(1);
  object->recycle();
  EXPECT_EQ(Object::live, 0);
}

TEST(RecyclerCore, TrimAllDestroysWhatWaitsForASleepingThread) {
  RecyclerOptions options;
  options.ratio = 0;
  Fixture f(options);
  std::atomic<int> step{0};
  std::thread sleeper([&] {
    Fixture::recycle(f.get(5));
    step = 1;
    while (step != 2) std::this_thread::yield();
    Fixture::recycle(f.get(5));
  });
  while (step != 1) std::this_thread::yield();
  EXPECT_EQ(f->trim_all(), 5U);
  EXPECT_EQ(f->stats().pooled, 0U);
  step = 2;
  sleeper.join();
}

// S0-14: what one thread recycles another does not get.
TEST(RecyclerCore, ThreadsDoNotShareObjects) {
  RecyclerOptions options;
  options.ratio = 0;
  Fixture f(options);
  const std::vector<Object*> mine = f.get(4);
  Fixture::recycle(mine);
  in_thread([&] {
    for (Object* const theirs : f.get(4)) {
      for (const Object* const object : mine) EXPECT_NE(theirs, object);
      theirs->recycle();
    }
  });
}

}  // namespace
}  // namespace tarn::recycler::test
