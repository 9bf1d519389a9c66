// SPDX-License-Identifier: Apache-2.0
// Searching and comparing the bytes of a buffer. Layer: buffer.
#pragma once

#include <algorithm>
#include <compare>
#include <concepts>
#include <cstddef>
#include <functional>
#include <utility>

#include "tarn/detail/buffer/byte_range.hpp"
#include "tarn/detail/buffer/search.hpp"
#include "tarn/detail/buffer/varint_access.hpp"

namespace tarn {
namespace detail {

/// Search among the bytes of a buffer. Nothing here moves an index.
///
/// What is searched for is one byte (char, unsigned char, std::byte, an integer) or a sequence of
/// them, given as anything that bytes are taken from, or as a ByteBuf: its readable bytes.
///
/// @complexity linear; on one region as fast as memchr and memmem.
template <class Self>
class SearchAccess : public VarintAccess<Self> {
 public:
  /// "Not found", of the searching members.
  static constexpr std::size_t npos = kNotFound;

  /// The absolute index of the first match in `[from, to)`; when from > to, of the last one in
  /// `[to, from)`, `from` beyond capacity() then meaning capacity(). npos when there is none.
  /// @errors std::out_of_range when the range reaches past capacity().
  template <ByteArgument B>
  [[nodiscard]] std::size_t index_of(std::size_t from, std::size_t to, B wanted) const {
    const SourceRange range = search_range(from, to);
    return from <= to ? find_byte(range, to_byte(wanted)) : find_last_byte(range, to_byte(wanted));
  }
  template <class T>
  requires BytesArgument<T>
  [[nodiscard]] std::size_t index_of(std::size_t from, std::size_t to, T&& wanted) const {
    const SourceRange range = search_range(from, to);
    return from <= to ? find_sequence(range, bytes_of(wanted))
                      : find_last_sequence(range, bytes_of(wanted));
  }
  template <std::same_as<ByteBuf> B>
  [[nodiscard]] std::size_t index_of(std::size_t from, std::size_t to, const B& wanted) const {
    return index_of(from, to, wanted.readable());
  }

  /// How many readable bytes stand before the first match among them, or npos.
  template <ByteArgument B>
  [[nodiscard]] std::size_t bytes_before(B wanted) const noexcept {
    return distance(find_byte(this->readable_range(), to_byte(wanted)), this->reader_);
  }
  template <class T>
  requires BytesArgument<T>
  [[nodiscard]] std::size_t bytes_before(T&& wanted) const {
    return distance(find_sequence(this->readable_range(), bytes_of(wanted)), this->reader_);
  }
  template <std::same_as<ByteBuf> B>
  [[nodiscard]] std::size_t bytes_before(const B& wanted) const {
    return bytes_before(wanted.readable());
  }
  /// The same, among `n` bytes from `index` on. @errors std::out_of_range beyond capacity().
  template <ByteArgument B>
  [[nodiscard]] std::size_t bytes_before(std::size_t index, std::size_t n, B wanted) const {
    this->check_range(index, n);
    return distance(find_byte({self().source(), index, n}, to_byte(wanted)), index);
  }
  template <class T>
  requires BytesArgument<T>
  [[nodiscard]] std::size_t bytes_before(std::size_t index, std::size_t n, T&& wanted) const {
    this->check_range(index, n);
    return distance(find_sequence({self().source(), index, n}, bytes_of(wanted)), index);
  }
  template <std::same_as<ByteBuf> B>
  [[nodiscard]] std::size_t bytes_before(std::size_t index, std::size_t n, const B& wanted) const {
    return bytes_before(index, n, wanted.readable());
  }

