// SPDX-License-Identifier: Apache-2.0
// The coarse clock and the exact one. Layer platform.
#include "tarn/detail/platform/clock.hpp"

#include <time.h>

namespace tarn::platform {

std::uint64_t coarse_monotonic_ms() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);  // cannot fail: the clock exists, so does `now`
  return static_cast<std::uint64_t>(now.tv_sec) * 1000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

std::uint64_t monotonic_us() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

}  // namespace tarn::platform
