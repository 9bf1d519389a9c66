// SPDX-License-Identifier: Apache-2.0
// Numbers of variable length. Layer: buffer.
#include "tarn/detail/buffer/varint.hpp"

#include <algorithm>

namespace tarn::detail {

Varint decode_varint(std::span<const std::byte> bytes, std::uint64_t max) noexcept {
  Varint result;
  const std::size_t limit = std::min(bytes.size(), kMaxVarint);
  for (std::size_t i = 0; i < limit; ++i) {
    const auto byte = std::to_integer<std::uint64_t>(bytes[i]);
    const std::uint64_t bits = byte & 0x7F;
    // The tenth byte has room for the 64th bit only.
    const bool overflows = i == kMaxVarint - 1 && byte > 1;
    result.value |= bits << 7 * i;
    if (overflows || result.value > max) {
      result.state = Varint::State::malformed;
      return result;
    }
    if (byte < 0x80) {
      result.state = Varint::State::whole;
      result.size = i + 1;
      return result;
    }
  }
  return result;
}

EncodedVarint encode_varint(std::uint64_t value) noexcept {
  EncodedVarint result{{}, 0};
  while (value >= 0x80) {
    result.bytes[result.size++] = static_cast<std::byte>((value & 0x7F) | 0x80);
    value >>= 7;
  }
  result.bytes[result.size++] = static_cast<std::byte>(value);
  return result;
}

}  // namespace tarn::detail
