// SPDX-License-Identifier: Apache-2.0
// The user's sink, the default one, and calls at odd moments.
#include "tarn/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tarn/detail/base/log.hpp"

namespace tarn {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr LogLevel kLevels[] = {LogLevel::debug, LogLevel::info, LogLevel::warning,
                                LogLevel::error};

/// Leaves the default sink behind.
class Log : public testing::Test {
 protected:
  ~Log() override { set_log_sink({}); }

  LogSink collecting(std::vector<std::string>& lines) {
    return [&lines](LogLevel, std::string_view message) { lines.emplace_back(message); };
  }
};
using LogDeathTest = Log;

/// What the default sink writes in a process of its own with this TARN_LOG: it is read only once.
/// Ends the child with status 0.
void log_every_level(const char* setting) {
  if (setting == nullptr) {
    ::unsetenv("TARN_LOG");
  } else {
    ::setenv("TARN_LOG", setting, 1);
  }
  for (const LogLevel level : kLevels) {
    if (base::log_enabled(level)) std::fputs("enabled ", stderr);
    base::log(level, "message");
  }
  std::_Exit(0);
}
const auto kSucceeds = testing::ExitedWithCode(0);

TEST_F(LogDeathTest, DefaultWritesFromTheLevelOfTheEnvironmentUp) {
  const std::string info = "enabled tarn: info: message\n";
  const std::string warning = "enabled tarn: warning: message\n";
  const std::string error = "enabled tarn: error: message\n";
  const auto whole = [](const std::string& lines) { return testing::StrEq(lines); };
  EXPECT_EXIT(log_every_level(nullptr), kSucceeds, whole(warning + error));
  EXPECT_EXIT(log_every_level(""), kSucceeds, whole(warning + error));
  EXPECT_EXIT(log_every_level("debug"), kSucceeds,
              whole("enabled tarn: debug: message\n" + info + warning + error));
  EXPECT_EXIT(log_every_level("info"), kSucceeds, whole(info + warning + error));
  EXPECT_EXIT(log_every_level(" Warning "), kSucceeds, whole(warning + error));
  EXPECT_EXIT(log_every_level("error"), kSucceeds, whole(error));
  EXPECT_EXIT(log_every_level("off"), kSucceeds, whole(""));
}

TEST_F(LogDeathTest, ABadLevelGivesOneWarningAndTheDefault) {
  EXPECT_EXIT(
      log_every_level("loud"), kSucceeds,
      testing::StrEq("tarn: warning: TARN_LOG=\"loud\" is none of debug, info, warning, error, "
                     "off; using warning instead\n"
                     "enabled tarn: warning: message\nenabled tarn: error: message\n"));
}

TEST_F(Log, AUsersSinkGetsEveryLevelAndStderrNone) {
  std::vector<LogLevel> levels;
  set_log_sink([&](LogLevel level, std::string_view message) {
    EXPECT_EQ(message, "message");
    levels.push_back(level);
  });
  testing::internal::CaptureStderr();
  for (const LogLevel level : kLevels) {
    EXPECT_TRUE(base::log_enabled(level));
    base::log(level, "message");
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_THAT(levels, testing::ElementsAreArray(kLevels));
}

TEST_F(Log, SettingASinkReturnsTheOneBefore) {
  std::vector<std::string> first;
  std::vector<std::string> second;
  EXPECT_FALSE(set_log_sink(collecting(first))) << "the default is empty";
  const LogSink before = set_log_sink(collecting(second));
  base::log(LogLevel::info, "to the second");
  before(LogLevel::info, "to the first");
  EXPECT_TRUE(set_log_sink({}));
  EXPECT_FALSE(set_log_sink({}));
  EXPECT_THAT(first, ElementsAre("to the first"));
  EXPECT_THAT(second, ElementsAre("to the second"));
}

TEST_F(Log, ASinkMayReplaceItself) {
  std::vector<std::string> later;
  // `alive` is owned by the first sink's closure, so a use of it after destruction is visible.
  auto alive = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = alive;
  set_log_sink([&later, alive](LogLevel, std::string_view) {
    LogSink before =
        set_log_sink([&later](LogLevel, std::string_view message) { later.emplace_back(message); });
    EXPECT_TRUE(before);
    before = {};
    EXPECT_EQ(*alive, 1);
  });
  alive.reset();
  base::log(LogLevel::info, "to the first");
  EXPECT_TRUE(watch.expired()) << "the first sink was never destroyed";
  base::log(LogLevel::info, "to the second");
  EXPECT_THAT(later, ElementsAre("to the second"));
}

TEST_F(Log, ASinkMayReplaceItselfTwiceAndGoBackToTheDefault) {
  set_log_sink([](LogLevel, std::string_view) {
    bool called = false;
    set_log_sink([&called](LogLevel, std::string_view) { called = true; });
    const LogSink intermediate = set_log_sink({});
    intermediate(LogLevel::info, "");
    EXPECT_TRUE(called) << "the sink before is the one that was set last, in use or not";
  });
  base::log(LogLevel::info, "replace");
  EXPECT_FALSE(set_log_sink({}));
}

TEST_F(Log, WhatASinkMakesTarnLogGoesToStderr) {
  int calls = 0;
  set_log_sink([&](LogLevel, std::string_view) {
    ++calls;
    base::log(LogLevel::error, "nested");
  });
  testing::internal::CaptureStderr();
  base::log(LogLevel::info, "outer");
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "tarn: error: nested\n");
}

// A sink that logs when it dies: no lock may be held then.
TEST_F(Log, ASinksDestructorMayLog) {
  struct Farewell {
    ~Farewell() { base::log(LogLevel::info, "farewell"); }
  };
  std::vector<std::string> lines;
  set_log_sink([&lines, farewell = std::make_shared<Farewell>()](LogLevel, std::string_view) {
    set_log_sink([&lines](LogLevel, std::string_view message) { lines.emplace_back(message); });
  });
  base::log(LogLevel::info, "replace yourself");
  EXPECT_THAT(lines, ElementsAre("farewell"));
}

TEST_F(LogDeathTest, AThrowingSinkEndsTheProgram) {
  EXPECT_DEATH(
      {
        set_log_sink([](LogLevel, std::string_view) { throw 1; });
        base::log(LogLevel::info, "message");
      },
      "terminate");
}

// Goal: one thread at a time, and nobody inside a sink that has been replaced. Method: sinks that
// count who is inside without any lock of their own, replaced all the time.
TEST_F(Log, CallsSinksFromOneThreadAtATime) {
  struct State {
    int inside = 0;  // plain on purpose: a second thread inside would be a race
    std::uint64_t calls = 0;
    bool retired = false;
  };
  constexpr int kThreads = 4;
  constexpr int kMessages = 500;
  State states[2];
  const auto sink_for = [](State& state) {
    return [&state](LogLevel, std::string_view) {
      EXPECT_EQ(state.inside++, 0);
      EXPECT_FALSE(state.retired);
      ++state.calls;
      --state.inside;
    };
  };
  set_log_sink(sink_for(states[0]));
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < kMessages; ++i) base::log(LogLevel::info, "message");
    });
  }
  for (int i = 1; i <= 200; ++i) {
    State& now = states[i % 2];
    State& before = states[(i + 1) % 2];
    now.retired = false;
    set_log_sink(sink_for(now));
    before.retired = true;
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(states[0].calls + states[1].calls, std::uint64_t{kThreads} * kMessages);
}

