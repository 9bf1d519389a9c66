// SPDX-License-Identifier: Apache-2.0
// Runs of bytes read from and written to a buffer. Layer: buffer.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include "tarn/detail/buffer/byte_range.hpp"
#include "tarn/detail/buffer/byte_source.hpp"
#include "tarn/detail/buffer/typed_access.hpp"

namespace tarn::detail {

/// Transfers of many bytes. Memory given by the caller is any contiguous range of char, unsigned
/// char or std::byte, or a C string; it may overlap the buffer's, and the other buffer may be this.
///
/// `Self` supplies `source()`, `copy_bytes_out(index, dst)`, `store_bytes(index, src)`,
/// `store_from(index, SourceRange)`, `append(src)`, `append_from(SourceRange)`, `fill_zero(index,
/// n)`, `prepend_bytes(src)`.
template <class Self>
class BulkAccess : public TypedAccess<Self> {
 public:
  /// Copies the bytes from `index` on into all of `destination`.
  /// @errors std::out_of_range beyond capacity().
  template <class R>
  requires MutableByteRange<R>
  const Self& get_bytes(std::size_t index, R&& destination) const {
    const std::span<std::byte> to = writable_bytes_of(destination);
    this->check_range(index, to.size());
    self().copy_bytes_out(index, to);
    return self();
  }
  /// Appends `n` bytes from `index` on to `destination`, whose writer index moves; it grows.
  /// @errors as its write_bytes, and std::out_of_range beyond this buffer's capacity().
  template <BufferLike B>
  const Self& get_bytes(std::size_t index, B& destination, std::size_t n) const {
    this->check_range(index, n);
    destination.append_from({self().source(), index, n});
    return self();
  }

  /// Copies bytes from the reader index on into all of `destination`; the reader index moves.
  /// @errors std::out_of_range beyond the writer index.
  template <class R>
  requires MutableByteRange<R> Self& read_bytes(R&& destination) {
    const std::span<std::byte> to = writable_bytes_of(destination);
    this->check_readable(to.size());
    self().copy_bytes_out(this->reader_, to);
    this->reader_ += to.size();
    return self();
  }
  /// Appends the next `n` bytes to `destination`, whose writer index moves; it grows.
  template <BufferLike B>
  Self& read_bytes(B& destination, std::size_t n) {
    this->check_readable(n);
    destination.append_from({self().source(), this->reader_, n});
    this->reader_ += n;
    return self();
  }
  /// The next `n` bytes, as they are.
  [[nodiscard]] std::string read_string(std::size_t n) {
    this->check_readable(n);
    std::string text(n, '\0');
    self().copy_bytes_out(this->reader_, writable_bytes_of(text));
    this->reader_ += n;
    return text;
  }

  /// Overwrites the bytes from `index` on with `source`.
  /// @errors ReadOnlyError, std::out_of_range beyond capacity().
  template <class T>
  requires BytesArgument<T> Self& set_bytes(std::size_t index, T&& source) {
    const std::span<const std::byte> from = bytes_of(source);
    this->check_set(index, from.size());
    self().store_bytes(index, from);
    return self();
  }
  /// Overwrites the bytes from `index` on with all readable bytes of `source`, whose indices stay.
  template <BufferLike B>
  Self& set_bytes(std::size_t index, const B& source) {
    const SourceRange from = source.readable_range();
    this->check_set(index, from.size);
    self().store_from(index, from);
    return self();
  }
  /// Appends `source` at the writer index, which moves; grows up to max_capacity().
  /// @errors ReadOnlyError, std::out_of_range beyond max_capacity(), std::bad_alloc.
  template <class T>
  requires BytesArgument<T> Self& write_bytes(T&& source) {
    self().append(bytes_of(source));
    return self();
  }
  /// Appends all readable bytes of `source`, whose indices stay.
  template <BufferLike B>
  Self& write_bytes(const B& source) {
    self().append_from(source.readable_range());
    return self();
  }

  /// Sets `n` bytes from `index` on to 0. @errors as set_bytes.
  Self& set_zero(std::size_t index, std::size_t n) {
    this->check_set(index, n);
    self().fill_zero(index, n);
    return self();
  }
  /// Appends `n` zero bytes. @errors as write_bytes.
  Self& write_zero(std::size_t n) {
    self().prepare_write(n);
    self().fill_zero(this->writer_, n);
    this->writer_ += n;
    return self();
  }

  /// Puts `source` before the readable bytes, which stay where they are if headroom() suffices: the
  /// reader index goes down. Else the readable bytes move, into new memory when it is shared.
  /// @errors ReadOnlyError, std::out_of_range when there is no room up to max_capacity(),
  ///         std::bad_alloc.
  template <class T>
  requires BytesArgument<T> Self& prepend(T&& source) {
    self().prepend_bytes(bytes_of(source));
    return self();
  }
  template <BufferLike B>
  Self& prepend(const B& source) {
    self().prepend_from(source.readable_range());
    return self();
  }
  /// Bytes that prepend() can put before the readable ones without moving them: the reader index;
  /// 0 when read-only.
  [[nodiscard]] std::size_t headroom() const noexcept {
    return self().is_read_only() ? 0 : this->reader_;
  }

 protected:
  using TypedAccess<Self>::TypedAccess;
  using TypedAccess<Self>::self;

  [[nodiscard]] SourceRange readable_range() const noexcept {
    return {self().source(), this->reader_, this->writer_ - this->reader_};
  }
};

}  // namespace tarn::detail
