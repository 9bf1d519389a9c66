// SPDX-License-Identifier: Apache-2.0
// The version is one number, wherever it is written.
#include "tarn/version.hpp"

#include <gtest/gtest.h>

#include <string>

namespace tarn {
namespace {

TEST(Version, TextAndNumbersAgree) {
  const std::string numbers = std::to_string(TARN_VERSION_MAJOR) + "." +
                              std::to_string(TARN_VERSION_MINOR) + "." +
                              std::to_string(TARN_VERSION_PATCH);
  EXPECT_EQ(numbers, TARN_VERSION_STRING);
  EXPECT_EQ(numbers, version());
}

TEST(Version, IsTheOneOfTheBuild) { EXPECT_STREQ(version(), TARN_TEST_BUILD_VERSION); }

}  // namespace
}  // namespace tarn
