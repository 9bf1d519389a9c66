// SPDX-License-Identifier: Apache-2.0
// Helpers on buffers: stops for for_each_byte, UTF-8, ASCII. Layer: buffer.
#pragma once

#include <cstddef>
#include <string_view>

#include "tarn/byte_buf.hpp"
#include "tarn/detail/buffer/search_access.hpp"

namespace tarn {

/// Arguments for for_each_byte and for_each_byte_desc: each goes on until it meets what its name
/// says, so that the call returns where that is.
///
///     buf.for_each_byte(find_byte::crlf)     the index of the first CR or LF, or npos
namespace find_byte {

namespace detail {
constexpr bool is_linear_whitespace(std::byte b) noexcept {
  return b == std::byte{' '} || b == std::byte{'\t'};
}
constexpr bool is_crlf(std::byte b) noexcept {
  return b == std::byte{'\r'} || b == std::byte{'\n'};
}
}  // namespace detail

// NOLINTBEGIN(readability-identifier-naming): named like the functions that they stand for
inline constexpr auto nul = [](std::byte b) noexcept { return b != std::byte{0}; };
inline constexpr auto non_nul = [](std::byte b) noexcept { return b == std::byte{0}; };
inline constexpr auto cr = [](std::byte b) noexcept { return b != std::byte{'\r'}; };
inline constexpr auto non_cr = [](std::byte b) noexcept { return b == std::byte{'\r'}; };
inline constexpr auto lf = [](std::byte b) noexcept { return b != std::byte{'\n'}; };
inline constexpr auto non_lf = [](std::byte b) noexcept { return b == std::byte{'\n'}; };
inline constexpr auto semicolon = [](std::byte b) noexcept { return b != std::byte{';'}; };
inline constexpr auto comma = [](std::byte b) noexcept { return b != std::byte{','}; };
inline constexpr auto space = [](std::byte b) noexcept { return b != std::byte{' '}; };
/// CR or LF.
inline constexpr auto crlf = [](std::byte b) noexcept { return !detail::is_crlf(b); };
inline constexpr auto non_crlf = [](std::byte b) noexcept { return detail::is_crlf(b); };
/// Space or tab.
inline constexpr auto linear_whitespace = [](std::byte b) noexcept {
  return !detail::is_linear_whitespace(b);
};
inline constexpr auto non_linear_whitespace = [](std::byte b) noexcept {
  return detail::is_linear_whitespace(b);
};
// NOLINTEND(readability-identifier-naming)

}  // namespace find_byte

/// How many bytes write_utf8 writes for `text`.
[[nodiscard]] std::size_t utf8_size(std::u16string_view text) noexcept;
[[nodiscard]] std::size_t utf8_size(std::u32string_view text) noexcept;

namespace detail {

/// Encodes `text` at `to`, which has room for utf8_size(text) bytes.
void encode_utf8(std::u16string_view text, std::byte* to) noexcept;
void encode_utf8(std::u32string_view text, std::byte* to) noexcept;
[[nodiscard]] bool is_utf8(SourceRange range) noexcept;
[[nodiscard]] bool is_ascii(SourceRange range) noexcept;

template <BufferLike B, class Text>
std::size_t write_encoded(B& buf, Text text) {
  const std::size_t n = utf8_size(text);
  ByteBuf encoded = ByteBufAccess::make_full(take_own_region(n), n);
  encode_utf8(text, ByteBufAccess::memory(encoded));
  buf.write_bytes(encoded);
  return n;
}

}  // namespace detail

/// Appends UTF-16 or UTF-32 text as UTF-8. What is no character (an unpaired surrogate, a value
/// beyond U+10FFFF) is written as '?'. UTF-8 itself is written by write_bytes.
/// @returns the bytes written. @errors as write_bytes.
template <detail::BufferLike B>
std::size_t write_utf8(B& buf, std::u16string_view text) {
  return detail::write_encoded(buf, text);
}
template <detail::BufferLike B>
std::size_t write_utf8(B& buf, std::u32string_view text) {
  return detail::write_encoded(buf, text);
}

/// Whether the readable bytes are well-formed UTF-8: no overlong forms, surrogates or values beyond
/// U+10FFFF, and no character cut off at the end.
template <detail::BufferLike B>
[[nodiscard]] bool is_utf8(const B& buf) noexcept {
  return detail::is_utf8(detail::ComparisonAccess::readable(buf));
}
/// The same for `n` bytes from `index` on. @errors std::out_of_range beyond capacity().
template <detail::BufferLike B>
[[nodiscard]] bool is_utf8(const B& buf, std::size_t index, std::size_t n) {
  return is_utf8(buf.slice(index, n));
}

/// Whether the readable bytes are all below 0x80.
template <detail::BufferLike B>
[[nodiscard]] bool is_ascii(const B& buf) noexcept {
  return detail::is_ascii(detail::ComparisonAccess::readable(buf));
}
template <detail::BufferLike B>
[[nodiscard]] bool is_ascii(const B& buf, std::size_t index, std::size_t n) {
  return is_ascii(buf.slice(index, n));
}

}  // namespace tarn
