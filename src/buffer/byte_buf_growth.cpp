// SPDX-License-Identifier: Apache-2.0
// ByteBuf: growth, and everything that moves its bytes to other memory. Layer: buffer.
#include <algorithm>

#include "tarn/byte_buf.hpp"
#include "tarn/detail/base/bits.hpp"
#include "tarn/detail/base/check.hpp"
#include "tarn/detail/buffer/next_capacity.hpp"

namespace tarn {
namespace {

// Pooled regions come in multiples of it; a smaller one can't be had.
constexpr std::size_t kMinRegion = 16;

void copy_bytes(std::byte* to, const std::byte* from, std::size_t n) noexcept {
  if (n != 0) std::memcpy(to, from, n);
}

}  // namespace

/// Bytes from index 0 up to the end of the region, whatever the window is.
std::size_t ByteBuf::room() const noexcept {
  const pool::Region* const memory = region_;
  return pool::region_capacity(memory) - static_cast<std::size_t>(data_ - memory->data);
}

/// Points this ByteBuf to `fresh` and gives back its share of the old region.
pool::Region* ByteBuf::replace_region(pool::Region* fresh) noexcept {
  pool::Region* const old = region_;
  region_ = fresh;
  data_ = fresh->data;
  return old;
}

/// Sets a larger capacity and keeps what stands before the writer index.
/// @returns a share that the caller must drop when it no longer needs the old bytes, or null.
pool::Region* ByteBuf::grow(std::size_t new_capacity) {
  pool::Region* old = nullptr;
  const bool fits = new_capacity <= room();
  // Slices don't grow, so what exceeds its room begins where its region does.
  TARN_ASSERT(fits || data_ == region_->data);
  if (!is_unique() || !(fits || pool::try_grow(region_, new_capacity))) {
    pool::Region* const fresh = pool::take_larger(region_, new_capacity);
    copy_bytes(fresh->data, data_, writer_);
    old = replace_region(fresh);
  }
  set_capacity(new_capacity);
  return old;
}

/// Moves the readable bytes so that `n` bytes stand free before them; in place only if
/// `may_move_in_place`. @returns as grow().
pool::Region* ByteBuf::make_headroom(std::size_t n, bool may_move_in_place) {
  const std::size_t readable = writer_ - reader_;
  if (n > max_capacity_ - readable) {
    detail::throw_out_of_range("headroom", n, readable, "max capacity", max_capacity_);
  }
  const std::size_t needed = n + readable;
  const std::size_t new_capacity =
      needed <= capacity() ? capacity() : detail::next_capacity(needed, max_capacity_);
  pool::Region* old = nullptr;
  if (may_move_in_place && is_unique() && new_capacity <= room()) {
    if (readable != 0) std::memmove(data_ + n, data_ + reader_, readable);
  } else {
    pool::Region* const fresh = pool::take_like(region_, new_capacity);
    copy_bytes(fresh->data + n, data_ + reader_, readable);
    old = replace_region(fresh);
  }
  set_capacity(new_capacity);
  reader_ = n;
  writer_ = needed;
  return old;
}

/// Moves `[index, index + n)` to index 0 of memory of its own; capacity and indices stay.
void ByteBuf::move_to_own(std::size_t index, std::size_t n) {
  pool::Region* const fresh = pool::take_like(region_, capacity());
  copy_bytes(fresh->data, data_ + index, n);
  detail::unshare(replace_region(fresh));
}

void ByteBuf::prepare_write_slow(std::size_t n) {
  check_not_read_only();
  check_max_writable(n);
  pool::Region* const old = grow(detail::next_capacity(writer_ + n, max_capacity_));
  if (old != nullptr) detail::unshare(old);
}

void ByteBuf::append_slow(std::span<const std::byte> from) {
  check_not_read_only();
  check_max_writable(from.size());
  // The old region lives until the copy: `from` may stand in it.
  pool::Region* const old = grow(detail::next_capacity(writer_ + from.size(), max_capacity_));
  store_bytes(writer_, from);
  writer_ += from.size();
  if (old != nullptr) detail::unshare(old);
}

ByteBuf& ByteBuf::capacity(std::size_t n) {
  check_not_read_only();
  if (n > max_capacity_) detail::throw_too_large("capacity", n, "max capacity", max_capacity_);
  if (n > capacity()) {
    pool::Region* const old = grow(n);
    if (old != nullptr) detail::unshare(old);
  } else {
    set_capacity(n);
    writer_ = std::min(writer_, n);
    reader_ = std::min(reader_, n);
  }
  return *this;
}

ByteBuf& ByteBuf::discard_read_bytes() {
  check_not_read_only();
  if (reader_ == 0) return *this;
  const std::size_t readable = writer_ - reader_;
  if (!is_unique()) {
    // Also when nothing is left to read: what is written next must not go where others look.
    move_to_own(reader_, readable);
  } else if (readable != 0) {
    std::memmove(data_, data_ + reader_, readable);
  }
  reader_ = 0;
  writer_ = readable;
  return *this;
}

/// Whether the window is less than a quarter of its region, and a region of its own would be
/// smaller.
bool ByteBuf::pins_much() const noexcept {
  const std::size_t pinned = pool::region_capacity(region_);
  return capacity() < pinned / 4 + (pinned % 4 != 0 ? 1 : 0) &&
         base::align_up(std::max<std::size_t>(capacity(), 1), kMinRegion) < pinned;
}

bool ByteBuf::compact_if_sparse() {
  check_not_read_only();
  if (region_ == nullptr) return false;
  const bool half_read = reader_ != 0 && reader_ >= capacity() - reader_;
  if (pins_much()) {
    // Unlike discard_read_bytes(), which would move within the large region when it is unshared.
    const std::size_t from = half_read ? reader_ : 0;
    move_to_own(from, capacity() - from);
    writer_ -= from;
    reader_ -= from;
    return true;
  }
  if (half_read) discard_read_bytes();
  return half_read;
}

ByteBuf& ByteBuf::reserve_headroom(std::size_t n) {
  check_not_read_only();
  if (n <= reader_) return *this;
  pool::Region* const old = make_headroom(n, true);
  if (old != nullptr) detail::unshare(old);
  return *this;
}

void ByteBuf::prepend_bytes(std::span<const std::byte> from) {
  check_not_read_only();
  pool::Region* old = nullptr;
  if (from.size() > reader_) {
    // Bytes of this buffer must not be moved before they are copied.
    const bool from_here = region_ != nullptr && detail::overlaps(from, {data_, room()});
    old = make_headroom(from.size(), !from_here);
  }
  store_bytes(reader_ - from.size(), from);
  reader_ -= from.size();
  if (old != nullptr) detail::unshare(old);
}

}  // namespace tarn
