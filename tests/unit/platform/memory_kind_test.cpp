// SPDX-License-Identifier: Apache-2.0
// The two kinds, which index arrays of arenas.
#include "tarn/detail/platform/memory_kind.hpp"

#include <gtest/gtest.h>

namespace tarn {
namespace {

TEST(MemoryKind, NumbersHeapAndDirectFromZero) {
  EXPECT_EQ(static_cast<int>(MemoryKind::heap), 0);
  EXPECT_EQ(static_cast<int>(MemoryKind::direct), 1);
}

}  // namespace
}  // namespace tarn
