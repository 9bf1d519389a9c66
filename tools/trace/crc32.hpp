// SPDX-License-Identifier: Apache-2.0
// The IEEE CRC-32, zlib's and gzip's. Program tarn.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace tarn::tools {

namespace detail {

[[nodiscard]] constexpr std::array<std::uint32_t, 256> make_crc_table() noexcept {
  constexpr std::uint32_t kPolynomial = 0xedb88320;  // reflected
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t remainder = i;
    for (int bit = 0; bit < 8; ++bit) {
      remainder = (remainder >> 1) ^ ((remainder & 1U) != 0 ? kPolynomial : 0U);
    }
    table[i] = remainder;
  }
  return table;
}

inline constexpr std::array<std::uint32_t, 256> kCrcTable = make_crc_table();

}  // namespace detail

/// Thread safety: one thread at a time.
class Crc32 {
 public:
  void add(std::span<const std::uint8_t> bytes) noexcept {
    for (const std::uint8_t byte : bytes) {
      state_ = detail::kCrcTable[(state_ ^ byte) & 0xffU] ^ (state_ >> 8);
    }
  }
  [[nodiscard]] std::uint32_t value() const noexcept { return ~state_; }

 private:
  std::uint32_t state_ = 0xffffffff;
};

}  // namespace tarn::tools
