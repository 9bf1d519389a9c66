// SPDX-License-Identifier: Apache-2.0
// Numbers to and from bytes in either byte order. Layer: buffer.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace tarn::detail {

[[nodiscard]] constexpr std::uint8_t swap_bytes(std::uint8_t v) noexcept { return v; }
[[nodiscard]] constexpr std::uint16_t swap_bytes(std::uint16_t v) noexcept {
  return __builtin_bswap16(v);
}
[[nodiscard]] constexpr std::uint32_t swap_bytes(std::uint32_t v) noexcept {
  return __builtin_bswap32(v);
}
[[nodiscard]] constexpr std::uint64_t swap_bytes(std::uint64_t v) noexcept {
  return __builtin_bswap64(v);
}

/// The unsigned integer of `N` bytes.
template <std::size_t N>
using UintOf = std::conditional_t<
    N == 1, std::uint8_t,
    std::conditional_t<N == 2, std::uint16_t,
                       std::conditional_t<N == 4, std::uint32_t, std::uint64_t>>>;

template <std::endian Order, class T>
[[nodiscard]] constexpr T from_order(T v) noexcept {
  return Order == std::endian::native ? v : swap_bytes(v);
}

/// A number as it stands in a buffer: of type `T`, `kWidth` bytes, in byte order `Order`.
///
/// Floating-point numbers keep every bit, those of NaNs included.
template <class T, std::endian Order>
struct Plain {
  using Value = T;
  static constexpr std::size_t kWidth = sizeof(T);
  using Bytes = std::array<std::byte, kWidth>;

  [[nodiscard]] static constexpr T decode(const Bytes& bytes) noexcept {
    return std::bit_cast<T>(from_order<Order>(std::bit_cast<UintOf<kWidth>>(bytes)));
  }
  [[nodiscard]] static constexpr Bytes encode(T value) noexcept {
    return std::bit_cast<Bytes>(from_order<Order>(std::bit_cast<UintOf<kWidth>>(value)));
  }
};

/// One byte: 0 is false, everything else true; true is written as 1.
struct Bool {
  using Value = bool;
  static constexpr std::size_t kWidth = 1;
  using Bytes = std::array<std::byte, 1>;

  [[nodiscard]] static constexpr bool decode(const Bytes& bytes) noexcept {
    return bytes[0] != std::byte{0};
  }
  [[nodiscard]] static constexpr Bytes encode(bool value) noexcept {
    return {value ? std::byte{1} : std::byte{0}};
  }
};

/// 24 bits. `T` is std::uint32_t (higher bits ignored) or std::int32_t (sign-extended when read).
template <class T, std::endian Order>
struct Medium {
  using Value = T;
  static constexpr std::size_t kWidth = 3;
  using Bytes = std::array<std::byte, 3>;

  [[nodiscard]] static constexpr T decode(const Bytes& bytes) noexcept {
    const auto& [first, second, third] = bytes;
    const auto high = std::to_integer<std::uint32_t>(Order == std::endian::big ? first : third);
    const auto low = std::to_integer<std::uint32_t>(Order == std::endian::big ? third : first);
    // In the upper 24 bits first, so that a shift of a signed T brings the sign down.
    const std::uint32_t upper =
        high << 24 | std::to_integer<std::uint32_t>(second) << 16 | low << 8;
    return static_cast<T>(static_cast<T>(upper) >> 8);
  }
  [[nodiscard]] static constexpr Bytes encode(T value) noexcept {
    const auto bits = static_cast<std::uint32_t>(value);
    const auto high = static_cast<std::byte>(bits >> 16 & 0xFF);
    const auto middle = static_cast<std::byte>(bits >> 8 & 0xFF);
    const auto low = static_cast<std::byte>(bits & 0xFF);
    return Order == std::endian::big ? Bytes{high, middle, low} : Bytes{low, middle, high};
  }
};

}  // namespace tarn::detail
