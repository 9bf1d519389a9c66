// SPDX-License-Identifier: Apache-2.0
// Transfers between buffers, segment by segment. Layer: buffer.
#include "tarn/detail/buffer/byte_source.hpp"

#include <cstring>
#include <functional>

namespace tarn::detail {

void copy_out(SourceRange range, std::byte* destination) noexcept {
  while (range.size != 0) {
    const auto segment = range.source.segment(range.index, range.size);
    std::memcpy(destination, segment.data(), segment.size());
    destination += segment.size();
    range.index += segment.size();
    range.size -= segment.size();
  }
}

bool overlaps(std::span<const std::byte> a, std::span<const std::byte> b) noexcept {
  // std::less: pointers into different objects have no order of their own.
  const std::less<> before;
  return !a.empty() && !b.empty() && before(a.data(), b.data() + b.size()) &&
         before(b.data(), a.data() + a.size());
}

bool overlaps(SourceRange range, std::span<const std::byte> memory) noexcept {
  while (range.size != 0) {
    const auto segment = range.source.segment(range.index, range.size);
    if (overlaps(segment, memory)) return true;
    range.index += segment.size();
    range.size -= segment.size();
  }
  return false;
}

}  // namespace tarn::detail
