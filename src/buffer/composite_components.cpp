// SPDX-License-Identifier: Apache-2.0
// CompositeByteBuf: components that are added, taken out, or dropped once read. Layer: buffer.
#include <algorithm>
#include <cstring>
#include <utility>

#include "tarn/composite_byte_buf.hpp"

namespace tarn {

CompositeByteBuf& CompositeByteBuf::add_component(std::size_t i, ByteBuf part) {
  check_not_read_only();
  check_component(i, 0);
  if (!*this) {
    CompositeByteBuf fresh;
    swap(fresh.add_component(std::move(part)));
    return *this;
  }
  const std::size_t kept = parts_up_to(writer_);
  const std::size_t n = part.readable_bytes();
  i = std::min(i, kept);
  Access::narrow(part, part.reader_index(), n);
  if (n == 0) {
    drop_from(writer_);
  } else if (kept < max_components_) {
    reserve_for(1);
    drop_from(writer_);
    insert(i, std::move(part));
  } else {
    add_to_full(i, kept, std::move(part));
  }
  max_capacity_ = std::max(max_capacity_, capacity());
  writer_ = capacity();
  return *this;
}

/// Appends all parts or, on an exception, none.
CompositeByteBuf& CompositeByteBuf::add_all(FlatParts parts) {
  check_not_read_only();
  if (components_.size() + parts.size() <= max_components_) {
    reserve_for(parts.size());
    // Nothing of what add_component does can fail from here on.
    for (ByteBuf& part : parts) add_component(components_.size(), std::move(part));
    return *this;
  }
  CompositeByteBuf next(*this);
  for (ByteBuf& part : parts) next.add_component(next.components_.size(), std::move(part));
  swap(next);
  return *this;
}

/// Adds a part to a composite that has all the components it may: they become one first. A part
/// between them goes into that one too.
void CompositeByteBuf::add_to_full(std::size_t i, std::size_t kept, ByteBuf part) {
  Components next;
  next.reserve(2);
  const bool apart = max_components_ > 1 && (i == 0 || i == kept);
  if (apart) {
    next.push_back({gathered(0, kept, writer_), 0});
    next.insert(i == 0 ? next.begin() : next.end(), Component{std::move(part), 0});
  } else {
    const std::size_t before = i == kept ? writer_ : components_[i].begin;
    ByteBuf whole = gathered(0, i, writer_ + part.capacity());
    std::byte* to = Access::memory(whole) + before;
    std::memcpy(to, Access::memory(part), part.capacity());
    detail::copy_out({source(), before, writer_ - before}, to + part.capacity());
    next.push_back({std::move(whole), 0});
  }
  components_.swap(next);
  renumber(0);
}

CompositeByteBuf& CompositeByteBuf::remove_components(std::size_t i, std::size_t n) {
  check_not_read_only();
  check_component(i, n);
  if (n == 0) return *this;
  const std::size_t begin = components_[i].begin;
  const std::size_t end = components_[i + n - 1].end();
  const auto moved = [begin, end](std::size_t index) noexcept {
    return index >= end ? index - (end - begin) : std::min(index, begin);
  };
  const auto first = components_.begin() + static_cast<std::ptrdiff_t>(i);
  components_.erase(first, first + static_cast<std::ptrdiff_t>(n));
  reader_ = moved(reader_);
  writer_ = moved(writer_);
  renumber(i);
  return *this;
}

CompositeByteBuf& CompositeByteBuf::discard_read_components() {
  check_not_read_only();
  drop_before(reader_ == capacity() ? capacity() : component_at(reader_).begin);
  return *this;
}

CompositeByteBuf& CompositeByteBuf::discard_read_bytes() {
  check_not_read_only();
  drop_before(reader_);
  return *this;
}

}  // namespace tarn
