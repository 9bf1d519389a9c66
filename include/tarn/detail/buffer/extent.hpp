// SPDX-License-Identifier: Apache-2.0
// How far a buffer reaches, and whether it may be written to, as one word. Layer: buffer.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tarn/detail/base/check.hpp"

namespace tarn::detail {

/// The number of bytes of a window, and whether they may be written.
///
///     63          62 ............... 0
///     read-only   bytes
///
/// As a signed number, that of a read-only window is below every index: one comparison tells
/// whoever writes that it may, and that there is room.
///
/// Thread safety: one thread at a time.
class Extent {
 public:
  /// Most bytes of a window: no memory is larger.
  static constexpr std::size_t kMost = PTRDIFF_MAX;

  constexpr Extent() noexcept = default;
  explicit constexpr Extent(std::size_t bytes) noexcept : word_(bytes) {
    TARN_ASSERT(bytes <= kMost);
  }

  [[nodiscard]] constexpr std::size_t bytes() const noexcept { return word_ & kMost; }
  [[nodiscard]] constexpr bool is_read_only() const noexcept { return word_ > kMost; }
  /// Whether bytes before index `end` may be written. @pre end <= kMost
  [[nodiscard]] constexpr bool is_writable_to(std::size_t end) const noexcept {
    return static_cast<std::ptrdiff_t>(end) <= static_cast<std::ptrdiff_t>(word_);
  }

  /// Another number of bytes, as writable as these.
  [[nodiscard]] constexpr Extent resized(std::size_t bytes) const noexcept {
    Extent other(bytes);
    other.word_ |= word_ & ~kMost;
    return other;
  }
  constexpr void make_read_only() noexcept { word_ |= ~kMost; }

 private:
  std::size_t word_ = 0;
};
static_assert(sizeof(Extent) == sizeof(std::size_t));

}  // namespace tarn::detail
