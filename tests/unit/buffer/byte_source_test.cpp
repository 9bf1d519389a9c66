// SPDX-License-Identifier: Apache-2.0
// Tests of the view of any buffer's bytes, over a source of odd-sized segments.
#include "tarn/detail/buffer/byte_source.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace tarn::detail {
namespace {

/// Text in segments of 1, 2, 3, ... bytes.
class Segments {
 public:
  explicit Segments(std::string_view text) {
    for (std::size_t at = 0, n = 1; at < text.size(); at += n - 1) {
      parts_.emplace_back(text.substr(at, n));
      ++n;
    }
  }
  [[nodiscard]] ByteSource source() const {
    return {this,
            [](const void* self, std::size_t index) noexcept {
              const std::string& part = static_cast<const Segments*>(self)->find(index);
              return std::as_bytes(std::span(part)).subspan(index);
            },
            [](const void* self, std::size_t index) noexcept {
              std::size_t inside = index - 1;
              const std::string& part = static_cast<const Segments*>(self)->find(inside);
              return std::as_bytes(std::span(part)).first(inside + 1);
            }};
  }
  [[nodiscard]] std::span<const std::byte> part(std::size_t i) const {
    return std::as_bytes(std::span(parts_[i]));
  }

 private:
  /// The part with byte `index`, which becomes the index inside it.
  const std::string& find(std::size_t& index) const {
    for (const std::string& part : parts_) {
      if (index < part.size()) return part;
      index -= part.size();
    }
    return parts_.back();
  }
  std::vector<std::string> parts_;
};

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(ByteSource, GivesSegmentsInBothDirections) {
  const Segments segments("abbcccdddd");
  const ByteSource source = segments.source();
  EXPECT_EQ(text_of(source.segment(0, 10)), "a");
  EXPECT_EQ(text_of(source.segment(1, 10)), "bb");
  EXPECT_EQ(text_of(source.segment(4, 10)), "cc");
  EXPECT_EQ(text_of(source.segment(4, 1)), "c");
  EXPECT_EQ(text_of(source.segment_before(10, 10)), "dddd");
  EXPECT_EQ(text_of(source.segment_before(6, 2)), "cc");
  EXPECT_EQ(text_of(source.segment_before(2, 5)), "b");
}

TEST(ByteSource, CopiesEveryRangeOut) {
  const std::string text = "abbcccddddeeeee";
  const Segments segments(text);
  for (std::size_t from = 0; from <= text.size(); ++from) {
    for (std::size_t n = 0; from + n <= text.size(); ++n) {
      std::string out(n, '\0');
      copy_out({segments.source(), from, n}, reinterpret_cast<std::byte*>(out.data()));
      EXPECT_EQ(out, text.substr(from, n));
    }
  }
}

TEST(ByteSource, KnowsWhetherARangeIsOneSegment) {
  const Segments segments("abbcccdddd");
  EXPECT_TRUE((SourceRange{segments.source(), 1, 2}).is_one_segment());
  EXPECT_FALSE((SourceRange{segments.source(), 1, 3}).is_one_segment());
  EXPECT_TRUE((SourceRange{segments.source(), 10, 0}).is_one_segment());
}

TEST(ByteSource, FindsOverlap) {
  const Segments segments("abbcccdddd");
  const SourceRange all{segments.source(), 0, 10};
  const SourceRange start{segments.source(), 0, 6};
  EXPECT_TRUE(overlaps(all, segments.part(3)));
  EXPECT_TRUE(overlaps(all, segments.part(3).subspan(3)));
  EXPECT_FALSE(overlaps(start, segments.part(3)));
  EXPECT_FALSE(overlaps(all, segments.part(3).first(0)));
  const std::byte other[8]{};
  EXPECT_FALSE(overlaps(all, other));
  EXPECT_TRUE(overlaps(std::span(other).first(4), std::span(other).subspan(3)));
  EXPECT_FALSE(overlaps(std::span(other).first(4), std::span(other).subspan(4)));
}

}  // namespace
}  // namespace tarn::detail
