// SPDX-License-Identifier: Apache-2.0
// How `tarn bench` times: how many operations make a sample, and that a body which does not do its
// work is told apart.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/keep.hpp"
#include "bench/pair_bodies.hpp"
#include "bench/sampler.hpp"
#include "bench/subjects.hpp"
#include "common/exit_status.hpp"

namespace tarn::tools {
namespace {

using testing::Each;
using testing::HasSubstr;

constexpr SampleSpec kSpec{10000, 5};

template <class Call>
std::string run_error(Call call) {
  try {
    call();
  } catch (const RunError& error) {
    return error.what();
  }
  return "nothing thrown";
}

TEST(Sampler, DividesEachSampleByItsOperations) {
  const auto lap = [](std::uint64_t n) { return Lap{n * 7, n}; };
  const std::vector<double> samples = measure(kSpec, lap);
  EXPECT_EQ(samples.size(), 5U);
  EXPECT_THAT(samples, Each(7.0));
}

TEST(Sampler, MakesSamplesAsLongAsAskedFor) {
  std::uint64_t last = 0;
  const auto lap = [&](std::uint64_t n) {
    last = n;
    return Lap{n * 7, n};
  };
  static_cast<void>(measure(kSpec, lap));
  EXPECT_NEAR(static_cast<double>(last), 10000.0 / 7, 1);
}

TEST(Sampler, IsNotMisledByAColdStart) {
  bool cold = true;
  std::uint64_t last = 0;
  const auto lap = [&](std::uint64_t n) {
    const std::uint64_t ns = cold ? 5000 : n * 2;
    cold = false;
    last = n;
    return Lap{ns, n};
  };
  EXPECT_THAT(measure(kSpec, lap), Each(2.0));
  EXPECT_GE(last * 2, kSpec.sample_ns / 2);
}

TEST(Sampler, IsNotMisledByAColdStartThatTakesLong) {
  std::uint64_t cold = 200;  // operations: as many as the rough count of them takes, and some
  std::uint64_t last = 0;
  const auto lap = [&](std::uint64_t n) {
    const std::uint64_t slow = std::min(cold, n);
    cold -= slow;
    last = n;
    return Lap{slow * 100 + (n - slow) * 2, n};
  };
  EXPECT_THAT(measure(kSpec, lap), Each(2.0));
  EXPECT_GE(last * 2, kSpec.sample_ns / 2);
}

TEST(Sampler, IsNotMisledByInterruptions) {
  std::uint64_t laps = 0;
  std::uint64_t last = 0;
  const auto lap = [&](std::uint64_t n) {
    last = n;
    // Every other lap, the first too, another process had the core.
    return Lap{n * 2 + (laps++ % 2 == 0 ? 4000000 : 0), n};
  };
  static_cast<void>(measure(kSpec, lap));
  EXPECT_NEAR(static_cast<double>(last * 2), 10000, 5000);
}

TEST(Sampler, AnOperationThatTakesLongerThanASampleIsOneSample) {
  const auto lap = [](std::uint64_t n) { return Lap{n * 1000000, n}; };
  EXPECT_THAT(measure(kSpec, lap), Each(1000000.0));
}

TEST(Sampler, TellsABodyThatDoesNothing) {
  const auto nothing = [](std::uint64_t n) {
    return timed([](std::uint64_t) -> std::uint64_t { return 0; }, n);
  };
  EXPECT_THAT(run_error([&] { static_cast<void>(measure(kSpec, nothing)); }),
              HasSubstr("did 0 of 1 operations"));
}

TEST(Sampler, TellsABodyThatStopsEarly) {
  const auto half = [](std::uint64_t n) { return Lap{n * 7, n - n / 2}; };
  EXPECT_THAT(run_error([&] { static_cast<void>(measure(kSpec, half)); }),
              HasSubstr("did 1 of 2 operations"));
}

TEST(Sampler, TellsABodyThatTakesNoTime) {
  const auto empty = [](std::uint64_t n) { return Lap{0, n}; };
  EXPECT_THAT(run_error([&] { static_cast<void>(measure(kSpec, empty)); }),
              HasSubstr("nothing is measured"));
}

/// Counts what is asked of it; every third take gives nothing when it is broken.
struct CountingSubject : PlainItems {
  std::uint64_t taken = 0;
  std::uint64_t given = 0;
  std::uint64_t bytes_taken = 0;
  bool broken = false;
  std::array<std::byte, 1 << 16> memory{};

  void* take(std::size_t size) {
    ++taken;
    bytes_taken += size;
    return broken && taken % 3 == 0 ? nullptr : memory.data();
  }
  void end(Item&, std::size_t) { ++given; }
  void give(Item&, std::size_t) { ++given; }
};

TEST(PairBodies, TakeAndGiveEachObject) {
  CountingSubject subject;
  EXPECT_EQ(take_and_give<false>(subject, 256, 1000), 1000U);
  EXPECT_EQ(subject.taken, 1000U);
  EXPECT_EQ(subject.given, 1000U);
  EXPECT_EQ(subject.bytes_taken, 256000U);
  EXPECT_EQ(subject.memory[0], std::byte{0});
  EXPECT_EQ(take_and_give<true>(subject, 32, 1), 1U);
  EXPECT_NE(subject.memory[0], std::byte{0});
  EXPECT_NE(subject.memory[24], std::byte{0});
  EXPECT_EQ(subject.memory[32], std::byte{0}) << "no more than there are";
  subject.broken = true;
  EXPECT_LT(take_and_give<false>(subject, 256, 1000), 1000U);
}

TEST(PairBodies, BurstGivesBackWhatItTook) {
  CountingSubject subject;
  EXPECT_EQ((burst<64>(subject, 256, 1000)), 1000U);
  EXPECT_EQ(subject.taken, 1000U);
  EXPECT_EQ(subject.given, 1000U);
}

TEST(PairBodies, WindowKeepsSoManyAndEndsEmpty) {
  const std::vector<std::uint32_t> sizes = log_uniform_sizes(16, 65536);
  EXPECT_THAT(sizes, Each(testing::AllOf(testing::Ge(16U), testing::Le(65536U))));
  static CountingSubject counts;
  struct Counting : PlainItems {
    void* take(std::size_t size) { return counts.take(size); }
    void give(Item& item, std::size_t size) { counts.give(item, size); }
  };
  {
    Window<Counting> window(Counting(), sizes, 0);
    EXPECT_EQ(window.lap(1000), 1000U);
    EXPECT_EQ(counts.taken, 1000U);
    EXPECT_EQ(counts.given, 1000U - Window<Counting>::kLive);
  }
  EXPECT_EQ(counts.given, 1000U);
}

}  // namespace
}  // namespace tarn::tools
