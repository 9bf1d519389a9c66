// SPDX-License-Identifier: Apache-2.0
// Which arguments count as bytes, and how they become spans of std::byte. Layer: buffer.
#pragma once

#include <concepts>
#include <cstddef>
#include <ranges>
#include <span>
#include <string_view>
#include <type_traits>

#include "tarn/detail/base/check.hpp"

namespace tarn::detail {

/// A type whose objects are bytes of memory.
template <class T>
concept ByteSized =
    std::same_as<std::remove_cv_t<T>, std::byte> || std::same_as < std::remove_cv_t<T>,
char > || std::same_as<std::remove_cv_t<T>, unsigned char> ||
    std::same_as<std::remove_cv_t<T>, signed char> || std::same_as<std::remove_cv_t<T>, char8_t>;

/// A contiguous range of bytes: a span, vector, string, string_view, array, ...
template <class R>
concept ByteRange = std::ranges::contiguous_range<R> && std::ranges::sized_range<R> &&
    ByteSized<std::ranges::range_value_t<R>>;

/// A ByteRange that can be written to, or a span of one.
template <class R>
concept MutableByteRange =
    ByteRange<R> && !std::is_const_v<std::remove_reference_t<std::ranges::range_reference_t<R>>>;

/// A ByteRange that doesn't own what it shows, or is an lvalue: its bytes outlive the expression.
template <class R>
concept BorrowedByteRange = ByteRange<R> && std::ranges::borrowed_range<R>;

/// A pointer to a C string; no array.
template <class T>
concept CStringPointer = std::is_pointer_v<std::remove_cvref_t<T>> && std::same_as <
                         std::remove_cv_t<std::remove_pointer_t<std::remove_cvref_t<T>>>,
char > ;

/// Whatever can be given where bytes are taken from.
template <class T>
concept BytesArgument = ByteRange<T> || CStringPointer<T>;

/// Whatever can be given where one byte is searched for.
template <class T>
concept ByteArgument = ByteSized<T> ||(std::integral<T> && !std::same_as<T, bool>);

template <ByteArgument T>
[[nodiscard]] constexpr std::byte to_byte(T value) noexcept {
  return static_cast<std::byte>(value);
}

/// The bytes of an argument.
///
/// A constant char array is taken for a literal: the NUL at its end is not part of it, NULs inside
/// are. Any other array counts with all of its elements.
template <class T>
requires BytesArgument<T>
[[nodiscard]] std::span<const std::byte> bytes_of(T&& argument) noexcept {
  if constexpr (CStringPointer<T>) {
    return std::as_bytes(std::span(std::string_view(argument)));
  } else {
    std::size_t size = std::ranges::size(argument);
    if constexpr (std::is_array_v<std::remove_reference_t<T>> &&
                  std::same_as<std::remove_reference_t<std::ranges::range_reference_t<T>>,
                               const char>) {
      if (argument[size - 1] == '\0') --size;
    }
    return std::as_bytes(std::span(std::ranges::data(argument), size));
  }
}

template <MutableByteRange R>
[[nodiscard]] std::span<std::byte> writable_bytes_of(R&& range) noexcept {
  return std::as_writable_bytes(std::span(std::ranges::data(range), std::ranges::size(range)));
}

}  // namespace tarn::detail
