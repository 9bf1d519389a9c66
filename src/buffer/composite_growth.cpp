// SPDX-License-Identifier: Apache-2.0
// CompositeByteBuf: memory for more bytes, and everything that moves components to other memory.
// Layer: buffer.
#include <algorithm>
#include <cstring>
#include <utility>

#include "tarn/composite_byte_buf.hpp"
#include "tarn/detail/buffer/next_capacity.hpp"

namespace tarn {

/// Memory for a new component: from the composite's allocator, or where the last component is from.
pool::Region* CompositeByteBuf::take_region(std::size_t size) const {
  if (origin_) return pool::take_like(Access::region(origin_), size);
  if (components_.empty()) return detail::take_own_region(size);
  return pool::take_like(Access::region(components_.back().buf), size);
}

ByteBuf CompositeByteBuf::full_buffer(std::size_t size) const {
  return Access::make_full(take_region(size), size);
}

/// A full buffer of `size` bytes that begins with the bytes of the components `[first, last)`, of
/// which it takes no more than that.
ByteBuf CompositeByteBuf::gathered(std::size_t first, std::size_t last, std::size_t size) const {
  ByteBuf whole = full_buffer(size);
  std::size_t at = 0;
  for (std::size_t i = first; i < last && at < size; ++i) {
    const std::size_t n = std::min(components_[i].size(), size - at);
    std::memcpy(Access::memory(whole) + at, components_[i].data(), n);
    at += n;
  }
  return whole;
}

/// Room in the vector for `more` components.
void CompositeByteBuf::reserve_for(std::size_t more) {
  const std::size_t needed = components_.size() + more;
  if (needed <= components_.capacity()) return;
  // By four, which reserve() alone would not be, from what a block of 256 bytes holds to what one
  // of 1024 does; then doubling.
  constexpr std::size_t kFirst = 256 / sizeof(Component);
  const std::size_t grown = components_.capacity() * (components_.capacity() <= kFirst ? 4 : 2);
  components_.reserve(std::max({needed, grown, kFirst}));
}

/// Adds bytes up to `new_capacity`.
void CompositeByteBuf::add_capacity(std::size_t new_capacity) {
  const std::size_t count = components_.size();
  if (count < max_components_) {
    reserve_for(1);
    insert(count, full_buffer(new_capacity - capacity()));
    return;
  }
  Components next;
  next.reserve(2);
  if (max_components_ == 1) {
    next.push_back({gathered(0, count, new_capacity), 0});
  } else {
    next.push_back({gathered(0, count, capacity()), 0});
    next.push_back({full_buffer(new_capacity - capacity()), 0});
  }
  components_.swap(next);
  renumber(0);
}

void CompositeByteBuf::prepare_write_slow(std::size_t n) {
  check_not_read_only();
  check_max_writable(n);
  const std::size_t there = capacity() - writer_;
  check_pieces_writable(writer_, std::min(n, there));
  if (n > there) add_capacity(detail::next_capacity(writer_ + n, max_capacity_));
}

CompositeByteBuf& CompositeByteBuf::ensure_writable(std::size_t n) {
  prepare_write(n);
  return *this;
}

CompositeByteBuf& CompositeByteBuf::capacity(std::size_t n) {
  check_not_read_only();
  if (n > max_capacity_) detail::throw_too_large("capacity", n, "max capacity", max_capacity_);
  if (n > capacity()) {
    add_capacity(n);
  } else if (n < capacity()) {
    drop_from(n);
    writer_ = std::min(writer_, n);
    reader_ = std::min(reader_, n);
  }
  return *this;
}

CompositeByteBuf& CompositeByteBuf::consolidate(std::size_t i, std::size_t n) {
  check_component(i, n);
  if (n <= 1) return *this;
  const std::size_t size = components_[i + n - 1].end() - components_[i].begin;
  components_[i].buf = gathered(i, i + n, size);
  const auto first = components_.begin() + static_cast<std::ptrdiff_t>(i);
  components_.erase(first + 1, first + static_cast<std::ptrdiff_t>(n));
  renumber(i);
  return *this;
}

/// Moves the components for which `is_wanted(buf)` holds to memory of their own; all of them or, on
/// an exception, none. @returns whether any.
template <class F>
bool CompositeByteBuf::move_components(F is_wanted) {
  FlatParts moved;  // at the component's index; empty where that stays
  for (std::size_t i = 0; i < components_.size(); ++i) {
    if (!is_wanted(components_[i].buf)) continue;
    if (moved.empty()) moved.resize(components_.size());
    moved[i] = Access::moved(components_[i].buf);
  }
  for (std::size_t i = 0; i < moved.size(); ++i) {
    if (moved[i]) components_[i].buf.swap(moved[i]);
  }
  return !moved.empty();
}

bool CompositeByteBuf::compact_if_sparse() {
  check_not_read_only();
  const auto is_sparse = [](const ByteBuf& buf) { return Access::pins_much(buf); };
  const bool half_read = reader_ != 0 && reader_ >= capacity() - reader_;
  if (!half_read) return move_components(is_sparse);
  // What is left of the first component may be sparse only then.
  CompositeByteBuf next(*this);
  next.drop_before(reader_);
  static_cast<void>(next.move_components(is_sparse));
  swap(next);
  return true;
}

CompositeByteBuf& CompositeByteBuf::make_unique() {
  static_cast<void>(move_components([](const ByteBuf& buf) { return !buf.is_unique(); }));
  return *this;
}

}  // namespace tarn
