// SPDX-License-Identifier: Apache-2.0
// CompositeByteBuf: bytes in and out, across components. Layer: buffer.
#include <algorithm>
#include <cstring>
#include <vector>

#include "tarn/composite_byte_buf.hpp"

namespace tarn {
namespace {

/// A copy of bytes that would change while they are being written.
std::vector<std::byte> copied(detail::SourceRange range) {
  std::vector<std::byte> bytes(range.size);
  detail::copy_out(range, bytes.data());
  return bytes;
}

}  // namespace

bool CompositeByteBuf::pieces_are_writable(std::size_t index, std::size_t n) const {
  bool writable = true;
  for_each_piece(index, n, [&writable](const Component& component, std::byte*, std::size_t) {
    writable = writable && !component.buf.is_read_only();
  });
  return writable;
}

void CompositeByteBuf::check_pieces_writable(std::size_t index, std::size_t n) const {
  if (!pieces_are_writable(index, n)) detail::throw_read_only();
}

/// Whether writing to the range piece by piece would change `from` before it is read.
bool CompositeByteBuf::would_disturb(std::size_t index, detail::SourceRange from) const {
  const std::size_t n = from.size;
  if (n == 0 || (from.is_one_segment() && component_at(index).end() - index >= n)) return false;
  bool overlap = false;
  for_each_piece(index, n, [&](const Component&, const std::byte* to, std::size_t length) {
    overlap = overlap || detail::overlaps(from, {to, length});
  });
  return overlap;
}

bool CompositeByteBuf::overlaps_components(detail::SourceRange from) const {
  return std::any_of(components_.begin(), components_.end(), [from](const Component& component) {
    return detail::overlaps(from, {component.data(), component.size()});
  });
}

detail::ByteSource CompositeByteBuf::source() const noexcept {
  return {this,
          [](const void* buffer, std::size_t index) noexcept -> detail::ByteSource::Segment {
            const auto& component =
                static_cast<const CompositeByteBuf*>(buffer)->component_at(index);
            return {component.data() + (index - component.begin), component.end() - index};
          },
          [](const void* buffer, std::size_t index) noexcept -> detail::ByteSource::Segment {
            const auto& component =
                static_cast<const CompositeByteBuf*>(buffer)->component_at(index - 1);
            return {component.data(), index - component.begin};
          }};
}

const std::byte* CompositeByteBuf::peek(std::size_t index, std::size_t n,
                                        std::byte* scratch) const {
  if (n == 0) return scratch;
  const Component& component = component_at(index);
  if (component.end() - index >= n) return component.data() + (index - component.begin);
  detail::copy_out({source(), index, n}, scratch);
  return scratch;
}

void CompositeByteBuf::copy_bytes_out(std::size_t index, std::span<std::byte> to) const {
  const detail::SourceRange from{source(), index, to.size()};
  if (from.is_one_segment()) {
    if (!to.empty()) std::memmove(to.data(), from.front().data(), to.size());
  } else if (detail::overlaps(from, to)) {
    const std::vector<std::byte> bytes = copied(from);
    std::memcpy(to.data(), bytes.data(), bytes.size());
  } else {
    detail::copy_out(from, to.data());
  }
}

void CompositeByteBuf::store_from(std::size_t index, detail::SourceRange from) {
  check_pieces_writable(index, from.size);
  if (would_disturb(index, from)) {
    const std::vector<std::byte> bytes = copied(from);
    store_undisturbed(index, detail::SpanSource(bytes).range());
  } else {
    store_undisturbed(index, from);
  }
}

/// Copies piece by piece. @pre the pieces are writable, and are no source of later ones.
void CompositeByteBuf::store_undisturbed(std::size_t index, detail::SourceRange from) noexcept {
  for_each_piece(index, from.size, [&](const Component&, std::byte* to, std::size_t length) {
    while (length != 0) {
      const auto segment = from.source.segment(from.index, length);
      // One segment to one piece may overlap.
      std::memmove(to, segment.data(), segment.size());
      to += segment.size();
      length -= segment.size();
      from.index += segment.size();
    }
  });
}

void CompositeByteBuf::store_bytes(std::size_t index, std::span<const std::byte> from) {
  store_from(index, detail::SpanSource(from).range());
}

void CompositeByteBuf::append(std::span<const std::byte> from) {
  append_from(detail::SpanSource(from).range());
}

void CompositeByteBuf::append_from(detail::SourceRange from) {
  check_not_read_only();
  check_max_writable(from.size);
  if (from.size <= capacity() - writer_) {
    store_from(writer_, from);
  } else if (overlaps_components(from)) {
    // Growth may let go of the memory that the bytes stand in.
    const std::vector<std::byte> bytes = copied(from);
    prepare_write_slow(from.size);
    store_undisturbed(writer_, detail::SpanSource(bytes).range());
  } else {
    prepare_write_slow(from.size);
    store_undisturbed(writer_, from);
  }
  writer_ += from.size;
}

void CompositeByteBuf::fill_zero(std::size_t index, std::size_t n) {
  check_pieces_writable(index, n);
  for_each_piece(index, n, [](const Component&, std::byte* to, std::size_t length) {
    std::memset(to, 0, length);
  });
}

}  // namespace tarn
