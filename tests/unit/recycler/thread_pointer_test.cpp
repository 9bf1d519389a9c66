// SPDX-License-Identifier: Apache-2.0
// Tests of thread_pointer. Layer: recycler.
#include "tarn/detail/recycler/thread_pointer.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace tarn::recycler {
namespace {

TEST(ThreadPointer, IsTheSameWithinAThreadAndAnotherInAnother) {
  const std::uintptr_t mine = thread_pointer();
  EXPECT_NE(mine, 0U);
  EXPECT_EQ(thread_pointer(), mine);
  EXPECT_TRUE(is_this_thread(mine));
  EXPECT_FALSE(is_this_thread(0));
  std::thread([mine] {
    EXPECT_NE(thread_pointer(), mine);
    EXPECT_FALSE(is_this_thread(mine));
  }).join();
}

}  // namespace
}  // namespace tarn::recycler
