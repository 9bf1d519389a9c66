// SPDX-License-Identifier: Apache-2.0
// The bytes of a buffer as text. Layer: buffer.
#include <cstdint>
#include <ostream>
#include <stdexcept>

#include "tarn/allocator.hpp"
#include "tarn/byte_buf.hpp"

namespace tarn {
namespace detail {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";
constexpr std::size_t kRow = 16;

void append_hex(std::string& out, std::byte b) {
  out.push_back(kDigits[std::to_integer<std::size_t>(b >> 4)]);
  out.push_back(kDigits[std::to_integer<std::size_t>(b & std::byte{0xF})]);
}

void append_offset(std::string& out, std::size_t offset) {
  // Eight digits, as every such table has; more when they are needed.
  const unsigned digits = offset >> 32 == 0 ? 8 : 16;
  for (unsigned i = digits; i-- != 0;) out.push_back(kDigits[offset >> 4 * i & 0xF]);
}

/// The value of a hex digit, or -1.
int value_of(char digit) noexcept {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

[[noreturn, gnu::cold]] void throw_bad_hex(std::size_t position, const char* why) {
  throw std::invalid_argument("hex: " + std::string(why) + " at position " +
                              std::to_string(position));
}

}  // namespace

std::string text_of(SourceRange range) {
  std::string text(range.size, '\0');
  copy_out(range, reinterpret_cast<std::byte*>(text.data()));
  return text;
}

std::string hex_of(SourceRange range) {
  std::string out;
  out.reserve(2 * range.size);
  auto add = [&out](std::byte b) {
    append_hex(out, b);
    return true;
  };
  static_cast<void>(visit_bytes(range, add));
  return out;
}

std::string hex_table_of(SourceRange range) {
  const std::string bytes = text_of(range);
  std::string out;
  for (std::size_t row = 0; row < bytes.size(); row += kRow) {
    const std::string_view part = std::string_view(bytes).substr(row, kRow);
    if (row != 0) out.push_back('\n');
    append_offset(out, row);
    out.append("  ");
    for (const char c : part) {
      append_hex(out, static_cast<std::byte>(c));
      out.push_back(' ');
    }
    // The last row's text stands below the others'.
    out.append(3 * (kRow - part.size()), ' ');
    out.append(" |");
    for (const char c : part) out.push_back(c >= ' ' && c <= '~' ? c : '.');
    out.push_back('|');
  }
  return out;
}

void decode_hex(std::string_view digits, std::byte* to) {
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const int high = value_of(digits[i]);
    if (high < 0) throw_bad_hex(i, "no hex digit");
    if (i + 1 == digits.size()) throw_bad_hex(i + 1, "an odd number of digits: one is missing");
    const int low = value_of(digits[i + 1]);
    if (low < 0) throw_bad_hex(i + 1, "no hex digit");
    *to++ = static_cast<std::byte>(high << 4 | low);
  }
}

}  // namespace detail

std::string describe(const ByteBuf& buf) {
  return "ByteBuf(ridx: " + std::to_string(buf.reader_index()) +
         ", widx: " + std::to_string(buf.writer_index()) +
         ", cap: " + std::to_string(buf.capacity()) + ')';
}

std::ostream& operator<<(std::ostream& out, const ByteBuf& buf) { return out << describe(buf); }

ByteBuf ByteBuf::from_hex(std::string_view digits) {
  // One byte more for an odd digit, which decode_hex refuses after it has looked at all before it.
  const std::size_t n = digits.size() / 2;
  pool::Region* const region = detail::take_own_region(n);
  ByteBuf buf(region, region->data, n, kNoLimit);
  detail::decode_hex(digits, buf.data_);
  return buf.advance(n);
}

}  // namespace tarn
