// SPDX-License-Identifier: Apache-2.0
// Bit arithmetic on sizes. Layer base.
#pragma once

#include <bit>
#include <cstddef>
#include <limits>

#include "tarn/detail/base/check.hpp"

namespace tarn::base {

[[nodiscard]] constexpr bool is_power_of_two(std::size_t n) noexcept {
  // std::has_single_bit counts bits, which without the instruction for it is a call.
  return n != 0 && (n & (n - 1)) == 0;
}

/// The largest multiple of `alignment`, a power of two, that is at most `n`.
[[nodiscard]] constexpr std::size_t align_down(std::size_t n, std::size_t alignment) noexcept {
  TARN_ASSERT(is_power_of_two(alignment));
  return n & ~(alignment - 1);
}

/// The smallest multiple of `alignment`, a power of two, that is at least `n`.
///
/// @pre that multiple is representable; debug-checked. Where `n` comes from a user, ask
///      `can_align_up` first.
[[nodiscard]] constexpr std::size_t align_up(std::size_t n, std::size_t alignment) noexcept {
  TARN_ASSERT(is_power_of_two(alignment));
  TARN_ASSERT(n <= std::numeric_limits<std::size_t>::max() - (alignment - 1));
  return (n + (alignment - 1)) & ~(alignment - 1);
}

/// Whether `align_up(n, alignment)` is representable.
[[nodiscard]] constexpr bool can_align_up(std::size_t n, std::size_t alignment) noexcept {
  return n <= std::numeric_limits<std::size_t>::max() - (alignment - 1);
}

[[nodiscard]] constexpr bool is_aligned(std::size_t n, std::size_t alignment) noexcept {
  TARN_ASSERT(is_power_of_two(alignment));
  return (n & (alignment - 1)) == 0;
}

/// @pre `n > 0`; debug-checked.
[[nodiscard]] constexpr unsigned floor_log2(std::size_t n) noexcept {
  TARN_ASSERT(n > 0);
  return static_cast<unsigned>(std::bit_width(n)) - 1;
}

/// @pre `n > 0`; debug-checked.
[[nodiscard]] constexpr unsigned ceil_log2(std::size_t n) noexcept {
  TARN_ASSERT(n > 0);
  return static_cast<unsigned>(std::bit_width(n - 1));
}

/// @pre `divisor > 0`; debug-checked.
[[nodiscard]] constexpr std::size_t ceil_div(std::size_t n, std::size_t divisor) noexcept {
  TARN_ASSERT(divisor > 0);
  return n / divisor + (n % divisor != 0 ? 1U : 0U);
}

}  // namespace tarn::base
