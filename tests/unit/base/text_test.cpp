// SPDX-License-Identifier: Apache-2.0
// Blanks and letter case of settings.
#include "base/text.hpp"

#include <gtest/gtest.h>

namespace tarn::base {
namespace {

TEST(Text, TrimsBlanksAtTheEndsOnly) {
  EXPECT_EQ(trimmed(" \t12 34\r\n"), "12 34");
  EXPECT_EQ(trimmed("12"), "12");
  EXPECT_EQ(trimmed(""), "");
  EXPECT_EQ(trimmed(" \f\v "), "");
}

TEST(Text, ComparesAsciiLettersInAnyCase) {
  EXPECT_TRUE(equals_in_any_case("TrUe", "true"));
  EXPECT_TRUE(equals_in_any_case("", ""));
  EXPECT_FALSE(equals_in_any_case("tru", "true"));
  EXPECT_FALSE(equals_in_any_case("truee", "true"));
  EXPECT_FALSE(equals_in_any_case("t\xD2ue", "true"));
  EXPECT_FALSE(equals_in_any_case("Q", "1")) << "'1' and 'Q' differ by the case bit alone";
}

}  // namespace
}  // namespace tarn::base
