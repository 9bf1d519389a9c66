// SPDX-License-Identifier: Apache-2.0
// Search, comparison and hash, segment by segment. Layer: buffer.
#include "tarn/detail/buffer/search.hpp"

#include <array>
#include <cstring>
#include <vector>

namespace tarn::detail {
namespace {

std::size_t offset_in(ByteSource::Segment segment, const void* found) noexcept {
  return static_cast<std::size_t>(static_cast<const std::byte*>(found) - segment.data());
}

/// For each prefix of a sequence, the length of its longest proper border: how much of a match
/// stays when the next byte doesn't fit (Knuth, Morris, Pratt).
class Borders {
 public:
  /// @param at the sequence's byte at a place, in the order in which it is met.
  template <class At>
  Borders(std::size_t size, const At& at) {
    if (size > short_.size()) long_.resize(size);
    std::size_t* const border = data();
    border[0] = 0;
    std::size_t matched = 0;
    for (std::size_t i = 1; i < size; ++i) {
      while (matched != 0 && at(i) != at(matched)) matched = border[matched - 1];
      if (at(i) == at(matched)) ++matched;
      border[i] = matched;
    }
  }
  [[nodiscard]] std::size_t after(std::size_t matched) const noexcept {
    return long_.empty() ? short_[matched - 1] : long_[matched - 1];
  }

 private:
  [[nodiscard]] std::size_t* data() noexcept {
    return long_.empty() ? short_.data() : long_.data();
  }
  // Delimiters and magic numbers fit without an allocation.
  std::array<std::size_t, 64> short_;
  std::vector<std::size_t> long_;
};

/// Feeds bytes into a match of `size` bytes until it is whole.
template <class At>
class Matcher {
 public:
  Matcher(std::size_t size, const At& at) : size_(size), at_(at), borders_(size, at) {}
  [[nodiscard]] bool feed(std::byte b) noexcept {
    while (matched_ != 0 && b != at_(matched_)) matched_ = borders_.after(matched_);
    if (b == at_(matched_)) ++matched_;
    return matched_ == size_;
  }

 private:
  std::size_t size_;
  const At& at_;
  Borders borders_;
  std::size_t matched_ = 0;
};

}  // namespace

std::size_t find_byte(SourceRange range, std::byte wanted) noexcept {
  while (range.size != 0) {
    const auto segment = range.front();
    const void* const found =
        std::memchr(segment.data(), std::to_integer<int>(wanted), segment.size());
    if (found != nullptr) return range.index + offset_in(segment, found);
    range.index += segment.size();
    range.size -= segment.size();
  }
  return kNotFound;
}

std::size_t find_last_byte(SourceRange range, std::byte wanted) noexcept {
  while (range.size != 0) {
    const auto segment = range.source.segment_before(range.index + range.size, range.size);
    range.size -= segment.size();
    const void* const found =
        ::memrchr(segment.data(), std::to_integer<int>(wanted), segment.size());
    if (found != nullptr) return range.index + range.size + offset_in(segment, found);
  }
  return kNotFound;
}

std::size_t find_sequence(SourceRange range, std::span<const std::byte> wanted) {
  if (wanted.empty()) return range.index;
  if (wanted.size() > range.size) return kNotFound;
  if (const auto segment = range.front(); segment.size() == range.size) {
    const void* const found =
        ::memmem(segment.data(), segment.size(), wanted.data(), wanted.size());
    return found == nullptr ? kNotFound : range.index + offset_in(segment, found);
  }
  const auto at = [wanted](std::size_t i) noexcept { return wanted[i]; };
  Matcher matcher(wanted.size(), at);
  auto more = [&matcher](std::byte b) noexcept { return !matcher.feed(b); };
  const std::size_t last = visit_bytes(range, more);
  return last == kNotFound ? kNotFound : last - (wanted.size() - 1);
}

std::size_t find_last_sequence(SourceRange range, std::span<const std::byte> wanted) {
  if (wanted.empty()) return range.index + range.size;
  if (wanted.size() > range.size) return kNotFound;
  const auto at = [wanted](std::size_t i) noexcept { return wanted[wanted.size() - 1 - i]; };
  Matcher matcher(wanted.size(), at);
  auto more = [&matcher](std::byte b) noexcept { return !matcher.feed(b); };
  return visit_bytes_backwards(range, more);
}

std::strong_ordering compare(SourceRange a, SourceRange b) noexcept {
  while (a.size != 0 && b.size != 0) {
    const auto first = a.front();
    const auto second = b.front();
    const std::size_t n = std::min(first.size(), second.size());
    const int order = std::memcmp(first.data(), second.data(), n);
    if (order != 0) return order <=> 0;
    a.index += n;
    a.size -= n;
    b.index += n;
    b.size -= n;
  }
  return a.size <=> b.size;
}

bool equal(SourceRange a, SourceRange b) noexcept {
  return a.size == b.size && compare(a, b) == std::strong_ordering::equal;
}

}  // namespace tarn::detail