/// Logs from the last static destructor of this file's.
struct LogsAtTheEnd {
  ~LogsAtTheEnd() { base::log(LogLevel::error, "from a static destructor"); }
};

TEST_F(LogDeathTest, WorksDuringStaticDestruction) {
  EXPECT_EXIT(
      {
        static const LogsAtTheEnd made_before_the_logger_is_used;
        base::log(LogLevel::error, "first use");
        std::exit(0);
      },
      kSucceeds, "first use\n(.*\n)*tarn: error: from a static destructor\n");
}

TEST_F(LogDeathTest, AUsersSinkWorksDuringStaticDestruction) {
  EXPECT_EXIT(
      {
        static const LogsAtTheEnd made_before_the_sink;
        set_log_sink([](LogLevel, std::string_view message) {
          std::fprintf(stderr, "sink: %s\n", std::string(message).c_str());
        });
        std::exit(0);
      },
      kSucceeds, "sink: from a static destructor\n");
}

TEST_F(Log, TheLastWordsReachOnlyAUsersSinkThatIsFree) {
  testing::internal::CaptureStderr();
  base::log_last_words("nobody listens");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  std::vector<std::string> lines;
  set_log_sink([&](LogLevel level, std::string_view message) {
    EXPECT_EQ(level, LogLevel::error);
    lines.emplace_back(message);
    base::log_last_words("I am inside myself");
  });
  base::log_last_words("heard");
  EXPECT_THAT(lines, ElementsAre("heard"));
}

}  // namespace
}  // namespace tarn
