// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them, and messages put together from parts. Program tarn.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace tarn::tools {

namespace detail {

inline void append(std::string& to, std::string_view part) { to += part; }
inline void append(std::string& to, const char* part) { to += part; }
inline void append(std::string& to, char part) { to += part; }
template <class T>
requires(std::is_arithmetic_v<T> && !std::is_same_v<T, char>) void append(std::string& to, T part) {
  to += std::to_string(part);
}

}  // namespace detail

/// One string of all parts; numbers in decimal.
template <class... Parts>
[[nodiscard]] std::string concat(const Parts&... parts) {
  std::string whole;
  (detail::append(whole, parts), ...);
  return whole;
}

/// 1234567 as "1,234,567".
[[nodiscard]] std::string grouped(std::uint64_t number);

/// 2516582 as "2.4 MiB"; below 1 KiB "17 B".
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);

/// A number with `digits` digits after the point.
[[nodiscard]] std::string fixed(double number, int digits);

/// Copies `text`, cut off where there is no room, with a terminating null. @pre room for that
void copy_text(std::span<char> to, std::string_view text) noexcept;

/// The name of an errno value, as strerror gives it.
[[nodiscard]] std::string errno_text(int error);

}  // namespace tarn::tools
