// SPDX-License-Identifier: Apache-2.0
// Tests of a recycler's settings: defaults, ranges, environment, and what is logged of them.
#include "tarn/detail/recycler/options.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "tarn/log.hpp"
#include "tarn/recycler.hpp"

namespace tarn {
namespace {

/// The environment of one test, and what is logged meanwhile.
class RecyclerEnvironment : public testing::Test {
 protected:
  RecyclerEnvironment() {
    before_ = set_log_sink(
        [this](LogLevel level, std::string_view line) { lines_.emplace_back(level, line); });
  }
  ~RecyclerEnvironment() override {
    set_log_sink(before_);
    for (const std::string& name : names_) unsetenv(name.c_str());
  }

  RecyclerOptions read(const std::vector<std::pair<std::string, const char*>>& variables) {
    for (const std::string& name : names_) unsetenv(name.c_str());
    for (const auto& [name, value] : variables) {
      names_.push_back("TARN_RECYCLER_" + name);
      setenv(names_.back().c_str(), value, 1);
    }
    return RecyclerOptions::from_environment();
  }

  [[nodiscard]] std::vector<std::string> warnings() const {
    std::vector<std::string> found;
    for (const auto& [level, line] : lines_) {
      if (level == LogLevel::warning) found.push_back(line);
    }
    return found;
  }

  std::vector<std::pair<LogLevel, std::string>> lines_;

