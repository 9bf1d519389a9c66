// SPDX-License-Identifier: Apache-2.0
// Search, comparison and hash over the bytes of any buffer. Layer: buffer.
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>

#include "tarn/detail/buffer/byte_source.hpp"

namespace tarn::detail {

/// "Not found"; ByteBuf::npos.
inline constexpr std::size_t kNotFound = static_cast<std::size_t>(-1);

// Each returns the absolute index of a match that lies in the range as a whole, or kNotFound.
// A sequence is found in time linear in both lengths; an empty one at the end that the search
// starts from. Searching for a sequence allocates only across segments, and only when it is long.

[[nodiscard]] std::size_t find_byte(SourceRange range, std::byte wanted) noexcept;
[[nodiscard]] std::size_t find_last_byte(SourceRange range, std::byte wanted) noexcept;
[[nodiscard]] std::size_t find_sequence(SourceRange range, std::span<const std::byte> wanted);
[[nodiscard]] std::size_t find_last_sequence(SourceRange range, std::span<const std::byte> wanted);

[[nodiscard]] bool equal(SourceRange a, SourceRange b) noexcept;
/// Orders as unsigned bytes, a prefix before what it starts.
[[nodiscard]] std::strong_ordering compare(SourceRange a, SourceRange b) noexcept;
/// A hash of the bytes; how they are cut into segments makes no difference.
[[nodiscard]] std::uint64_t hash_of(SourceRange range) noexcept;

/// Calls `f` for byte after byte while it returns true.
/// @returns the absolute index of the byte it returned false for, or kNotFound.
template <class F>
[[nodiscard]] std::size_t visit_bytes(SourceRange range, F& f) {
  while (range.size != 0) {
    const ByteSource::Segment segment = range.front();
    const auto stop = std::find_if(segment.begin(), segment.end(),
                                   [&f](std::byte b) { return !static_cast<bool>(f(b)); });
    const auto passed = static_cast<std::size_t>(stop - segment.begin());
    if (stop != segment.end()) return range.index + passed;
    range.index += passed;
    range.size -= passed;
  }
  return kNotFound;
}

/// The same, from the last byte to the first.
template <class F>
[[nodiscard]] std::size_t visit_bytes_backwards(SourceRange range, F& f) {
  while (range.size != 0) {
    const ByteSource::Segment segment =
        range.source.segment_before(range.index + range.size, range.size);
    range.size -= segment.size();
    for (std::size_t i = segment.size(); i-- != 0;) {
      if (!static_cast<bool>(f(segment[i]))) return range.index + range.size + i;
    }
  }
  return kNotFound;
}

}  // namespace tarn::detail
