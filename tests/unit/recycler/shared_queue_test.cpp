// SPDX-License-Identifier: Apache-2.0
// Tests of SharedQueue. Layer: recycler.
#include "recycler/shared_queue.hpp"

#include "unit/recycler/support.hpp"

namespace tarn::recycler::test {
namespace {

TEST(SharedQueue, KeepsItsBoundBlockingOrNot) {
  for (const bool blocking : {false, true}) {
    SharedQueue queue(3, blocking);
    const SlotLayout layout = SlotLayout::of(8, 8, false);
    std::vector<void*> objects(4);
    for (void*& object : objects) object = layout.allocate(nullptr, false);
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(queue.put(objects[static_cast<std::size_t>(i)]), PutResult::stored);
    }
    EXPECT_EQ(queue.put(objects[3]), PutResult::full);
    EXPECT_EQ(queue.dropped_full(), 1U);
    EXPECT_EQ(queue.size(), 3U);
    EXPECT_NE(queue.take(), nullptr);
    EXPECT_EQ(queue.taken(), 1U);
    SlotList list;
    EXPECT_EQ(queue.close(list), 2U);
    EXPECT_EQ(queue.put(objects[3]), PutResult::closed);
    for (void* const object : objects) layout.deallocate(object);
  }
}

TEST(SharedQueue, ASharedRecyclerServesEveryThread) {
  RecyclerOptions options;
  options.form = RecyclerForm::shared;
  options.max_capacity_per_thread = 4;
  Fixture f(options);
  Object* made_here = &f->get_raw();
  made_here->recycle();
  in_thread([&] {
    Object* const theirs = &f->get_raw();
    EXPECT_EQ(theirs, made_here);
    theirs->recycle();
  });
  EXPECT_EQ(f->stats().returned_by_others, 0U);
}

}  // namespace
}  // namespace tarn::recycler::test
