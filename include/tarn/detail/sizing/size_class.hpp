// SPDX-License-Identifier: Apache-2.0
// The index of a rounded-up size as a type of its own. Layer sizing.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "tarn/detail/base/check.hpp"

namespace tarn::sizing {

/// Index into the size-class table; a smaller index means smaller regions.
///
/// Converts to nothing on purpose. Class indices, byte counts and page counts are all small
/// integers, and an allocator that mixes two of them still passes most of its tests.
class SizeClass {
 public:
  explicit constexpr SizeClass(std::uint8_t raw) noexcept : raw_(raw) {}
  /// @pre `index < 256`; debug-checked.
  [[nodiscard]] static constexpr SizeClass from_index(std::size_t index) noexcept {
    TARN_ASSERT(index <= 0xFF);
    return SizeClass{static_cast<std::uint8_t>(index)};
  }
  [[nodiscard]] constexpr std::uint8_t raw() const noexcept { return raw_; }  // table lookups only
  friend constexpr auto operator<=>(SizeClass, SizeClass) = default;

 private:
  std::uint8_t raw_;
};

static_assert(sizeof(SizeClass) == 1, "one is stored in every subpage");
static_assert(!std::is_convertible_v<SizeClass, int> && !std::is_convertible_v<int, SizeClass>);

/// The older division of sizes, kept for statistics and for the bounds of caches.
///
/// By the rounded size: tiny < 512 <= small < smallest run class <= normal <= chunk < huge.
enum class Category : std::uint8_t { tiny, small, normal, huge };

inline constexpr std::size_t kCategoryCount = 4;

}  // namespace tarn::sizing
