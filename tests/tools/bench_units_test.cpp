// SPDX-License-Identifier: Apache-2.0
// What `tarn bench` measures: every unit has what its groups ask for, and does the work it counts;
// teams do their laps together.
#include "bench/bench_units.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <tarn/allocator.hpp>
#include <thread>
#include <vector>

#include "bench/ring.hpp"
#include "bench/team.hpp"
#include "common/text.hpp"

namespace tarn::tools {
namespace {

constexpr SampleSpec kTiny{1000, 2};  // a microsecond

/// What a role's child would have measured.
std::set<std::string> measured(const BenchUnit& unit, std::uint64_t size, BenchRole role) {
  const auto request = std::make_unique<BenchRequest>();
  const auto result = std::make_unique<BenchResult>();
  request->role = role;
  request->plain_malloc = true;
  request->size = size;
  request->spec = kTiny;
  BenchRun run(*request, *result);
  unit.run(run);
  std::set<std::string> names;
  for (std::size_t i = 0; i < result->measurement_count; ++i) {
    EXPECT_GT(result->measurements[i].sample_count, 0U);
    EXPECT_GT(result->measurements[i].samples[0], 0);
    names.insert(result->measurements[i].name.data());
  }
  return names;
}

std::uint64_t allocations() {
  const PooledAllocatorStats stats = PooledAllocator::shared().stats();
  return stats.tiny.allocations + stats.small.allocations + stats.normal.allocations +
         stats.huge.allocations;
}

class BenchUnits : public testing::TestWithParam<std::string> {
 protected:
  BenchUnits() : unit_(*find_bench_unit(GetParam())) {}

  const BenchUnit& unit_;
};

TEST_P(BenchUnits, MeasureWhatTheirGroupsCompare) {
  const std::uint64_t size = unit_.sizes.front();
  const std::set<std::string> tarn = measured(unit_, size, BenchRole::tarn);
  const std::set<std::string> peer = measured(unit_, size, BenchRole::peer);
  const std::set<std::string> floor = measured(unit_, size, BenchRole::floor);
  for (const BenchGroup& group : unit_.groups) {
    EXPECT_TRUE(tarn.contains(std::string(group.tarn))) << group.tarn;
    EXPECT_TRUE(floor.contains(std::string(group.floor))) << group.floor;
    EXPECT_TRUE(group.mallocs.empty() || peer.contains(std::string(group.mallocs)));
    for (const BenchBeside& beside : group.beside) {
      const std::set<std::string>& its = beside.from == BenchRole::tarn   ? tarn
                                         : beside.from == BenchRole::peer ? peer
                                                                          : floor;
      EXPECT_TRUE(its.contains(std::string(beside.measurement))) << beside.measurement;
    }
  }
}

TEST_P(BenchUnits, AllocateFromTarnAndNobodyElseDoes) {
  const std::uint64_t size = unit_.sizes.front();
  const std::uint64_t at_first = allocations();
  static_cast<void>(measured(unit_, size, BenchRole::tarn));
  const std::uint64_t then = allocations();
  if (GetParam().starts_with("recycler")) {
    EXPECT_EQ(then, at_first);  // its objects are no memory of an allocator
  } else {
    EXPECT_GT(then, at_first);
  }
  static_cast<void>(measured(unit_, size, BenchRole::peer));
  static_cast<void>(measured(unit_, size, BenchRole::floor));
  EXPECT_EQ(allocations(), then);
}

std::vector<std::string> unit_names() {
  std::vector<std::string> names;
  for (const BenchUnit& unit : bench_units()) names.emplace_back(unit.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(All, BenchUnits, testing::ValuesIn(unit_names()), [](const auto& unit) {
  std::string name = unit.param;
  for (char& c : name) c = c == '/' || c == '-' ? '_' : c;
  return name;
});

TEST(BenchCases, EachHasAUnitAndEachUnitACase) {
  std::set<std::string_view> of_units;
  for (const BenchUnit& unit : bench_units()) of_units.insert(case_of(unit.name));
  std::set<std::string_view> cases;
  for (const BenchCase& one : bench_cases()) {
    if (one.name != kTracesCase) cases.insert(one.name);
  }
  EXPECT_EQ(cases, of_units);
}

TEST(Team, EveryThreadDoesItsLapAndItsWorkLivesInThatThread) {
  static std::atomic<std::uint64_t> done{0};
  static std::atomic<int> ended{0};
  struct Work {
    std::thread::id home = std::this_thread::get_id();
    std::uint64_t lap(std::uint64_t n) {
      EXPECT_EQ(home, std::this_thread::get_id());
      done += n;
      return n;
    }
    ~Work() {
      EXPECT_EQ(home, std::this_thread::get_id());
      ++ended;
    }
  };
  {
    Team<Work> team(5, [](std::uint32_t) { return Work(); });
    EXPECT_EQ(team.lap(100).done, 100U);
    EXPECT_EQ(team.lap(7).done, 7U);
    EXPECT_EQ(done, 535U);
  }
  EXPECT_EQ(ended, 5);
}

TEST(Team, TellsTheThreadThatDidLess) {
  struct Work {
    std::uint32_t thread;
    std::uint64_t lap(std::uint64_t n) { return thread == 1 ? 0 : n; }
  };
  Team<Work> team(3, [](std::uint32_t thread) { return Work{thread}; });
  EXPECT_EQ(team.lap(10).done, 0U);
}

TEST(Ring, PassesAllInOrder) {
  constexpr std::uint64_t kCount = 5 * kRingSize + 3;
  Ring<std::uint64_t> ring;
  std::thread sender([&] {
    for (std::uint64_t i = 0; i < kCount; ++i) ring.push(std::uint64_t{i});
    ring.flush();
  });
  std::uint64_t wrong = 0;
  for (std::uint64_t i = 0; i < kCount; ++i) wrong += ring.pop() == i ? 0U : 1U;
  sender.join();
  EXPECT_EQ(wrong, 0U);
}

// What one waits for goes at once: a question that is flushed, and room that was made.
TEST(Ring, PassesSingleElementsWhenFlushed) {
  constexpr std::uint64_t kCount = 200;
  Ring<std::uint64_t> questions;
  Ring<std::uint64_t> answers;
  std::thread other([&] {
    for (std::uint64_t i = 0; i < kCount; ++i) {
      answers.push(questions.pop() + 1);
      answers.flush();
    }
  });
  for (std::uint64_t i = 0; i < kCount; ++i) {
    questions.push(std::uint64_t{i});
    questions.flush();
    ASSERT_EQ(answers.pop(), i + 1);
  }
  other.join();
}

}  // namespace
}  // namespace tarn::tools
