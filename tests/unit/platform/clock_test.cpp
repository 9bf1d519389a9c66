// SPDX-License-Identifier: Apache-2.0
// The clocks run with the real one.
#include "tarn/detail/platform/clock.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <thread>

namespace tarn::platform {
namespace {

constexpr std::int64_t kTick = 11;  // ms, of the slowest kernel configuration, and a rounding

/// How far the coarse clock is behind the steady one that `exact_ms` reads, in milliseconds: the
/// least of many looks. One may find more than a tick, as the tick that moves the clock comes late
/// where a virtual machine's processor is not run, or as the caller is stopped within it.
template <class Exact>
std::int64_t least_lag(Exact exact_ms) {
  std::int64_t least = INT64_MAX;
  for (int look = 0; look < 20; ++look) {
    const auto coarse = static_cast<std::int64_t>(coarse_monotonic_ms());
    least = std::min(least, exact_ms() - coarse);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return least;
}

TEST(Clock, NeverGoesBack) {
  std::uint64_t before = coarse_monotonic_ms();
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t now = coarse_monotonic_ms();
    ASSERT_GE(now, before);
    before = now;
  }
}

TEST(Clock, CountsMilliseconds) {
  const auto exact = [] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  };
  const std::int64_t before = least_lag(exact);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const std::int64_t after = least_lag(exact);
  EXPECT_LE(after, before + kTick) << "slower than the real one";
  EXPECT_GE(after, before - kTick) << "faster";
}

TEST(Clock, CountsMicrosecondsFromTheSameMoment) {
  const std::uint64_t coarse = coarse_monotonic_ms();
  const std::uint64_t before = monotonic_us();
  EXPECT_GE(before, coarse * 1000);
  const auto exact_before = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  const auto exact = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - exact_before);
  const std::uint64_t after = monotonic_us();
  EXPECT_GE(after - before, static_cast<std::uint64_t>(exact.count()));
  const auto exact_ms = [] { return static_cast<std::int64_t>(monotonic_us() / 1000); };
  EXPECT_LE(least_lag(exact_ms), kTick) << "no more than a tick behind";
}

}  // namespace
}  // namespace tarn::platform
