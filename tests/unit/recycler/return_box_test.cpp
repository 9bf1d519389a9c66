// SPDX-License-Identifier: Apache-2.0
// Tests of ReturnBox. Layer: recycler.
#include "recycler/return_box.hpp"

#include <gtest/gtest.h>

namespace tarn::recycler {
namespace {

std::size_t length(const Slot* slot) {
  std::size_t count = 0;
  for (; slot != nullptr; slot = slot->next) ++count;
  return count;
}

// S4-7, S4-13: blocking or not, the same.
TEST(ReturnBox, KeepsItsBoundBlockingOrNot) {
  for (const bool blocking : {false, true}) {
    ReturnBox box(blocking);
    Slot slots[4] = {};
    EXPECT_EQ(box.put(&slots[0], 2), PutResult::stored);
    EXPECT_EQ(box.put(&slots[1], 2), PutResult::stored);
    EXPECT_EQ(box.put(&slots[2], 2), PutResult::full);
    EXPECT_EQ(length(box.take_all()), 2U);
    EXPECT_EQ(box.put(&slots[2], 2), PutResult::full) << "taken over, not forgotten";
    box.forget(2);
    EXPECT_EQ(box.put(&slots[2], 2), PutResult::stored);
    EXPECT_EQ(length(box.close()), 1U);
    EXPECT_EQ(box.put(&slots[3], 2), PutResult::closed);
    EXPECT_EQ(box.take_all(), nullptr);
  }
}

}  // namespace
}  // namespace tarn::recycler
