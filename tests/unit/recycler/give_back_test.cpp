// SPDX-License-Identifier: Apache-2.0
// Tests of the ways back to a pool. Layer: recycler.
#include "tarn/detail/recycler/give_back.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tarn/detail/tls/slots.hpp"
#include "unit/recycler/support.hpp"

namespace tarn::recycler::test {
namespace {

// S4-35, S4-36: both ways find a second recycle of one thread; the text is promised.
TEST(GiveBack, FindsASecondRecycleInEitherWay) {
  Fixture f;
  Object* const object = &f->get_raw();
  object->recycle();
  for (const bool guarded : {true, false}) {
    try {
      guarded ? object->recycle() : object->unguarded_recycle();
      ADD_FAILURE() << "not found, guarded " << guarded;
    } catch (const std::logic_error& error) {
      EXPECT_STREQ(error.what(), "object has been recycled already");
    }
  }
  EXPECT_EQ(f->thread_local_size(), 1U) << "the pool is unharmed";
}

TEST(GiveBack, FindsASecondRecycleInAnotherThread) {
  Fixture f;
  Object* const object = &f->get_raw();
  object->recycle();
  in_thread([object] { EXPECT_THROW(object->recycle(), std::logic_error); });
  in_thread([object] { EXPECT_THROW(object->unguarded_recycle(), std::logic_error); });
  EXPECT_EQ(f->thread_local_size(), 1U);
}

// S4-42: what another thread gives back returns to the thread that made it.
TEST(GiveBack, ByAnotherThreadReturnsToTheMaker) {
  Fixture f;
  Object* const object = &f->get_raw();
  in_thread([&] {
    object->recycle();
    EXPECT_EQ(f->thread_local_size(), 0U) << "S4-19: it has no pool of its own";
  });
  EXPECT_EQ(f->stats().returned_by_others, 1U);
  Object* const again = &f->get_raw();
  EXPECT_EQ(again, object);
  again->recycle();
}

// What a thread has brought back last is only a guess at where the next object belongs.
TEST(GiveBack, KeepsApartRecyclersThatTakeTurns) {
  Fixture one;
  Fixture other;
  for (int turn = 0; turn < 3; ++turn) {
    Object* const first = &one->get_raw();
    Object* const second = &other->get_raw();
    turn % 2 == 0 ? first->recycle() : first->unguarded_recycle();
    EXPECT_EQ(one->thread_local_size(), 1U);
    EXPECT_EQ(other->thread_local_size(), 0U);
    second->recycle();
    EXPECT_EQ(other->thread_local_size(), 1U);
    EXPECT_EQ(&one->get_raw(), first);
    EXPECT_EQ(&other->get_raw(), second);
    first->recycle();
    second->recycle();
  }
}

// The guess is of a pool of another thread, then of one of this thread's.
TEST(GiveBack, KeepsApartItsOwnObjectsAndAnotherThreads) {
  Fixture f;
  Object* const foreign = &f->get_raw();
  Object* const foreign_too = &f->get_raw();
  in_thread([&] {
    Object* const own = &f->get_raw();
    foreign->recycle();
    EXPECT_EQ(f->thread_local_size(), 0U);
    own->recycle();
    EXPECT_EQ(f->thread_local_size(), 1U);
    foreign_too->unguarded_recycle();
    EXPECT_EQ(f->thread_local_size(), 1U);
    EXPECT_EQ(&f->get_raw(), own);
    own->recycle();
  });
  EXPECT_EQ(f->stats().returned_by_others, f->thread_local_size());
}

// A pool that is gone may have left its address to another: the guess is then right by chance.
TEST(GiveBack, SurvivesThePoolThatItWentToLast) {
  for (int i = 0; i < 4; ++i) {
    Fixture f;
    Object* const object = &f->get_raw();
    object->recycle();
    EXPECT_EQ(&f->get_raw(), object);
    object->unguarded_recycle();
  }
  Object* kept = nullptr;
  {
    auto ended = std::make_unique<Recycler<Object>>(Factory(), RecyclerOptions());
    kept = &ended->get_raw();
    Object* const other = &ended->get_raw();
    other->recycle();
  }
  const int before = Object::live;
  kept->recycle();  // its recycler has ended, the guess has not
  EXPECT_EQ(Object::live, before - 1);
}

// Slots past those that every thread has are not looked at by the usual path.
TEST(GiveBack, ServesARecyclerWhoseKeyIsNotNear) {
  std::vector<std::unique_ptr<tls::Key>> keys;
  while (keys.empty() || keys.back()->index() < tls::kNearSlots) {
    keys.push_back(std::make_unique<tls::Key>([](void*, void*) {}, nullptr));
  }
  RecyclerOptions options;
  options.ratio = 0;
  Fixture f(options);
  Object* const a = &f->get_raw();
  Object* const b = &f->get_raw();
  for (int i = 0; i < 3; ++i) {
    a->recycle();
    b->recycle();
    EXPECT_THROW(b->recycle(), std::logic_error);
    EXPECT_EQ(&f->get_raw(), b);
    EXPECT_EQ(&f->get_raw(), a);
  }
  a->recycle();
  b->recycle();
  EXPECT_EQ(f->stats().created, 2U);
  EXPECT_EQ(f->stats().reused, 6U);
  f->audit();
}

// A thread's slots may end just before the recycler's, which it has no pool in yet.
TEST(GiveBack, ServesARecyclerWhoseKeyIsTheFirstThatIsNotNear) {
  std::vector<std::unique_ptr<tls::Key>> keys;
  while (keys.empty() || keys.back()->index() < tls::kNearSlots - 1) {
    keys.push_back(std::make_unique<tls::Key>([](void*, void*) {}, nullptr));
  }
  ASSERT_EQ(tls::Key([](void*, void*) {}, nullptr).index(), tls::kNearSlots);
  Fixture f;
  for (const bool has_slots : {false, true}) {
    in_thread([&] {
      int value = 0;
      if (has_slots) keys.front()->set(&value);
      Object* const object = &f->get_raw();
      object->recycle();
      EXPECT_EQ(&f->get_raw(), object);
      object->recycle();
    });
  }
  EXPECT_EQ(f->stats().created, 2U);
  f->audit();
}

}  // namespace
}  // namespace tarn::recycler::test
