// SPDX-License-Identifier: Apache-2.0
// UTF-8: encoding and validation. Layer: buffer.
#include <cstdint>

#include "tarn/byte_utils.hpp"

namespace tarn {
namespace {

constexpr char32_t kLastCharacter = 0x10FFFF;

constexpr bool is_surrogate(char32_t c) noexcept { return c >= 0xD800 && c <= 0xDFFF; }
constexpr bool is_high_surrogate(char32_t c) noexcept { return c >= 0xD800 && c <= 0xDBFF; }
constexpr bool is_low_surrogate(char32_t c) noexcept { return c >= 0xDC00 && c <= 0xDFFF; }

/// Calls f(character) for each, '?' in place of what is none.
template <class F>
void for_each_character(std::u32string_view text, F&& f) {
  for (const char32_t c : text) f(is_surrogate(c) || c > kLastCharacter ? U'?' : c);
}

template <class F>
void for_each_character(std::u16string_view text, F&& f) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text[i];
    if (!is_surrogate(c)) {
      f(c);
    } else if (is_high_surrogate(c) && i + 1 < text.size() && is_low_surrogate(text[i + 1])) {
      ++i;
      f(0x10000 + ((c - 0xD800) << 10) + (text[i] - 0xDC00U));
    } else {
      f(U'?');
    }
  }
}

constexpr std::size_t size_of(char32_t c) noexcept {
  return c < 0x80 ? 1U : c < 0x800 ? 2U : c < 0x10000 ? 3U : 4U;
}

template <class Text>
std::size_t total_size(Text text) noexcept {
  std::size_t n = 0;
  for_each_character(text, [&n](char32_t c) { n += size_of(c); });
  return n;
}

template <class Text>
void encode(Text text, std::byte* to) noexcept {
  for_each_character(text, [&to](char32_t c) {
    const std::size_t n = size_of(c);
    // The first byte tells the length by its leading ones.
    constexpr std::uint8_t kLead[] = {0, 0x00, 0xC0, 0xE0, 0xF0};
    for (std::size_t i = n; --i != 0; c >>= 6) to[i] = static_cast<std::byte>(0x80 | (c & 0x3F));
    to[0] = static_cast<std::byte>(kLead[n] | c);
    to += n;
  });
}

/// Checks byte after byte.
class Utf8Checker {
 public:
  /// @returns false when no text continues so.
  [[nodiscard]] bool feed(std::byte b) noexcept {
    const auto byte = std::to_integer<unsigned>(b);
    if (missing_ == 0) return start(byte);
    if (byte < low_ || byte > high_) return false;
    low_ = 0x80;
    high_ = 0xBF;
    --missing_;
    return true;
  }
  [[nodiscard]] bool is_whole() const noexcept { return missing_ == 0; }

 private:
  bool start(unsigned byte) noexcept {
    low_ = 0x80;
    high_ = 0xBF;
    if (byte < 0x80) return true;
    if (byte < 0xC2 || byte > 0xF4) return false;  // a continuation, overlong, or too large
    missing_ = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
    // The second byte's limits exclude what is overlong, a surrogate, or beyond U+10FFFF.
    if (byte == 0xE0) low_ = 0xA0;
    if (byte == 0xED) high_ = 0x9F;
    if (byte == 0xF0) low_ = 0x90;
    if (byte == 0xF4) high_ = 0x8F;
    return true;
  }

  unsigned missing_ = 0;
  unsigned low_ = 0x80;
  unsigned high_ = 0xBF;
};

}  // namespace

std::size_t utf8_size(std::u16string_view text) noexcept { return total_size(text); }
std::size_t utf8_size(std::u32string_view text) noexcept { return total_size(text); }

namespace detail {

void encode_utf8(std::u16string_view text, std::byte* to) noexcept { encode(text, to); }
void encode_utf8(std::u32string_view text, std::byte* to) noexcept { encode(text, to); }

bool is_utf8(SourceRange range) noexcept {
  Utf8Checker checker;
  auto feed = [&checker](std::byte b) noexcept { return checker.feed(b); };
  return visit_bytes(range, feed) == kNotFound && checker.is_whole();
}

bool is_ascii(SourceRange range) noexcept {
  auto ascii = [](std::byte b) noexcept { return b < std::byte{0x80}; };
  return visit_bytes(range, ascii) == kNotFound;
}

}  // namespace detail
}  // namespace tarn
