// SPDX-License-Identifier: Apache-2.0
// ByteBuf: copies of its bytes, and transfers from other buffers. Layer: buffer.
#include "tarn/byte_buf.hpp"

#include "tarn/allocator.hpp"

namespace tarn {

namespace {

/// A copy of bytes that overlap the place where they are to go.
ByteBuf gathered(detail::SourceRange range) {
  pool::Region* const region = detail::take_own_region(range.size);
  ByteBuf copy = detail::ByteBufAccess::make(region, region->data, range.size, range.size);
  detail::copy_out(range, region->data);
  return copy.advance(range.size);
}

}  // namespace

ByteBuf ByteBuf::copy_of(std::span<const std::byte> bytes) {
  pool::Region* const region = detail::take_own_region(bytes.size());
  if (!bytes.empty()) std::memcpy(region->data, bytes.data(), bytes.size());
  ByteBuf copy(region, region->data, bytes.size(), kNoLimit);
  copy.writer_ = bytes.size();
  return copy;
}

ByteBuf ByteBuf::copy_range(std::size_t index, std::size_t n) const {
  if (region_ == nullptr) return {};
  pool::Region* const fresh = pool::take_like(region_, n);
  if (n != 0) std::memcpy(fresh->data, data_ + index, n);
  ByteBuf copy(fresh, fresh->data, n, max_capacity_);
  copy.writer_ = n;
  return copy;
}

detail::ByteSource ByteBuf::source() const noexcept {
  return {this,
          [](const void* buffer, std::size_t index) noexcept -> detail::ByteSource::Segment {
            const auto& self = *static_cast<const ByteBuf*>(buffer);
            return {self.data_ + index, self.capacity() - index};
          },
          [](const void* buffer, std::size_t index) noexcept -> detail::ByteSource::Segment {
            return {static_cast<const ByteBuf*>(buffer)->data_, index};
          }};
}

void ByteBuf::store_from(std::size_t index, detail::SourceRange from) {
  if (from.is_one_segment()) {
    store_bytes(index, from.front());
  } else if (detail::overlaps(from, {data_ + index, from.size})) {
    // One segment written could be the next one's source.
    store_bytes(index, gathered(from).readable());
  } else {
    detail::copy_out(from, data_ + index);
  }
}

void ByteBuf::append_from(detail::SourceRange from) {
  if (from.is_one_segment()) {
    append(from.front());
    return;
  }
  if (region_ != nullptr && detail::overlaps(from, {data_, room()})) {
    append(gathered(from).readable());
    return;
  }
  prepare_write(from.size);
  detail::copy_out(from, data_ + writer_);
  writer_ += from.size;
}

void ByteBuf::prepend_from(detail::SourceRange from) {
  if (from.source.buffer != this && from.is_one_segment()) {
    prepend_bytes(from.front());
    return;
  }
  // This buffer's own bytes could move before they are copied; so could a composite's, which may
  // share this memory.
  check_not_read_only();
  prepend_bytes(gathered(from).readable());
}

}  // namespace tarn
