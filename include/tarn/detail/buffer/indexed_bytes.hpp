// SPDX-License-Identifier: Apache-2.0
// The two indices and two bounds that every buffer has. Layer: buffer.
#pragma once

#include <cstddef>
#include <utility>

#include "tarn/detail/buffer/errors.hpp"

namespace tarn::detail {

/// Reader and writer index of the buffer type `Self`, and what moves them without touching a byte.
///
/// Invariant: `reader_ <= writer_ <= capacity_ <= max_capacity_`.
///
/// `Self` derives from this (and from what is built on it: TypedAccess, BulkAccess, ...), so that
/// ByteBuf and CompositeByteBuf have the same members from one source without virtual calls. Such
/// bases ask `Self` for what differs: is_read_only(), and how bytes are reached.
///
/// Thread safety: one thread at a time.
template <class Self>
class IndexedBytes {
 public:
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  /// How far the buffer may grow.
  [[nodiscard]] std::size_t max_capacity() const noexcept { return max_capacity_; }
  [[nodiscard]] std::size_t reader_index() const noexcept { return reader_; }
  [[nodiscard]] std::size_t writer_index() const noexcept { return writer_; }
  [[nodiscard]] std::size_t readable_bytes() const noexcept { return writer_ - reader_; }
  /// Bytes that can be written without growth; 0 when read-only.
  [[nodiscard]] std::size_t writable_bytes() const noexcept {
    return self().is_read_only() ? 0 : capacity_ - writer_;
  }
  /// Bytes that can be written with growth; 0 when read-only.
  [[nodiscard]] std::size_t max_writable_bytes() const noexcept {
    return self().is_read_only() ? 0 : max_capacity_ - writer_;
  }
  /// Whether at least `n` bytes can be read.
  [[nodiscard]] bool is_readable(std::size_t n = 1) const noexcept { return readable_bytes() >= n; }
  /// Whether at least `n` bytes can be written without growth; false when read-only.
  [[nodiscard]] bool is_writable(std::size_t n = 1) const noexcept {
    return !self().is_read_only() && capacity_ - writer_ >= n;
  }

  /// Sets the reader index. @errors std::out_of_range beyond the writer index.
  Self& reader_index(std::size_t n) {
    if (n > writer_) [[unlikely]]
      throw_outside("reader index", n, 0, writer_);
    reader_ = n;
    return self();
  }
  /// Sets the writer index. @errors std::out_of_range below the reader index, beyond capacity().
  Self& writer_index(std::size_t n) {
    if (n < reader_ || n > capacity_) [[unlikely]] {
      throw_outside("writer index", n, reader_, capacity_);
    }
    writer_ = n;
    return self();
  }
  /// Sets both indices. @errors std::out_of_range unless `reader <= writer <= capacity()`.
  Self& set_index(std::size_t reader, std::size_t writer) {
    if (writer > capacity_) [[unlikely]]
      throw_outside("writer index", writer, 0, capacity_);
    if (reader > writer) [[unlikely]]
      throw_outside("reader index", reader, 0, writer);
    reader_ = reader;
    writer_ = writer;
    return self();
  }
  /// Sets both indices to 0; no byte changes.
  Self& clear() noexcept {
    reader_ = 0;
    writer_ = 0;
    return self();
  }
  /// Moves the reader over `n` bytes. @errors std::out_of_range beyond the writer index.
  Self& skip(std::size_t n) {
    check_readable(n);
    reader_ += n;
    return self();
  }
  /// Moves the writer over `n` bytes that were put behind it.
  /// @errors ReadOnlyError, std::out_of_range beyond capacity().
  Self& advance(std::size_t n) {
    check_not_read_only();
    if (n > capacity_ - writer_) [[unlikely]] {
      throw_out_of_range("writer index", writer_, n, "capacity", capacity_);
    }
    writer_ += n;
    return self();
  }

 protected:
  IndexedBytes() noexcept = default;
  IndexedBytes(std::size_t capacity, std::size_t max_capacity, std::size_t reader,
               std::size_t writer) noexcept
      : capacity_(capacity), max_capacity_(max_capacity), reader_(reader), writer_(writer) {}

  [[nodiscard]] Self& self() noexcept { return static_cast<Self&>(*this); }
  [[nodiscard]] const Self& self() const noexcept { return static_cast<const Self&>(*this); }

  void check_not_read_only() const {
    if (self().is_read_only()) [[unlikely]]
      throw_read_only();
  }
  /// get_, slice, copy: `[index, index + n)` is within capacity().
  void check_range(std::size_t index, std::size_t n) const {
    if (index > capacity_ || n > capacity_ - index) [[unlikely]]
      fail_range(index, n);
  }
  /// set_: the same, and not read-only.
  void check_set(std::size_t index, std::size_t n) const {
    check_not_read_only();
    check_range(index, n);
  }
  /// read_, skip: `n` bytes are readable.
  void check_readable(std::size_t n) const {
    if (n > writer_ - reader_) [[unlikely]]
      fail_readable(n);
  }
  /// write_: `n` bytes can be written, with growth.
  void check_max_writable(std::size_t n) const {
    if (n > max_capacity_ - writer_) [[unlikely]] {
      throw_out_of_range("writer index", writer_, n, "max capacity", max_capacity_);
    }
  }

  [[noreturn, gnu::cold, gnu::noinline]] void fail_range(std::size_t index, std::size_t n) const {
    throw_out_of_range("index", index, n, "capacity", capacity_);
  }
  [[noreturn, gnu::cold, gnu::noinline]] void fail_readable(std::size_t n) const {
    throw_out_of_range("reader index", reader_, n, "writer index", writer_);
  }

  void swap_indices(IndexedBytes& other) noexcept {
    std::swap(capacity_, other.capacity_);
    std::swap(max_capacity_, other.max_capacity_);
    std::swap(reader_, other.reader_);
    std::swap(writer_, other.writer_);
  }

  std::size_t capacity_ = 0;
  std::size_t max_capacity_ = 0;
  std::size_t reader_ = 0;
  std::size_t writer_ = 0;
};

}  // namespace tarn::detail
