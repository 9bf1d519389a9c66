// SPDX-License-Identifier: Apache-2.0
// CompositeByteBuf: its list of components: what stands where, and the steps that change it and
// cannot fail. Layer: buffer.
#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include "tarn/composite_byte_buf.hpp"
#include "tarn/detail/base/check.hpp"

namespace tarn {
namespace {

[[noreturn, gnu::cold]] void throw_no_component(std::size_t i, std::size_t n, std::size_t count) {
  throw std::out_of_range("component " + std::to_string(i) + " + length " + std::to_string(n) +
                          " exceeds component count " + std::to_string(count));
}

}  // namespace

// --- Finding -------------------------------------------------------------------------------------

const CompositeByteBuf::Component& CompositeByteBuf::component_at_slow(
    std::size_t index) const noexcept {
  TARN_ASSERT(index < capacity());
  const std::size_t next = guess_.get() + 1;
  if (next < components_.size() && index - components_[next].begin < components_[next].size()) {
    guess_.set(next);
    return components_[next];
  }
  const auto behind =
      std::upper_bound(components_.begin(), components_.end(), index,
                       [](std::size_t at, const Component& c) noexcept { return at < c.begin; });
  guess_.set(static_cast<std::size_t>(behind - components_.begin()) - 1);
  return *(behind - 1);
}

std::size_t CompositeByteBuf::index_at(std::size_t offset) const noexcept {
  return static_cast<std::size_t>(&component_at(offset) - components_.data());
}

void CompositeByteBuf::check_component(std::size_t i, std::size_t n) const {
  if (i > components_.size() || n > components_.size() - i) {
    throw_no_component(i, n, components_.size());
  }
}

/// How many components stand wholly before byte `index`. @pre index <= capacity().
std::size_t CompositeByteBuf::parts_before(std::size_t index) const noexcept {
  return index == capacity() ? components_.size() : index_at(index);
}

/// How many components stand in the first `size` bytes, the last of them perhaps in part.
std::size_t CompositeByteBuf::parts_up_to(std::size_t size) const noexcept {
  return size == 0 ? 0 : index_at(size - 1) + 1;
}

ByteBuf CompositeByteBuf::component(std::size_t i) const {
  check_component(i, 1);
  const ByteBuf& buf = components_[i].buf;
  return is_read_only() ? buf.as_read_only() : buf;
}

std::size_t CompositeByteBuf::component_index(std::size_t offset) const {
  if (offset >= capacity()) check_range(offset, 1);
  return index_at(offset);
}

std::size_t CompositeByteBuf::component_offset(std::size_t i) const {
  check_component(i, 1);
  return components_[i].begin;
}

// --- Changing ------------------------------------------------------------------------------------

/// Sets where the components from `from` on begin.
void CompositeByteBuf::renumber(std::size_t from) noexcept {
  std::size_t begin = from == 0 ? 0 : components_[from - 1].end();
  for (std::size_t i = from; i < components_.size(); ++i) {
    components_[i].begin = begin;
    begin += components_[i].size();
  }
  set_capacity(begin);
  guess_.set(0);
}

/// Puts a full, non-empty window before component `i`. @pre room for it has been reserved.
void CompositeByteBuf::insert(std::size_t i, ByteBuf part) noexcept {
  TARN_ASSERT(components_.size() < components_.capacity());
  components_.insert(components_.begin() + static_cast<std::ptrdiff_t>(i),
                     Component{std::move(part), 0});
  renumber(i);
}

/// Drops what lies behind the first `size` bytes.
void CompositeByteBuf::drop_from(std::size_t size) noexcept {
  const std::size_t kept = parts_up_to(size);
  components_.erase(components_.begin() + static_cast<std::ptrdiff_t>(kept), components_.end());
  if (kept != 0) {
    Component& last = components_.back();
    Access::narrow(last.buf, 0, size - last.begin);
  }
  set_capacity(size);
  guess_.set(0);
}

/// Drops the first `index` bytes; @pre the reader is not before them.
void CompositeByteBuf::drop_before(std::size_t index) noexcept {
  if (index == 0) return;
  const std::size_t gone = parts_before(index);
  if (gone < components_.size()) {
    Component& first = components_[gone];
    const std::size_t offset = index - first.begin;
    Access::narrow(first.buf, offset, first.size() - offset);
  }
  components_.erase(components_.begin(), components_.begin() + static_cast<std::ptrdiff_t>(gone));
  reader_ -= index;
  writer_ -= index;
  renumber(0);
}

}  // namespace tarn