  /// Calls `f(std::byte)` for the readable bytes in order while it returns true.
  /// @returns the absolute index of the byte it returned false for, or npos.
  template <class F>
  requires std::predicate<F&, std::byte> std::size_t for_each_byte(F&& f)
  const { return visit_bytes(this->readable_range(), f); }
  /// The same for `n` bytes from `index` on. @errors std::out_of_range beyond capacity().
  template <class F>
  requires std::predicate<F&, std::byte> std::size_t for_each_byte(std::size_t index, std::size_t n,
                                                                   F&& f)
  const {
    this->check_range(index, n);
    return visit_bytes({self().source(), index, n}, f);
  }
  /// The same from the last byte to the first.
  template <class F>
  requires std::predicate<F&, std::byte> std::size_t for_each_byte_desc(F&& f)
  const { return visit_bytes_backwards(this->readable_range(), f); }
  template <class F>
  requires std::predicate<F&, std::byte> std::size_t for_each_byte_desc(std::size_t index,
                                                                        std::size_t n, F&& f)
  const {
    this->check_range(index, n);
    return visit_bytes_backwards({self().source(), index, n}, f);
  }

  /// Whether the readable bytes start with `bytes`.
  template <class T>
  requires BytesArgument<T>
  [[nodiscard]] bool starts_with(T&& bytes) const noexcept {
    return starts_with_range(SpanSource(bytes_of(bytes)).range());
  }
  template <BufferLike B>
  [[nodiscard]] bool starts_with(const B& other) const noexcept {
    return starts_with_range(other.readable_range());
  }
  /// Whether the readable bytes end with `bytes`.
  template <class T>
  requires BytesArgument<T>
  [[nodiscard]] bool ends_with(T&& bytes) const noexcept {
    return ends_with_range(SpanSource(bytes_of(bytes)).range());
  }
  template <BufferLike B>
  [[nodiscard]] bool ends_with(const B& other) const noexcept {
    return ends_with_range(other.readable_range());
  }

 protected:
  using VarintAccess<Self>::VarintAccess;
  using VarintAccess<Self>::self;

 private:
  [[nodiscard]] static std::size_t distance(std::size_t found, std::size_t start) noexcept {
    return found == npos ? npos : found - start;
  }
  [[nodiscard]] SourceRange search_range(std::size_t from, std::size_t to) const {
    const std::size_t low = std::min(from, to);
    const std::size_t high = from <= to ? to : std::min(from, this->capacity());
    this->check_range(low, high < low ? 0 : high - low);
    return {self().source(), low, high - low};
  }
  [[nodiscard]] bool starts_with_range(SourceRange other) const noexcept {
    SourceRange own = this->readable_range();
    if (other.size > own.size) return false;
    own.size = other.size;
    return equal(own, other);
  }
  [[nodiscard]] bool ends_with_range(SourceRange other) const noexcept {
    SourceRange own = this->readable_range();
    if (other.size > own.size) return false;
    own.index += own.size - other.size;
    own.size = other.size;
    return equal(own, other);
  }
};

/// What std::hash, == and <=> look at.
struct ComparisonAccess {
  template <BufferLike B>
  [[nodiscard]] static SourceRange readable(const B& buffer) noexcept {
    return buffer.readable_range();
  }
};

}  // namespace detail

/// Whether the readable bytes of both are the same.
template <detail::BufferLike A, detail::BufferLike B>
[[nodiscard]] bool operator==(const A& a, const B& b) noexcept {
  return detail::equal(detail::ComparisonAccess::readable(a),
                       detail::ComparisonAccess::readable(b));
}

/// Orders by the readable bytes, as unsigned numbers; a prefix comes before what it starts.
template <detail::BufferLike A, detail::BufferLike B>
[[nodiscard]] std::strong_ordering operator<=>(const A& a, const B& b) noexcept {
  return detail::compare(detail::ComparisonAccess::readable(a),
                         detail::ComparisonAccess::readable(b));
}

}  // namespace tarn

/// Equal readable bytes hash equally, whichever kind of buffer they are in.
template <tarn::detail::BufferLike B>
struct std::hash<B> {
  [[nodiscard]] std::size_t operator()(const B& buffer) const noexcept {
    return tarn::detail::hash_of(tarn::detail::ComparisonAccess::readable(buffer));
  }
};
