// SPDX-License-Identifier: Apache-2.0
// The coarse clock runs with the real one.
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

}  // namespace
}  // namespace tarn::platform
