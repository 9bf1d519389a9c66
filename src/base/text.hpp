// SPDX-License-Identifier: Apache-2.0
// The little text handling that settings need, independent of any locale. Layer base.
#pragma once

#include <string_view>

namespace tarn::base {

/// `text` without the ASCII white space at its ends.
[[nodiscard]] constexpr std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view kBlanks = " \t\n\v\f\r";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

[[nodiscard]] constexpr char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Whether `text` is `lower_case`, ASCII letters in any case.
[[nodiscard]] constexpr bool equals_in_any_case(std::string_view text,
                                                std::string_view lower_case) noexcept {
  if (text.size() != lower_case.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (to_lower(text[i]) != lower_case[i]) return false;
  }
  return true;
}

}  // namespace tarn::base
