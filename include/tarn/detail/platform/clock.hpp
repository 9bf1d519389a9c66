// SPDX-License-Identifier: Apache-2.0
// A clock that is cheap to read. Layer platform.
#pragma once

#include <cstdint>

namespace tarn::platform {

/// Milliseconds since some fixed moment before this process; never goes back.
///
/// Steps with the kernel's tick, 1 to 10 ms. @complexity a few instructions, no system call.
[[nodiscard]] std::uint64_t coarse_monotonic_ms() noexcept;

}  // namespace tarn::platform
