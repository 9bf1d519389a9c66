// SPDX-License-Identifier: Apache-2.0
// The bytes of a buffer as text. Layer: buffer.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>

#include "tarn/detail/buffer/search_access.hpp"

namespace tarn {
namespace detail {

[[nodiscard]] std::string text_of(SourceRange range);
/// Two lower-case digits a byte.
[[nodiscard]] std::string hex_of(SourceRange range);
/// Rows of 16 bytes: offset from the start of the range, hex digits, printable ASCII between bars.
[[nodiscard]] std::string hex_table_of(SourceRange range);
/// Decodes hex digits, two a byte, into `to`.
/// @errors std::invalid_argument naming the position of what is no digit, or of the missing one.
void decode_hex(std::string_view digits, std::byte* to);

/// Text forms of a buffer's readable bytes. Nothing here moves an index.
template <class Self>
class TextAccess : public SearchAccess<Self> {
 public:
  /// The readable bytes as they are.
  [[nodiscard]] std::string to_string() const { return text_of(this->readable_range()); }
  /// `n` bytes from `index` on. @errors std::out_of_range beyond capacity().
  [[nodiscard]] std::string to_string(std::size_t index, std::size_t n) const {
    this->check_range(index, n);
    return text_of({self().source(), index, n});
  }

  /// The readable bytes as hex digits, two lower-case ones a byte.
  [[nodiscard]] std::string hex_dump() const { return hex_of(this->readable_range()); }
  [[nodiscard]] std::string hex_dump(std::size_t index, std::size_t n) const {
    this->check_range(index, n);
    return hex_of({self().source(), index, n});
  }

  /// The readable bytes as a table, 16 a row, no newline at the end:
  ///
  ///     00000000  47 45 54 20 2f 20 48 54 54 50 2f 31 2e 31 0d 0a  |GET / HTTP/1.1..|
  [[nodiscard]] std::string pretty_hex_dump() const { return hex_table_of(this->readable_range()); }
  [[nodiscard]] std::string pretty_hex_dump(std::size_t index, std::size_t n) const {
    this->check_range(index, n);
    return hex_table_of({self().source(), index, n});
  }

 protected:
  using SearchAccess<Self>::SearchAccess;
  using SearchAccess<Self>::self;
};

}  // namespace detail

/// Writes a description, not the bytes: `ByteBuf(ridx: 7, widx: 12, cap: 13)`.
std::ostream& operator<<(std::ostream& out, const ByteBuf& buf);

/// The same as a string.
[[nodiscard]] std::string describe(const ByteBuf& buf);

}  // namespace tarn
