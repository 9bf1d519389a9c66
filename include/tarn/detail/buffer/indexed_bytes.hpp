// SPDX-License-Identifier: Apache-2.0
// The two indices and two bounds that every buffer has. Layer: buffer.
#pragma once

#include <cstddef>
#include <utility>

#include "tarn/detail/buffer/errors.hpp"
#include "tarn/detail/buffer/extent.hpp"

namespace tarn::detail {

/// Reader and writer index of the buffer type `Self`, and what moves them without touching a byte.
///
/// Invariant: `reader_ <= writer_ <= capacity() <= max_capacity_`.
///
/// `Self` derives from this (and from what is built on it: TypedAccess, BulkAccess, ...), so that
/// ByteBuf and CompositeByteBuf have the same members from one source without virtual calls. Such
/// bases ask `Self` for what differs: how bytes are reached, and how room is made.
///
/// Thread safety: one thread at a time.
template <class Self>
class IndexedBytes {
 public:
  [[nodiscard]] std::size_t capacity() const noexcept { return extent_.bytes(); }
  /// How far the buffer may grow.
  [[nodiscard]] std::size_t max_capacity() const noexcept { return max_capacity_; }
  [[nodiscard]] bool is_read_only() const noexcept { return extent_.is_read_only(); }
  [[nodiscard]] std::size_t reader_index() const noexcept { return reader_; }
  [[nodiscard]] std::size_t writer_index() const noexcept { return writer_; }
  [[nodiscard]] std::size_t readable_bytes() const noexcept { return writer_ - reader_; }
  /// Bytes that can be written without growth; 0 when read-only.
  [[nodiscard]] std::size_t writable_bytes() const noexcept {
    return is_read_only() ? 0 : capacity() - writer_;
  }
  /// Bytes that can be written with growth; 0 when read-only.
  [[nodiscard]] std::size_t max_writable_bytes() const noexcept {
    return is_read_only() ? 0 : max_capacity_ - writer_;
  }
  /// Whether at least `n` bytes can be read.
  [[nodiscard]] bool is_readable(std::size_t n = 1) const noexcept { return readable_bytes() >= n; }
  /// Whether at least `n` bytes can be written without growth; false when read-only.
  [[nodiscard]] bool is_writable(std::size_t n = 1) const noexcept {
    return !is_read_only() && capacity() - writer_ >= n;
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
    if (n < reader_ || n > capacity()) [[unlikely]] {
      throw_outside("writer index", n, reader_, capacity());
    }
    writer_ = n;
    return self();
  }
  /// Sets both indices. @errors std::out_of_range unless `reader <= writer <= capacity()`.
  Self& set_index(std::size_t reader, std::size_t writer) {
    if (writer > capacity()) [[unlikely]]
      throw_outside("writer index", writer, 0, capacity());
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
    if (n > capacity() - writer_) [[unlikely]] {
      throw_out_of_range("writer index", writer_, n, "capacity", capacity());
    }
    writer_ += n;
    return self();
  }

 protected:
  IndexedBytes() noexcept = default;
  /// A full window of `n` bytes, as writable as `extent`.
  IndexedBytes(Extent extent, std::size_t n) noexcept
      : extent_(extent.resized(n)), max_capacity_(n), writer_(n) {}
  IndexedBytes(std::size_t capacity, std::size_t max_capacity, std::size_t reader,
               std::size_t writer) noexcept
      : extent_(capacity), max_capacity_(max_capacity), reader_(reader), writer_(writer) {}

  /// `index`, as far as the compiler knows any number.
  [[nodiscard]] static std::size_t unknown_to_compiler(std::size_t index) noexcept {
    asm("" : "+r"(index));
    return index;
  }

  [[nodiscard]] Self& self() noexcept { return static_cast<Self&>(*this); }
  [[nodiscard]] const Self& self() const noexcept { return static_cast<const Self&>(*this); }

  void check_not_read_only() const {
    if (is_read_only()) [[unlikely]]
      throw_read_only();
  }
  /// get_, slice, copy: `[index, index + n)` is within capacity().
  void check_range(std::size_t index, std::size_t n) const {
    const std::size_t end = index + n;
    if (end < n || end > capacity()) [[unlikely]]  // the first: it has wrapped
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
  /// read_: the bytes up to index `end`, from `at`, the reader index, on are readable.
  void check_readable_to(std::size_t at, std::size_t end) {
    if (end > writer_) [[unlikely]] {
      reader_ = unknown_to_compiler(at);  // as in prepare_write_to()
      fail_readable(end - at);
    }
  }
  /// write_: makes room for `n` bytes from the writer index on, or throws.
  void prepare_write(std::size_t n) {
    if (n > capacity() - writer_ || is_read_only()) [[unlikely]]
      self().prepare_write_slow(n);
  }
  /// The same for the bytes up to index `end`, from `at`, the writer index, on. @pre few bytes
  ///
  /// Stores that index once more where it can be read, when room is made: of numbers written in a
  /// row, the stores of all indices but the last are then for nothing, and the compiler leaves them
  /// out. It would leave out this one instead if it saw that it changes nothing.
  void prepare_write_to(std::size_t at, std::size_t end) {
    if (!extent_.is_writable_to(end)) [[unlikely]] {
      writer_ = unknown_to_compiler(at);
      self().prepare_write_slow(end - at);
    }
  }
  /// write_: `n` bytes can be written, with growth.
  void check_max_writable(std::size_t n) const {
    if (n > max_capacity_ - writer_) [[unlikely]] {
      throw_out_of_range("writer index", writer_, n, "max capacity", max_capacity_);
    }
  }

  [[noreturn, gnu::cold, gnu::noinline]] void fail_range(std::size_t index, std::size_t n) const {
    throw_out_of_range("index", index, n, "capacity", capacity());
  }
  [[noreturn, gnu::cold, gnu::noinline]] void fail_readable(std::size_t n) const {
    throw_out_of_range("reader index", reader_, n, "writer index", writer_);
  }

  /// What is read-only stays so.
  void set_capacity(std::size_t n) noexcept { extent_ = extent_.resized(n); }
  /// Makes this a full window of `n` bytes, which nothing has been read of.
  void set_full(std::size_t n) noexcept {
    set_capacity(n);
    max_capacity_ = writer_ = n;
    reader_ = 0;
  }
  /// Makes this what a default-made buffer is.
  void clear_bounds() noexcept {
    extent_ = Extent();
    max_capacity_ = reader_ = writer_ = 0;
  }
  void swap_indices(IndexedBytes& other) noexcept {
    std::swap(extent_, other.extent_);
    std::swap(max_capacity_, other.max_capacity_);
    std::swap(reader_, other.reader_);
    std::swap(writer_, other.writer_);
  }

  Extent extent_;
  std::size_t max_capacity_ = 0;
  std::size_t reader_ = 0;
  std::size_t writer_ = 0;
};

}  // namespace tarn::detail
