// SPDX-License-Identifier: Apache-2.0
// Numbers read from and written to a buffer. Layer: buffer.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "tarn/detail/buffer/endian.hpp"
#include "tarn/detail/buffer/indexed_bytes.hpp"

namespace tarn::detail {

/// For X in bool u8 i8 u16 i16 u24 i24 u32 i32 u64 i64 f32 f64, and, from u16 on, X_le:
///
///     get_X(index) -> value      at an absolute index within capacity()
///     set_X(index, value)        the same; not when read-only
///     read_X() -> value          at the reader index, which moves; bounded by the writer index
///     write_X(value)             at the writer index, which moves; grows up to max_capacity()
///     try_read_X() -> optional   empty, and nothing moved, when less than a whole X is readable
///
/// For those of two bytes and more also as many as a span holds, one behind the other: one check
/// and one move of the index for all of them. The span must not lie in the buffer's own memory.
///
///     get_X(index, to)   set_X(index, values)   read_X(to)   write_X(values)
///
/// Numbers are big-endian, those called X_le little-endian. u24 is a std::uint32_t whose higher
/// bits are ignored, i24 a std::int32_t that is sign-extended; floats keep every bit.
///
/// @errors std::out_of_range, ReadOnlyError, from a write_ that grows std::bad_alloc; nothing has
///         changed then.
/// @complexity on one region: a check, a load or store, a byte swap; no call. Of numbers written in
///             a row the index is stored once.
///
/// `Self` supplies `load_raw<N>(index)`, `store_raw<N>(index, bytes)`, the same for several:
/// `load_each<N>(index, count, f(i, bytes))`, `store_each<N>(index, count, f(i) -> bytes)` (within
/// capacity()), and `check_pieces_writable(index, n)`, which looks at what store_raw would refuse.
template <class Self>
class TypedAccess : public IndexedBytes<Self> {
 public:
// A table of members; spelled out, it would be 23 times the same five.
#define TARN_DETAIL_TYPED(name, ...)                                                             \
  [[nodiscard]] typename __VA_ARGS__::Value get_##name(std::size_t index) const {                \
    return get_as<__VA_ARGS__>(index);                                                           \
  }                                                                                              \
  Self& set_##name(std::size_t index, typename __VA_ARGS__::Value value) {                       \
    return set_as<__VA_ARGS__>(index, value);                                                    \
  }                                                                                              \
  typename __VA_ARGS__::Value read_##name() { return read_as<__VA_ARGS__>(); }                   \
  Self& write_##name(typename __VA_ARGS__::Value value) { return write_as<__VA_ARGS__>(value); } \
  [[nodiscard]] std::optional<typename __VA_ARGS__::Value> try_read_##name() {                   \
    return try_read_as<__VA_ARGS__>();                                                           \
  }
#define TARN_DETAIL_TYPED_MANY(name, ...)                                                    \
  TARN_DETAIL_TYPED(name, __VA_ARGS__)                                                       \
  void get_##name(std::size_t index, std::span<typename __VA_ARGS__::Value> to) const {      \
    get_all<__VA_ARGS__>(index, to);                                                         \
  }                                                                                          \
  Self& set_##name(std::size_t index, std::span<const typename __VA_ARGS__::Value> values) { \
    return set_all<__VA_ARGS__>(index, values);                                              \
  }                                                                                          \
  void read_##name(std::span<typename __VA_ARGS__::Value> to) { read_all<__VA_ARGS__>(to); } \
  Self& write_##name(std::span<const typename __VA_ARGS__::Value> values) {                  \
    return write_all<__VA_ARGS__>(values);                                                   \
  }
