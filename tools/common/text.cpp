// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them. Program tarn.
#include "common/text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <system_error>

namespace tarn::tools {

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array<const char*, 6> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return concat(bytes, " B");
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  // 1023.95 would be shown as 1024.0 of the smaller unit.
  while (value >= 1023.95 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return concat(fixed(value, 1), " ", kUnits[unit]);
}

std::string fixed(double number, int digits) {
  std::array<char, 64> text{};
  const int length = std::snprintf(text.data(), text.size(), "%.*f", digits, number);
  if (length < 0 || static_cast<std::size_t>(length) >= text.size()) return "?";
  return std::string(text.data(), static_cast<std::size_t>(length));
}

void copy_text(std::span<char> to, std::string_view text) noexcept {
  const std::size_t length = std::min(text.size(), to.size() - 1);
  std::copy_n(text.data(), length, to.data());
  to[length] = '\0';
}

std::string errno_text(int error) { return std::generic_category().message(error); }

}  // namespace tarn::tools
