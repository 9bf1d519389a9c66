// SPDX-License-Identifier: Apache-2.0
// Buffers as asio's buffer sequences. Optional: it needs asio, or Boost.Asio when
// TARN_USE_BOOST_ASIO is defined. Layer: buffer.
#pragma once

#ifdef TARN_USE_BOOST_ASIO
#include <boost/asio/buffer.hpp>
#else
#include <asio/buffer.hpp>
#endif

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <vector>

#include "tarn/byte_buf.hpp"

namespace tarn {

namespace detail {
#ifdef TARN_USE_BOOST_ASIO
namespace net = boost::asio;
#else
namespace net = ::asio;
#endif
}  // namespace detail

/// A ConstBufferSequence or MutableBufferSequence over a buffer's memory.
///
/// Lifetime: as a span of the buffer; what asio copies of it is as long-lived. Keep the buffer, or
/// a copy of it, in the completion handler.
template <class Buffer>
class AsioBuffers {
 public:
  using value_type = Buffer;
  using const_iterator = const Buffer*;

  explicit AsioBuffers(const IoVecs& entries) : size_(entries.size()) {
    if (size_ > inline_.size()) more_.resize(size_);
    Buffer* to = more_.empty() ? inline_.data() : more_.data();
    for (const iovec& entry : entries) *to++ = Buffer(entry.iov_base, entry.iov_len);
  }
  [[nodiscard]] const_iterator begin() const noexcept {
    return more_.empty() ? inline_.data() : more_.data();
  }
  [[nodiscard]] const_iterator end() const noexcept { return begin() + size_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  std::array<Buffer, IoVecs::kInline> inline_;
  std::vector<Buffer> more_;  // all of them, once they are more than that
  std::size_t size_;
};

/// The readable bytes, for async_write and the like; then skip() what was written.
template <detail::BufferLike B>
[[nodiscard]] AsioBuffers<detail::net::const_buffer> asio_readable(const B& buf) {
  return AsioBuffers<detail::net::const_buffer>(iovecs(buf));
}

/// At least `n` bytes behind the writer index, for async_read_some and the like; then advance() by
/// what was read. @errors as ensure_writable.
template <detail::BufferLike B>
[[nodiscard]] AsioBuffers<detail::net::mutable_buffer> asio_writable(B& buf, std::size_t n) {
  return AsioBuffers<detail::net::mutable_buffer>(writable_iovecs(buf, n));
}

/// A ByteBuf as asio's DynamicBuffer_v2, for read_until and async_read: what is readable is what
/// the operation has put there. Bytes that were read or consumed make room for more, so that an
/// operation may move the readable ones to index 0.
///
/// Lifetime: the ByteBuf's; copies refer to the same.
class AsioDynamicBuffer {
 public:
  using const_buffers_type = detail::net::const_buffer;
  using mutable_buffers_type = detail::net::mutable_buffer;

  explicit AsioDynamicBuffer(
      ByteBuf& buf, std::size_t max_size = std::numeric_limits<std::size_t>::max()) noexcept
      : buf_(&buf), max_size_(max_size) {}

  [[nodiscard]] std::size_t size() const noexcept { return buf_->readable_bytes(); }
  [[nodiscard]] std::size_t max_size() const noexcept {
    return std::min(max_size_, buf_->is_read_only() ? size() : buf_->max_capacity());
  }
  [[nodiscard]] std::size_t capacity() const noexcept {
    return std::min(max_size_, buf_->readable_bytes() + buf_->writable_bytes());
  }
  [[nodiscard]] mutable_buffers_type data(std::size_t position, std::size_t n) {
    const std::size_t length = part(position, n);
    return {buf_->data() + buf_->reader_index() + position, length};
  }
  [[nodiscard]] const_buffers_type data(std::size_t position, std::size_t n) const noexcept {
    return {buf_->readable().data() + position, part(position, n)};
  }
  void grow(std::size_t n) {
    // Of a buffer that held more than the maximum when it came, size() is above max_size().
    const std::size_t most = max_size();
    if (size() > most || n > most - size()) {
      throw std::length_error("AsioDynamicBuffer: beyond max_size");
    }
    make_room(n);
    buf_->advance(n);
  }
  void shrink(std::size_t n) { buf_->writer_index(buf_->writer_index() - std::min(n, size())); }
  void consume(std::size_t n) { buf_->skip(std::min(n, size())); }

 private:
  /// Of bytes that were read and more memory takes the former when they are half of what is there,
  /// so that on average a byte moves once, or when no more can be had.
  void make_room(std::size_t n) {
    if (n > buf_->writable_bytes() &&
        (buf_->reader_index() >= size() || n > buf_->max_writable_bytes())) {
      buf_->discard_read_bytes();
    }
    buf_->ensure_writable(n);
  }

  [[nodiscard]] std::size_t part(std::size_t position, std::size_t n) const noexcept {
    return position < size() ? std::min(n, size() - position) : 0;
  }

  ByteBuf* buf_;
  std::size_t max_size_;
};

}  // namespace tarn
