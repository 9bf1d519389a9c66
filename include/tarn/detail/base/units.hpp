// SPDX-License-Identifier: Apache-2.0
// Binary multiples of a byte. Layer base.
#pragma once

#include <cstddef>

namespace tarn::base {

inline constexpr std::size_t kKiB = std::size_t{1} << 10;
inline constexpr std::size_t kMiB = std::size_t{1} << 20;
inline constexpr std::size_t kGiB = std::size_t{1} << 30;

}  // namespace tarn::base
