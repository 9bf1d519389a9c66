// SPDX-License-Identifier: Apache-2.0
// CompositeByteBuf: bytes put before the readable ones. Layer: buffer.
#include <cstring>
#include <utility>

#include "tarn/composite_byte_buf.hpp"

namespace tarn {

void CompositeByteBuf::check_headroom(std::size_t n) const {
  const std::size_t readable = writer_ - reader_;
  if (n > max_capacity_ - readable) {
    detail::throw_out_of_range("headroom", n, readable, "max capacity", max_capacity_);
  }
}

/// Makes a full buffer the first component, in place of the bytes that have been read.
void CompositeByteBuf::put_before_readable(ByteBuf part) {
  const std::size_t end = part.capacity() + writer_ - reader_;
  if (components_.size() - parts_before(reader_) < max_components_) {
    reserve_for(1);
    drop_before(reader_);
    insert(0, std::move(part));
    if (capacity() > max_capacity_) drop_from(max_capacity_);
  } else {
    put_before_full(std::move(part));
  }
  reader_ = 0;
  writer_ = end;
}

/// Does it without room for one component more: the readable bytes become one, or one with the
/// part. The indices are the caller's.
void CompositeByteBuf::put_before_full(ByteBuf part) {
  const std::size_t n = part.capacity();
  const std::size_t readable = writer_ - reader_;
  Components next;
  next.reserve(2);
  if (max_components_ > 1) {
    ByteBuf rest = full_buffer(readable);
    detail::copy_out(readable_range(), Access::memory(rest));
    next.push_back({std::move(part), 0});
    if (readable != 0) next.push_back({std::move(rest), 0});
  } else {
    ByteBuf whole = full_buffer(n + readable);
    std::memcpy(Access::memory(whole), Access::memory(part), n);
    detail::copy_out(readable_range(), Access::memory(whole) + n);
    next.push_back({std::move(whole), 0});
  }
  components_.swap(next);
  renumber(0);
}

CompositeByteBuf& CompositeByteBuf::reserve_headroom(std::size_t n) {
  check_not_read_only();
  if (n <= reader_) return *this;
  check_headroom(n);
  put_before_readable(full_buffer(n));
  reader_ = n;
  return *this;
}

void CompositeByteBuf::prepend_from(detail::SourceRange from) {
  check_not_read_only();
  const std::size_t n = from.size;
  if (n == 0) return;
  if (n <= reader_ && pieces_are_writable(reader_ - n, n)) {
    store_from(reader_ - n, from);
    reader_ -= n;
    return;
  }
  check_headroom(n);
  ByteBuf part = full_buffer(n);
  detail::copy_out(from, Access::memory(part));
  put_before_readable(std::move(part));
}

void CompositeByteBuf::prepend_bytes(std::span<const std::byte> from) {
  prepend_from(detail::SpanSource(from).range());
}

}  // namespace tarn
