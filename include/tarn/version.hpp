// SPDX-License-Identifier: Apache-2.0
// The version of tarn. Layer base, public.
#pragma once

#define TARN_VERSION_MAJOR 0
#define TARN_VERSION_MINOR 1
#define TARN_VERSION_PATCH 0
#define TARN_VERSION_STRING "0.1.0"

namespace tarn {

/// The version of these headers, "major.minor.patch".
[[nodiscard]] constexpr const char* version() noexcept { return TARN_VERSION_STRING; }

}  // namespace tarn
