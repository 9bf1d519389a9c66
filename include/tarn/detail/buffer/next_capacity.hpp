// SPDX-License-Identifier: Apache-2.0
// How far a buffer grows at once. Layer: buffer.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>

#include "tarn/detail/base/units.hpp"
#include "tarn/detail/buffer/errors.hpp"

namespace tarn::detail {

/// Smallest capacity that growth ends at: less would be outgrown by the next few writes.
inline constexpr std::size_t kMinGrowthCapacity = 64;
/// Up to here capacities double; above, where doubling would waste megabytes, they grow by this
/// step. The default chunk's size, as in Netty.
inline constexpr std::size_t kGrowthStep = 4 * base::kMiB;

/// The capacity to grow to when at least `min_new` bytes are needed: a power of two from 64 to 4
/// MiB; above, `min_new` rounded down to a multiple of 4 MiB, plus 4 MiB; at most `max`.
/// @errors std::invalid_argument when `min_new > max`.
[[nodiscard]] constexpr std::size_t next_capacity(std::size_t min_new, std::size_t max) {
  if (min_new > max) throw_too_large("new capacity", min_new, "max capacity", max);
  if (min_new <= kGrowthStep) {
    return std::min(std::bit_ceil(std::max(min_new, kMinGrowthCapacity)), max);
  }
  const std::size_t whole_steps = min_new - min_new % kGrowthStep;
  return whole_steps > max - kGrowthStep || max < kGrowthStep ? max : whole_steps + kGrowthStep;
}

}  // namespace tarn::detail
