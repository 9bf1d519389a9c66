// SPDX-License-Identifier: Apache-2.0
// A clock that is cheap to read, and an exact one. Layer platform.
#pragma once

#include <cstdint>

namespace tarn::platform {

/// Milliseconds since some fixed moment before this process; never goes back.
///
/// Steps with the kernel's tick, 1 to 10 ms. @complexity a few instructions, no system call.
[[nodiscard]] std::uint64_t coarse_monotonic_ms() noexcept;

/// Microseconds since that moment, exactly. @complexity 20 to 50 ns where the system has the clock
/// mapped, else a system call.
[[nodiscard]] std::uint64_t monotonic_us() noexcept;

}  // namespace tarn::platform
