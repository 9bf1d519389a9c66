// SPDX-License-Identifier: Apache-2.0
// The clocks run with the real one.
#include "tarn/detail/platform/clock.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace tarn::platform {
namespace {

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
  const std::int64_t exact_before = exact();
  const std::uint64_t before = coarse_monotonic_ms();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const std::uint64_t after = coarse_monotonic_ms();
  const std::int64_t exact_after = exact();
  constexpr std::uint64_t kTick = 10;  // ms, of the slowest kernel configuration
  EXPECT_GE(after - before + kTick, 50U);
  EXPECT_LE(after - before, static_cast<std::uint64_t>(exact_after - exact_before) + kTick);
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
  EXPECT_GE((coarse_monotonic_ms() + 11) * 1000, after) << "no more than a tick behind";
}

}  // namespace
}  // namespace tarn::platform