#define TARN_DETAIL_TYPED_BOTH(name, format, type)             \
  TARN_DETAIL_TYPED_MANY(name, format<type, std::endian::big>) \
  TARN_DETAIL_TYPED_MANY(name##_le, format<type, std::endian::little>)

  TARN_DETAIL_TYPED(bool, Bool)
  TARN_DETAIL_TYPED(u8, Plain<std::uint8_t, std::endian::big>)
  TARN_DETAIL_TYPED(i8, Plain<std::int8_t, std::endian::big>)
  TARN_DETAIL_TYPED_BOTH(u16, Plain, std::uint16_t)
  TARN_DETAIL_TYPED_BOTH(i16, Plain, std::int16_t)
  TARN_DETAIL_TYPED_BOTH(u24, Medium, std::uint32_t)
  TARN_DETAIL_TYPED_BOTH(i24, Medium, std::int32_t)
  TARN_DETAIL_TYPED_BOTH(u32, Plain, std::uint32_t)
  TARN_DETAIL_TYPED_BOTH(i32, Plain, std::int32_t)
  TARN_DETAIL_TYPED_BOTH(u64, Plain, std::uint64_t)
  TARN_DETAIL_TYPED_BOTH(i64, Plain, std::int64_t)
  TARN_DETAIL_TYPED_BOTH(f32, Plain, float)
  TARN_DETAIL_TYPED_BOTH(f64, Plain, double)
#undef TARN_DETAIL_TYPED_BOTH
#undef TARN_DETAIL_TYPED_MANY
#undef TARN_DETAIL_TYPED

 protected:
  using IndexedBytes<Self>::IndexedBytes;
  using IndexedBytes<Self>::self;

 private:
  template <class Format>
  [[nodiscard]] typename Format::Value get_as(std::size_t index) const {
    this->check_range(index, Format::kWidth);
    return Format::decode(self().template load_raw<Format::kWidth>(index));
  }
  template <class Format>
  Self& set_as(std::size_t index, typename Format::Value value) {
    this->check_set(index, Format::kWidth);
    self().template store_raw<Format::kWidth>(index, Format::encode(value));
    return self();
  }
  template <class Format>
  typename Format::Value read_as() {
    const std::size_t at = this->reader_;
    const std::size_t end = at + Format::kWidth;
    this->check_readable_to(at, end);
    const auto bytes = self().template load_raw<Format::kWidth>(at);
    this->reader_ = end;
    return Format::decode(bytes);
  }
  template <class Format>
  std::optional<typename Format::Value> try_read_as() {
    if (Format::kWidth > this->writer_ - this->reader_) return std::nullopt;
    return read_as<Format>();
  }
  template <class Format>
  Self& write_as(typename Format::Value value) {
    // Read once, and before room is made, which leaves it as it is: what is added up is known then
    // when numbers are written in a row.
    const std::size_t at = this->writer_;
    const std::size_t end = at + Format::kWidth;
    this->prepare_write_to(at, end);
    self().template store_raw<Format::kWidth>(at, Format::encode(value));
    this->writer_ = end;
    return self();
  }

  // The bytes of a span's numbers; it lies in memory, so that they can be counted.
  template <class Format, class T>
  [[nodiscard]] static std::size_t bytes_of_all(std::span<T> values) noexcept {
    static_assert(sizeof(T) >= Format::kWidth);
    return values.size() * Format::kWidth;
  }
  template <class Format>
  void load_all(std::size_t at, std::span<typename Format::Value> to) const {
    self().template load_each<Format::kWidth>(
        at, to.size(), [&](std::size_t i, const auto& bytes) { to[i] = Format::decode(bytes); });
  }
  template <class Format>
  void store_all(std::size_t at, std::span<const typename Format::Value> values) {
    self().template store_each<Format::kWidth>(
        at, values.size(), [&](std::size_t i) { return Format::encode(values[i]); });
  }
  template <class Format>
  void get_all(std::size_t index, std::span<typename Format::Value> to) const {
    this->check_range(index, bytes_of_all<Format>(to));
    load_all<Format>(index, to);
  }
  template <class Format>
  Self& set_all(std::size_t index, std::span<const typename Format::Value> values) {
    const std::size_t n = bytes_of_all<Format>(values);
    this->check_set(index, n);
    self().check_pieces_writable(index, n);
    store_all<Format>(index, values);
    return self();
  }
  template <class Format>
  void read_all(std::span<typename Format::Value> to) {
    const std::size_t n = bytes_of_all<Format>(to);
    const std::size_t at = this->reader_;
    this->check_readable(n);
    load_all<Format>(at, to);
    this->reader_ = at + n;
  }
  template <class Format>
  Self& write_all(std::span<const typename Format::Value> values) {
    const std::size_t n = bytes_of_all<Format>(values);
    const std::size_t at = this->writer_;
    this->prepare_write(n);
    self().check_pieces_writable(at, n);
    store_all<Format>(at, values);
    this->writer_ = at + n;
    return self();
  }
};

}  // namespace tarn::detail
