// SPDX-License-Identifier: Apache-2.0
// Tests of the view of any buffer's bytes, over a source of odd-sized segments.
#include "tarn/detail/buffer/byte_source.hpp"

#include <gtest/gtest.h>

#include <string>

#include "support/byte_segments.hpp"

namespace tarn::detail {
namespace {

using testing_support::Segments;

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

TEST(ByteSource, TakesPlainMemoryAsOneSegment) {
  const std::string text = "abcdef";
  const SpanSource whole(std::as_bytes(std::span(text)));
  EXPECT_TRUE(whole.range().is_one_segment());
  EXPECT_EQ(text_of(whole.range().front()), text);
  EXPECT_EQ(text_of(whole.range().source.segment(2, 3)), "cde");
  EXPECT_EQ(text_of(whole.range().source.segment_before(4, 3)), "bcd");
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