 private:
  LogSink before_;
  std::vector<std::string> names_;
};

constexpr const char* kMax = "MAX_CAPACITY_PER_THREAD";
constexpr const char* kOldMax = "MAX_CAPACITY";

// S4-3: five static parameters and two of tarn's, all readable.
TEST_F(RecyclerEnvironment, HasDefaults) {
  const RecyclerOptions options = read({});
  EXPECT_EQ(options.max_capacity_per_thread, 4096U);
  EXPECT_EQ(options.ratio, 8U);
  EXPECT_EQ(options.chunk_size, 32U);
  EXPECT_FALSE(options.blocking);
  EXPECT_FALSE(options.batch_fast_threads_only);
  EXPECT_EQ(options.guard, Guard::checked);
  EXPECT_EQ(options.form, RecyclerForm::per_thread);
}

// S4-9: the newer variable, else the older, else 4096. S4-16: 8192 without a change of code.
TEST_F(RecyclerEnvironment, NewerCapacityBeatsOlderBeatsDefault) {
  EXPECT_EQ(read({{kMax, "100"}, {kOldMax, "200"}}).max_capacity_per_thread, 100U);
  EXPECT_EQ(read({{kOldMax, "200"}}).max_capacity_per_thread, 200U);
  EXPECT_EQ(read({{kMax, " 8192 "}}).max_capacity_per_thread, 8192U);
  EXPECT_EQ(read({{kMax, ""}, {kOldMax, "7"}}).max_capacity_per_thread, 7U) << "empty is unset";
  EXPECT_TRUE(warnings().empty());
}

TEST_F(RecyclerEnvironment, UnreadableCapacityFallsBackToTheOlderVariable) {
  EXPECT_EQ(read({{kMax, "8k"}, {kOldMax, "200"}}).max_capacity_per_thread, 200U);
  ASSERT_EQ(warnings().size(), 1U);
  EXPECT_NE(warnings()[0].find("TARN_RECYCLER_MAX_CAPACITY_PER_THREAD=\"8k\""), std::string::npos);
  EXPECT_NE(warnings()[0].find("200"), std::string::npos) << "what is used instead";
}

// S4-10, S4-11, S4-12: what negative values mean.
TEST_F(RecyclerEnvironment, NegativeValuesHaveAMeaning) {
  EXPECT_EQ(read({{kMax, "-1"}, {kOldMax, "200"}}).max_capacity_per_thread, 4096U);
  EXPECT_EQ(read({{kOldMax, "-7"}}).max_capacity_per_thread, 4096U);
  EXPECT_EQ(read({{"RATIO", "-5"}}).ratio, 0U);
  EXPECT_EQ(read({{"CHUNK_SIZE", "-7"}}).chunk_size, 2U);
  EXPECT_EQ(read({{kMax, "0"}}).max_capacity_per_thread, 0U);
  EXPECT_TRUE(warnings().empty());
}

// S4-13, S4-14
TEST_F(RecyclerEnvironment, ReadsTruthValues) {
  for (const char* const yes : {"true", "YES", "1", "TRUE "}) {
    const RecyclerOptions options = read({{"BLOCKING", yes}, {"BATCH_FAST_THREADS_ONLY", yes}});
    EXPECT_TRUE(options.blocking) << yes;
    EXPECT_TRUE(options.batch_fast_threads_only) << yes;
  }
  EXPECT_FALSE(read({{"BLOCKING", "no"}}).blocking);
  EXPECT_FALSE(read({{"BATCH_FAST_THREADS_ONLY", "maybe"}}).batch_fast_threads_only);
  ASSERT_EQ(warnings().size(), 1U);
  EXPECT_NE(warnings()[0].find("TARN_RECYCLER_BATCH_FAST_THREADS_ONLY=\"maybe\""),
            std::string::npos);
}

TEST_F(RecyclerEnvironment, OutOfRangeCountsAsUnset) {
  EXPECT_EQ(read({{"RATIO", "4294967296"}}).ratio, 8U);
  EXPECT_EQ(warnings().size(), 1U);
  EXPECT_EQ(read({{"RATIO", "4294967295"}}).ratio, 4294967295U);
}

TEST_F(RecyclerEnvironment, IsWhatARecyclerTakesByDefault) {
  read({{kMax, "10"}, {"RATIO", "3"}, {"CHUNK_SIZE", "4"}});
  const Recycler<int> recycler([] { return 1; });
  EXPECT_EQ(recycler.options().max_capacity_per_thread, 10U);
  EXPECT_EQ(recycler.options().ratio, 3U);
  EXPECT_EQ(recycler.options().chunk_size, 4U);
}

// S4-11, S4-17
TEST(RecyclerOptions, AreBroughtIntoTheirRanges) {
  struct Row {
    std::size_t capacity, chunk, capacity_in_force, chunk_in_force;
  };
  constexpr std::size_t kHuge = std::numeric_limits<std::size_t>::max();
  for (const Row& row :
       {Row{4096, 32, 4096, 32}, Row{1, 32, 4, 2}, Row{3, 0, 4, 2}, Row{4, 100, 4, 2},
        Row{10, 100, 10, 5}, Row{10, 5, 10, 5}, Row{11, 6, 11, 5}, Row{10, 1, 10, 2},
        Row{0, 32, 0, 2}, Row{kHuge, kHuge, kHuge, kHuge / 2}}) {
    const RecyclerOptions wanted{.max_capacity_per_thread = row.capacity, .chunk_size = row.chunk};
    const RecyclerOptions options = recycler::in_force(wanted);
    EXPECT_EQ(options.max_capacity_per_thread, row.capacity_in_force);
    EXPECT_EQ(options.chunk_size, row.chunk_in_force) << row.capacity << ", " << row.chunk;
  }
}

TEST(RecyclerOptions, AnyCapacityAndChunkWork) {
  constexpr std::size_t kHuge = std::numeric_limits<std::size_t>::max();
  for (const RecyclerForm form :
       {RecyclerForm::per_thread, RecyclerForm::pinned, RecyclerForm::shared}) {
    Recycler<int> recycler(
        [] { return 1; },
        {.max_capacity_per_thread = kHuge, .ratio = 0, .chunk_size = kHuge, .form = form});
    std::vector<Recycled<int>> held(3000);
    for (auto& object : held) object = recycler.get();
    held.clear();
    EXPECT_EQ(recycler.thread_local_size(), 3000U);
  }
}

// S4-15
TEST_F(RecyclerEnvironment, AreLoggedOnceARecyclerIsMade) {
  const Recycler<int> one([] { return 1; }, {.max_capacity_per_thread = 3,
                                             .blocking = true,
                                             .guard = Guard::unchecked,
                                             .form = RecyclerForm::pinned});
  ASSERT_EQ(lines_.size(), 1U);
  EXPECT_EQ(lines_[0].first, LogLevel::debug);
  EXPECT_EQ(lines_[0].second,
            "Recycler: max_capacity_per_thread=4 ratio=8 chunk_size=2 blocking=true "
            "batch_fast_threads_only=false guard=unchecked form=pinned");
  const Recycler<int> off([] { return 1; }, {.max_capacity_per_thread = 0});
  ASSERT_EQ(lines_.size(), 2U);
  EXPECT_EQ(lines_[1].second,
            "Recycler: max_capacity_per_thread=disabled ratio=disabled chunk_size=disabled "
            "blocking=disabled batch_fast_threads_only=disabled guard=disabled form=disabled");
}

}  // namespace
}  // namespace tarn
