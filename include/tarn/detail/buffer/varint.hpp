// SPDX-License-Identifier: Apache-2.0
// Numbers of variable length: LEB128 as protobuf has it, and zigzag. Layer: buffer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace tarn::detail {

/// Bytes that 64 bits take at most, 7 of them in a byte.
inline constexpr std::size_t kMaxVarint = 10;

/// What a look at the start of some bytes found.
struct Varint {
  enum class State : std::uint8_t {
    whole,       ///< `value` in `size` bytes.
    incomplete,  ///< All bytes there are belong to it, and more could complete it.
    malformed,   ///< No bytes that follow could make a number of it.
  };
  State state = State::incomplete;
  std::size_t size = 0;
  std::uint64_t value = 0;
};

/// Decodes the number at the start of `bytes`, of which at most kMaxVarint are looked at, that is
/// at most `max`. Padded forms (0x80 0x00 for 0) are read.
[[nodiscard]] Varint decode_varint(std::span<const std::byte> bytes, std::uint64_t max) noexcept;

struct EncodedVarint {
  std::array<std::byte, kMaxVarint> bytes;
  std::size_t size;
};
/// The shortest form of `value`.
[[nodiscard]] EncodedVarint encode_varint(std::uint64_t value) noexcept;

/// Small numbers of either sign become small ones without: 0, -1, 1, -2 .. become 0, 1, 2, 3 ..
[[nodiscard]] constexpr std::uint64_t zigzag(std::int64_t value) noexcept {
  return static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
}
[[nodiscard]] constexpr std::int64_t unzigzag(std::uint64_t value) noexcept {
  return static_cast<std::int64_t>(value >> 1 ^ (~(value & 1) + 1));
}

}  // namespace tarn::detail
