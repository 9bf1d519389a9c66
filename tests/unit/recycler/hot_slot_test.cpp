// SPDX-License-Identifier: Apache-2.0
// Tests of HotSlot. Layer: recycler.
#include "tarn/detail/recycler/hot_slot.hpp"

#include <gtest/gtest.h>

namespace tarn::recycler {
namespace {

TEST(HotSlot, HoldsOneObjectAtMost) {
  HotSlot slot;
  int a = 0;
  int b = 0;
  EXPECT_FALSE(slot.push(&a)) << "sealed at first";
  EXPECT_EQ(slot.pop(), nullptr);
  slot.unseal();
  EXPECT_EQ(slot.pop(), nullptr);
  EXPECT_TRUE(slot.push(&a));
  EXPECT_TRUE(slot.holds_object());
  EXPECT_FALSE(slot.push(&b));
  EXPECT_EQ(slot.replace(&b), &a);
  EXPECT_EQ(slot.pop(), &b);
  EXPECT_FALSE(slot.holds_object());
  EXPECT_EQ(slot.pops(), 1U) << "looks that found nothing are taken back";
}

TEST(HotSlot, ARevokerGetsWhatIsThere) {
  HotSlot slot;
  slot.unseal();
  int a = 0;
  ASSERT_TRUE(slot.push(&a));
  const std::uintptr_t sealed_over = slot.seal();
  EXPECT_EQ(slot.look(sealed_over), HotSlot::Look::final);
  EXPECT_EQ(slot.keep(sealed_over), &a);
  EXPECT_EQ(slot.pop(), nullptr) << "sealed";
  EXPECT_FALSE(slot.push(&a)) << "sealed";
  slot.unseal();
  EXPECT_TRUE(slot.push(&a));
  const std::uintptr_t again = slot.seal();
  EXPECT_EQ(slot.look(again), HotSlot::Look::final) << "the count knows what was kept";
  EXPECT_EQ(slot.keep(again), &a);
}

}  // namespace
}  // namespace tarn::recycler
