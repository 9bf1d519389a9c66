// SPDX-License-Identifier: Apache-2.0
// One view of the bytes of any buffer, for code that works on all of them. Layer: buffer.
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>

namespace tarn {

class ByteBuf;
class CompositeByteBuf;

namespace detail {

/// A type of buffer: ByteBuf or CompositeByteBuf.
template <class B>
concept BufferLike = std::same_as<std::remove_cv_t<B>, ByteBuf> ||
    std::same_as<std::remove_cv_t<B>, CompositeByteBuf>;

/// The bytes of a buffer, segment by segment, without the buffer's type: what search, comparison
/// and transfers are written over, once and out of line.
///
/// Lifetime: as long as the buffer, which may grow meanwhile: segments are asked for afresh.
struct ByteSource {
  using Segment = std::span<const std::byte>;

  const void* buffer;
  /// The bytes from `index` to the end of its segment; index < capacity().
  Segment (*from)(const void* buffer, std::size_t index) noexcept;
  /// The bytes from the start of its segment up to, without, `index`; index > 0.
  Segment (*before)(const void* buffer, std::size_t index) noexcept;

  /// At most `n` bytes from `index` on.
  [[nodiscard]] Segment segment(std::size_t index, std::size_t n) const noexcept {
    const Segment all = from(buffer, index);
    return all.first(all.size() < n ? all.size() : n);
  }
  /// At most `n` bytes that end before `index`.
  [[nodiscard]] Segment segment_before(std::size_t index, std::size_t n) const noexcept {
    const Segment all = before(buffer, index);
    return all.last(all.size() < n ? all.size() : n);
  }
};

/// A part of a buffer: `size` bytes from `index` on.
struct SourceRange {
  ByteSource source;
  std::size_t index;
  std::size_t size;

  /// The first segment of the part.
  [[nodiscard]] ByteSource::Segment front() const noexcept {
    return size == 0 ? ByteSource::Segment{} : source.segment(index, size);
  }
  [[nodiscard]] bool is_one_segment() const noexcept { return front().size() == size; }
};

/// A piece of memory as a source of one segment.
/// Lifetime: the memory's; the object must stay where it is.
class SpanSource {
 public:
  explicit SpanSource(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}
  SpanSource(const SpanSource&) = delete;
  SpanSource& operator=(const SpanSource&) = delete;

  [[nodiscard]] SourceRange range() const noexcept {
    return {{this,
             [](const void* self, std::size_t index) noexcept {
               return static_cast<const SpanSource*>(self)->bytes_.subspan(index);
             },
             [](const void* self, std::size_t index) noexcept {
               return static_cast<const SpanSource*>(self)->bytes_.first(index);
             }},
            0,
            bytes_.size()};
  }

 private:
  std::span<const std::byte> bytes_;
};

/// Copies bytes out, the destination overlapping none of them.
void copy_out(SourceRange range, std::byte* destination) noexcept;

/// Whether the two pieces of memory have a byte in common.
[[nodiscard]] bool overlaps(std::span<const std::byte> a, std::span<const std::byte> b) noexcept;
[[nodiscard]] bool overlaps(SourceRange range, std::span<const std::byte> memory) noexcept;

}  // namespace detail
}  // namespace tarn
