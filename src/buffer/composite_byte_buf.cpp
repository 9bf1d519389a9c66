// SPDX-License-Identifier: Apache-2.0
// CompositeByteBuf as a value: made, moved, described. Layer: buffer.
#include "tarn/composite_byte_buf.hpp"

#include <ostream>
#include <stdexcept>
#include <string>
#include <utility>

#include "tarn/allocator.hpp"
#include "tarn/detail/base/check.hpp"

namespace tarn {

CompositeByteBuf::CompositeByteBuf(std::size_t max_components)
    : Base(0, npos, 0, 0), max_components_(max_components) {
  if (max_components == 0) {
    throw std::invalid_argument("max_components: 0 (expected: at least 1)");
  }
}

CompositeByteBuf::CompositeByteBuf(CompositeByteBuf&& other) noexcept
    : Base(other),
      components_(std::move(other.components_)),
      origin_(std::move(other.origin_)),
      max_components_(std::exchange(other.max_components_, 0)) {
  other.components_.clear();
  other.clear_bounds();
}

void CompositeByteBuf::swap(CompositeByteBuf& other) noexcept {
  swap_indices(other);
  components_.swap(other.components_);
  origin_.swap(other.origin_);
  std::swap(max_components_, other.max_components_);
  guess_.set(0);
  other.guess_.set(0);
}

CompositeByteBuf CompositeByteBuf::of_one(ByteBuf part) {
  CompositeByteBuf composite;
  composite.add_component(std::move(part));
  return composite;
}

CompositeByteBuf Allocator::composite_buffer(std::size_t max_components) {
  return detail::CompositeAccess::make(max_components, buffer(0));
}

void CompositeByteBuf::audit() const {
  std::size_t at = 0;
  for (const Component& component : components_) {
    TARN_CHECK(component.begin == at);
    TARN_CHECK(component.size() != 0);
    TARN_CHECK(component.buf.ref_count() != 0);
    at = component.end();
  }
  TARN_CHECK(capacity() == at);
  TARN_CHECK(reader_ <= writer_ && writer_ <= capacity() && capacity() <= max_capacity_);
  TARN_CHECK(components_.size() <= max_components_);
}

std::string describe(const CompositeByteBuf& buf) {
  return "CompositeByteBuf(ridx: " + std::to_string(buf.reader_index()) +
         ", widx: " + std::to_string(buf.writer_index()) +
         ", cap: " + std::to_string(buf.capacity()) +
         ", components: " + std::to_string(buf.component_count()) + ')';
}

std::ostream& operator<<(std::ostream& out, const CompositeByteBuf& buf) {
  return out << describe(buf);
}

}  // namespace tarn
