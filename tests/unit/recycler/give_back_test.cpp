// SPDX-License-Identifier: Apache-2.0
// Tests of the ways back to a pool. Layer: recycler.
#include "tarn/detail/recycler/give_back.hpp"

#include <stdexcept>
#include <string>

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

}  // namespace
}  // namespace tarn::recycler::test
