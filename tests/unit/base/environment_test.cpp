// SPDX-License-Identifier: Apache-2.0
// Reading settings, and the one warning about a bad one.
#include "tarn/detail/base/environment.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <deque>
#include <string>
#include <vector>

#include "tarn/log.hpp"

namespace tarn::base {
namespace {

/// Collects warnings, and sets variables whose names no other test has used: one is warned about
/// only once a process.
class Environment : public testing::Test {
 protected:
  Environment() {
    set_log_sink([this](LogLevel level, std::string_view message) {
      EXPECT_EQ(level, LogLevel::warning);
      warnings_.emplace_back(message);
    });
  }
  ~Environment() override {
    set_log_sink({});
    for (const std::string& name : set_) ::unsetenv(name.c_str());
  }

  const char* variable(const char* value) {
    static int serial = 0;
    set_.push_back("TARN_TEST_" + std::to_string(++serial));
    if (value != nullptr) ::setenv(set_.back().c_str(), value, 1);
    return set_.back().c_str();
  }
  std::optional<std::int64_t> number(const char* value) {
    return env_int(variable(value), -10, 100, "42");
  }
  std::optional<bool> boolean(const char* value) { return env_bool(variable(value), "true"); }

  std::vector<std::string> warnings_;

 private:
  std::deque<std::string> set_;  // keeps its elements where they are: their names are handed out
};

TEST_F(Environment, ReadsDecimalNumbers) {
  EXPECT_EQ(number("12"), 12);
  EXPECT_EQ(number(" 12 "), 12);
  EXPECT_EQ(number("\t-7\n"), -7);
  EXPECT_EQ(number("+7"), 7);
  EXPECT_EQ(number("007"), 7);
  EXPECT_EQ(number("-10"), -10);
  EXPECT_EQ(number("100"), 100);
  EXPECT_EQ(env_int(variable("9223372036854775807"), 0, INT64_MAX, "0"), INT64_MAX);
  EXPECT_EQ(env_int(variable("-9223372036854775808"), INT64_MIN, 0, "0"), INT64_MIN);
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(Environment, EmptyCountsAsUnset) {
  EXPECT_EQ(number(nullptr), std::nullopt);
  EXPECT_EQ(number(""), std::nullopt);
  EXPECT_EQ(number("  "), std::nullopt);
  EXPECT_EQ(boolean(nullptr), std::nullopt);
  EXPECT_EQ(boolean(""), std::nullopt);
  EXPECT_EQ(boolean(" \t"), std::nullopt);
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(Environment, WarnsAboutWhatIsNoNumber) {
  const std::vector<const char*> values = {
      "8k", "0x10", "1 2", "1.5", "-", "+", "+-1", "-+1", "ten", "1e3", "99999999999999999999k"};
  for (const char* value : values) EXPECT_EQ(number(value), std::nullopt) << value;
  ASSERT_EQ(warnings_.size(), values.size());
  EXPECT_THAT(warnings_[0],
              testing::MatchesRegex("TARN_TEST_[0-9]+=\"8k\" is not a decimal number; "
                                    "using 42 instead"));
}

TEST_F(Environment, WarnsAboutWhatIsOutOfRange) {
  const std::vector<const char*> values = {"101", "-11", "9223372036854775808",
                                           "-99999999999999999999999999"};
  for (const char* value : values) EXPECT_EQ(number(value), std::nullopt) << value;
  ASSERT_EQ(warnings_.size(), values.size());
  EXPECT_THAT(warnings_[0],
              testing::MatchesRegex("TARN_TEST_[0-9]+=\"101\" is out of range \\(-10 to 100\\); "
                                    "using 42 instead"));
}

TEST_F(Environment, ReadsBooleansInAnyCase) {
  for (const char* value : {"true", "TRUE", "yes", "Yes", "1", " yes "}) {
    EXPECT_EQ(boolean(value), true) << value;
  }
  for (const char* value : {"false", "False", "no", "NO", "0", "\tno"}) {
    EXPECT_EQ(boolean(value), false) << value;
  }
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(Environment, WarnsAboutWhatIsNoBoolean) {
  for (const char* value : {"on", "2", "truex", "y", "01"}) {
    EXPECT_EQ(boolean(value), std::nullopt) << value;
  }
  ASSERT_EQ(warnings_.size(), 5U);
  EXPECT_THAT(warnings_[0],
              testing::MatchesRegex("TARN_TEST_[0-9]+=\"on\" is none of true, yes, 1, "
                                    "false, no, 0; using true instead"));
}

TEST_F(Environment, WarnsOncePerProcessAndVariable) {
  const char* const one = variable("8k");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(env_int(one, 0, 9, "5"), std::nullopt);
  ::setenv(one, "9k", 1);
  EXPECT_EQ(env_bool(one, "false"), std::nullopt);
  EXPECT_EQ(warnings_.size(), 1U);
  EXPECT_EQ(number("8k"), std::nullopt);
  EXPECT_EQ(warnings_.size(), 2U) << "another variable has a warning of its own";
}

// A sink may read settings too: no lock may be held while it runs.
TEST_F(Environment, MayBeReadByTheSink) {
  const char* const inner = variable("nonsense");
  int calls = 0;
  set_log_sink([&](LogLevel, std::string_view) {
    ++calls;
    EXPECT_EQ(env_int(inner, 0, 9, "5"), std::nullopt);
  });
  testing::internal::CaptureStderr();
  EXPECT_EQ(number("8k"), std::nullopt);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("nonsense"));
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace tarn::base
