// SPDX-License-Identifier: Apache-2.0
// CompositeByteBuf: what is made of a range of it, shared or copied. Layer: buffer.
#include <utility>
#include <vector>

#include "tarn/composite_byte_buf.hpp"

namespace tarn {

// --- Shared --------------------------------------------------------------------------------------

/// Calls f(ByteBuf) with a slice of each component of `[index, index + n)`. @pre within capacity().
template <class F>
void CompositeByteBuf::for_each_part(std::size_t index, std::size_t n, F f) const {
  for_each_piece(index, n,
                 [&](const Component& component, const std::byte* from, std::size_t length) {
                   ByteBuf part = is_read_only() ? component.buf.as_read_only() : component.buf;
                   Access::narrow(part, static_cast<std::size_t>(from - component.data()), length);
                   f(std::move(part));
                 });
}

std::vector<ByteBuf> CompositeByteBuf::decompose(std::size_t index, std::size_t n) const {
  check_range(index, n);
  std::vector<ByteBuf> parts;
  for_each_part(index, n, [&](ByteBuf part) { parts.push_back(std::move(part)); });
  return parts;
}

void CompositeByteBuf::collect(FlatParts& flat, const CompositeByteBuf& parts) {
  // An empty composite is one empty part, not none: it does what any part does to unwritten bytes.
  if (!parts.is_readable()) return flat.push_back(ByteBuf());
  parts.for_each_part(parts.reader_, parts.writer_ - parts.reader_,
                      [&](ByteBuf part) { flat.push_back(std::move(part)); });
}

CompositeByteBuf CompositeByteBuf::as_read_only() const {
  CompositeByteBuf view(*this);
  view.extent_.make_read_only();
  return view;
}

CompositeByteBuf CompositeByteBuf::window(std::size_t index, std::size_t n) const {
  CompositeByteBuf part;
  for_each_part(index, n, [&](ByteBuf piece) {
    part.reserve_for(1);
    part.components_.push_back({std::move(piece), part.capacity()});
    part.set_capacity(part.components_.back().end());
  });
  part.origin_ = origin_;
  part.max_components_ = max_components_;
  if (is_read_only()) part.extent_.make_read_only();
  part.max_capacity_ = part.writer_ = n;
  return part;
}

CompositeByteBuf CompositeByteBuf::read_slice(std::size_t n) {
  check_readable(n);
  CompositeByteBuf part = window(reader_, n);
  reader_ += n;
  return part;
}

// --- Copied --------------------------------------------------------------------------------------

ByteBuf CompositeByteBuf::copy_range(std::size_t index, std::size_t n) const {
  if (!*this) return {};
  pool::Region* const region = take_region(n);
  detail::copy_out({source(), index, n}, region->data);
  return Access::make(region, region->data, n, max_capacity_).writer_index(n);
}

ByteBuf CompositeByteBuf::read_bytes(std::size_t n) {
  check_readable(n);
  ByteBuf part = copy_range(reader_, n);
  reader_ += n;
  return part;
}

}  // namespace tarn
