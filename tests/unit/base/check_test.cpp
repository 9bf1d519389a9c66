// SPDX-License-Identifier: Apache-2.0
// Assertions end the program with a line that says what is known.
#include "tarn/detail/base/check.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "tarn/log.hpp"

namespace tarn::base {
namespace {

constexpr int checked_half(int even) {
  TARN_CHECK(even % 2 == 0);
  TARN_ASSERT(even >= 0);
  return even / 2;
}
static_assert(checked_half(8) == 4, "checks are usable in constant expressions");

TEST(CheckDeathTest, NamesConditionFileAndLine) {
  EXPECT_DEATH(TARN_CHECK(1 + 1 == 3),
               "^tarn: fatal: check failed: 1 \\+ 1 == 3 "
               "\\(.*check_test.cpp:[0-9]+\\)\n$");
}

TEST(Check, EvaluatesItsConditionOnce) {
  int evaluations = 0;
  TARN_CHECK(++evaluations > 0);
  EXPECT_EQ(evaluations, 1);
}

TEST(CheckDeathTest, AssertIsForDebugBuilds) {
  [[maybe_unused]] int evaluations = 0;
#ifdef NDEBUG
  TARN_ASSERT(++evaluations < 0);
  EXPECT_EQ(evaluations, 0) << "a release build evaluated the condition";
#else
  EXPECT_DEATH(TARN_ASSERT(++evaluations < 0), "check failed: \\+\\+evaluations < 0");
#endif
}

TEST(FatalDeathTest, SaysWhatWhereAndDetail) {
  int object = 0;
  EXPECT_DEATH(fatal("double release", &object, "class 256"),
               "^tarn: fatal: double release at 0x[0-9a-f]+ class 256\n$");
}

TEST(FatalDeathTest, LeavesOutWhatIsNotKnown) {
  EXPECT_DEATH(fatal("double release"), "^tarn: fatal: double release\n$");
}

TEST(FatalDeathTest, CutsOffWhatDoesNotFitAndStillEndsTheLine) {
  const std::string endless(10'000, 'x');
  EXPECT_DEATH(fatal(endless.c_str(), &endless, endless.c_str()), "^tarn: fatal: x{400,500}\n$");
}

TEST(FatalDeathTest, AlsoTellsTheUsersSink) {
  EXPECT_DEATH(
      {
        set_log_sink([](LogLevel level, std::string_view message) {
          if (level != LogLevel::error) return;
          std::fprintf(stderr, "sink got <%s>\n", std::string(message).c_str());
        });
        fatal("double release", nullptr, "by two threads");
      },
      "tarn: fatal: double release by two threads\nsink got <double release by two threads>");
}

// Somebody who is inside the sink may wait for the very thread that dies.
TEST(FatalDeathTest, DoesNotWaitForASinkThatIsBusy) {
  EXPECT_DEATH(
      {
        set_log_sink([](LogLevel, std::string_view) { fatal("inside the sink"); });
        TARN_CHECK(false);
      },
      "check failed: false.*\ntarn: fatal: inside the sink");
}

}  // namespace
}  // namespace tarn::base
