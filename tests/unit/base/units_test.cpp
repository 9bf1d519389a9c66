// SPDX-License-Identifier: Apache-2.0
// Units are the binary ones.
#include "tarn/detail/base/units.hpp"

#include <gtest/gtest.h>

namespace tarn::base {
namespace {

TEST(Units, AreBinaryMultiples) {
  EXPECT_EQ(kKiB, 1024U);
  EXPECT_EQ(kMiB, 1024U * kKiB);
  EXPECT_EQ(kGiB, 1024U * kMiB);
}

}  // namespace
}  // namespace tarn::base
