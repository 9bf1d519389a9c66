// SPDX-License-Identifier: Apache-2.0
// The memory of a buffer for the kernel. Layer: buffer.
#include "tarn/detail/buffer/iovecs.hpp"

#include "tarn/byte_buf.hpp"

namespace tarn {

std::size_t IoVecs::total_bytes() const noexcept {
  std::size_t total = 0;
  for (const iovec& entry : *this) total += entry.iov_len;
  return total;
}

void IoVecs::push_back(const std::byte* memory, std::size_t n) {
  if (n == 0) return;
  // The kernel's struct serves reading and writing; what it is used for decides.
  const iovec entry{const_cast<std::byte*>(memory), n};
  if (more_.empty() && size_ < kInline) {
    inline_[size_++] = entry;
    return;
  }
  if (more_.empty()) {
    more_.reserve(2 * kInline);  // before anything changes
    more_.assign(inline_.begin(), inline_.end());
  }
  more_.push_back(entry);
}

namespace detail {

IoVecs iovecs_of(SourceRange range) {
  IoVecs entries;
  while (range.size != 0) {
    const auto segment = range.front();
    entries.push_back(segment.data(), segment.size());
    range.index += segment.size();
    range.size -= segment.size();
  }
  return entries;
}

}  // namespace detail

IoVecs iovecs(const ByteBuf& buf) {
  IoVecs entries;
  entries.push_back(buf.readable().data(), buf.readable().size());
  return entries;
}

IoVecs iovecs(const ByteBuf& buf, std::size_t index, std::size_t n) {
  return iovecs(buf.slice(index, n));
}

IoVecs writable_iovecs(ByteBuf& buf, std::size_t n) {
  buf.ensure_writable(n);
  const auto writable = buf.writable();
  IoVecs entries;
  entries.push_back(writable.data(), writable.size());
  return entries;
}

IoVecs iovecs(const CompositeByteBuf& buf) {
  return iovecs(buf, buf.reader_index(), buf.readable_bytes());
}

IoVecs iovecs(const CompositeByteBuf& buf, std::size_t index, std::size_t n) {
  buf.check_range(index, n);
  return detail::iovecs_of({buf.source(), index, n});
}

IoVecs writable_iovecs(CompositeByteBuf& buf, std::size_t n) {
  buf.ensure_writable(n);
  buf.check_pieces_writable(buf.writer_, buf.capacity() - buf.writer_);
  return detail::iovecs_of({buf.source(), buf.writer_, buf.capacity() - buf.writer_});
}

}  // namespace tarn
