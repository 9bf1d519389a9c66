// SPDX-License-Identifier: Apache-2.0
// Tests of Inbox. Layer: recycler.
#include "recycler/inbox.hpp"

#include "unit/recycler/support.hpp"

namespace tarn::recycler::test {
namespace {

TEST(Inbox, TheMarkForNoneIsNoInbox) {
  EXPECT_NE(no_inbox(), nullptr);
  EXPECT_NE(reinterpret_cast<std::uintptr_t>(no_inbox()) % alignof(Inbox), 0U);
  EXPECT_FALSE(exists(no_inbox()));
  EXPECT_FALSE(exists(nullptr));
}

// S4-29: noop objects, whose home is in the inbox, are checked like any other.
TEST(Inbox, NoopObjectsAreNeverPooledAndAreChecked) {
  Fixture f;  // ratio 8: the first is pooled
  const std::vector<Object*> objects = f.get(3);
  EXPECT_FALSE(objects[0]->handle.is_noop());
  EXPECT_TRUE(objects[1]->handle.is_noop());
  EXPECT_THROW(objects[1]->handle.recycle(objects[0]), std::invalid_argument);
  Fixture::recycle(objects);
  EXPECT_EQ(f->thread_local_size(), 1U);
  EXPECT_EQ(f->stats().dropped_noop, 2U);
}

}  // namespace
}  // namespace tarn::recycler::test
