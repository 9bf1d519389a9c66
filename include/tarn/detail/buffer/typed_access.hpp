// SPDX-License-Identifier: Apache-2.0
// Numbers read from and written to a buffer. Layer: buffer.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>

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
/// Numbers are big-endian, those called X_le little-endian. u24 is a std::uint32_t whose higher
/// bits are ignored, i24 a std::int32_t that is sign-extended; floats keep every bit.
///
/// @errors std::out_of_range, ReadOnlyError, from a write_ that grows std::bad_alloc; nothing has
///         changed then.
/// @complexity on one region: a check, a load or store, a byte swap; no call.
///
/// `Self` supplies `load_raw<N>(index)`, `store_raw<N>(index, bytes)` (within capacity()) and
/// `prepare_write(n)`, which makes room or throws.
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
#define TARN_DETAIL_TYPED_BOTH(name, format, type)        \
  TARN_DETAIL_TYPED(name, format<type, std::endian::big>) \
  TARN_DETAIL_TYPED(name##_le, format<type, std::endian::little>)

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
    this->check_readable(Format::kWidth);
    const auto bytes = self().template load_raw<Format::kWidth>(this->reader_);
    this->reader_ += Format::kWidth;
    return Format::decode(bytes);
  }
  template <class Format>
  std::optional<typename Format::Value> try_read_as() {
    if (Format::kWidth > this->writer_ - this->reader_) return std::nullopt;
    return read_as<Format>();
  }
  template <class Format>
  Self& write_as(typename Format::Value value) {
    self().prepare_write(Format::kWidth);
    // Read once: the store of bytes below could change anything, as far as the compiler knows.
    const std::size_t at = this->writer_;
    self().template store_raw<Format::kWidth>(at, Format::encode(value));
    this->writer_ = at + Format::kWidth;
    return self();
  }
};

}  // namespace tarn::detail
