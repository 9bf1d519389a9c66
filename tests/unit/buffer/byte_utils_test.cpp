// SPDX-License-Identifier: Apache-2.0
// Tests of the helpers on buffers, over every variant, with ByteBufUtilTest's cases.
#include "tarn/byte_utils.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "support/buffer_variants.hpp"

namespace tarn {
namespace {

using testing_support::unpooled_buffer;

constexpr std::size_t npos = ByteBuf::npos;

// ByteProcessorTest and AbstractByteBufTest: testForEachByte with processors
VARIANT_TEST(FindByte, StopsAtWhatItsNameSays) {
  Buffer buf = variant.make(40);
  buf.write_bytes(std::string_view("\0\0key: \tvalue, a; b\r\n\r\nx", 24));
  EXPECT_EQ(buf.for_each_byte(find_byte::nul), 0U);
  EXPECT_EQ(buf.for_each_byte(find_byte::non_nul), 2U);
  EXPECT_EQ(buf.for_each_byte(find_byte::space), 6U);
  EXPECT_EQ(buf.for_each_byte(find_byte::linear_whitespace), 6U);
  EXPECT_EQ(buf.for_each_byte(6, 5, find_byte::non_linear_whitespace), 8U);
  EXPECT_EQ(buf.for_each_byte(find_byte::comma), 13U);
  EXPECT_EQ(buf.for_each_byte(find_byte::semicolon), 16U);
  EXPECT_EQ(buf.for_each_byte(find_byte::cr), 19U);
  EXPECT_EQ(buf.for_each_byte(find_byte::lf), 20U);
  EXPECT_EQ(buf.for_each_byte(find_byte::crlf), 19U);
  EXPECT_EQ(buf.for_each_byte(19, 5, find_byte::non_crlf), 23U);
  EXPECT_EQ(buf.for_each_byte(19, 2, find_byte::non_cr), 20U);
  EXPECT_EQ(buf.for_each_byte(20, 2, find_byte::non_lf), 21U);
  EXPECT_EQ(buf.for_each_byte_desc(find_byte::crlf), 22U);
  EXPECT_EQ(buf.for_each_byte_desc(find_byte::nul), 1U);
  EXPECT_EQ(buf.for_each_byte(2, 4, find_byte::comma), npos);
}

// ByteBufUtilTest: testWriteUtf8*, testUtf8Bytes*
VARIANT_TEST(WriteUtf8, EncodesEveryLength) {
  Buffer buf = variant.make(64);
  const std::u16string_view text = u"a\u00F6\u20AC\U0001D11E\U0010FFFF";
  EXPECT_EQ(utf8_size(text), 1U + 2 + 3 + 4 + 4);
  EXPECT_EQ(write_utf8(buf, text), utf8_size(text));
  EXPECT_EQ(buf.to_string(), "a\xC3\xB6\xE2\x82\xAC\xF0\x9D\x84\x9E\xF4\x8F\xBF\xBF");
}

TEST(WriteUtf8, KeepsNulsInside) {
  ByteBuf buf = unpooled_buffer(8);
  EXPECT_EQ(write_utf8(buf, std::u16string_view(u"a\0b", 3)), 3U);
  EXPECT_EQ(buf.to_string(), std::string("a\0b", 3));
}

TEST(WriteUtf8, EncodesUtf32) {
  ByteBuf buf = unpooled_buffer(8);
  EXPECT_EQ(write_utf8(buf, U"\u007F\u0080\u07FF\u0800\uFFFF\U00010000"), 1U + 2 + 2 + 3 + 3 + 4);
  EXPECT_EQ(buf.to_string(), "\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80");
  buf.clear();
  const char32_t bad[] = {U'a', 0xD800, 0x110000, 0xFFFFFFFF, U'b'};
  EXPECT_EQ(write_utf8(buf, std::u32string_view(bad, 5)), 5U);
  EXPECT_EQ(buf.to_string(), "a???b");
}

// ByteBufUtilTest: testWriteUtf8InvalidOnlyTrailingSurrogate, ..InvalidSubstring..., ...
TEST(WriteUtf8, WritesAQuestionMarkForALoneSurrogate) {
  const auto written = [](std::u16string_view text) {
    ByteBuf buf = unpooled_buffer(4);
    EXPECT_EQ(write_utf8(buf, text), utf8_size(text));
    EXPECT_TRUE(is_utf8(buf));
    return buf.to_string();
  };
  const char16_t trailing[] = {u'a', 0xDC00, u'b'};
  EXPECT_EQ(written({trailing, 3}), "a?b");
  const char16_t leading[] = {u'a', 0xD800, u'b'};
  EXPECT_EQ(written({leading, 3}), "a?b");
  const char16_t at_end[] = {u'a', 0xD800};
  EXPECT_EQ(written({at_end, 2}), "a?");
  const char16_t two_leading[] = {u'a', 0xD800, 0xD800, u'b'};
  EXPECT_EQ(written({two_leading, 4}), "a??b");
  const char16_t two_trailing[] = {u'a', 0xDC00, 0xDC00, u'b'};
  EXPECT_EQ(written({two_trailing, 4}), "a??b");
  const char16_t swapped[] = {u'a', 0xDC00, 0xD800, u'b'};
  EXPECT_EQ(written({swapped, 4}), "a??b");
  const char16_t then_pair[] = {0xD800, 0xD834, 0xDD1E};
  EXPECT_EQ(written({then_pair, 3}), "?\xF0\x9D\x84\x9E");
}

TEST(WriteUtf8, NeedsRoomForAllOrWritesNothing) {
  ByteBuf buf = unpooled_buffer(4, 4);
  EXPECT_THROW(write_utf8(buf, u"abcde"), std::out_of_range);
  EXPECT_THROW(write_utf8(buf, u"\u20AC\u20AC"), std::out_of_range);
  EXPECT_EQ(buf.writer_index(), 0U);
  ByteBuf fixed = buf.as_read_only();
  EXPECT_THROW(write_utf8(fixed, u"a"), ReadOnlyError);
}

// ByteBufUtilTest: isTextUtf8, isTextWithoutIndex, isTextMultiThreaded
VARIANT_TEST(IsUtf8, AcceptsEveryBoundary) {
  for (const std::string_view good :
       {"", "ascii", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
        "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "a\xC3\xB6\xE2\x82\xAC"}) {
    Buffer buf = variant.make(good.size());
    buf.write_bytes(good);
    EXPECT_TRUE(is_utf8(buf)) << buf.hex_dump();
  }
}

VARIANT_TEST(IsUtf8, RefusesWhatIsNot) {
  for (const std::string_view bad :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC3", "\xC3(", "\xE0\x9F\xBF", "\xE2\x82",
        "\xE2(\xA1", "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF", "\xF0\x90\x80",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xFE", "ok\xC3\xB6\xC3"}) {
    Buffer buf = variant.make(bad.size());
    buf.write_bytes(bad);
    EXPECT_FALSE(is_utf8(buf)) << buf.hex_dump();
  }
}

VARIANT_TEST(IsUtf8, LooksAtAPartIfAsked) {
  Buffer buf = variant.make(6);
  buf.write_bytes(
      "\xFF"
      "ab\xC3\xB6\xC3");
  EXPECT_FALSE(is_utf8(buf));
  EXPECT_TRUE(is_utf8(buf, 1, 4));
  EXPECT_FALSE(is_utf8(buf, 1, 3));
  EXPECT_TRUE(is_ascii(buf, 1, 2));
  EXPECT_FALSE(is_ascii(buf, 1, 3));
  EXPECT_FALSE(is_ascii(buf));
  EXPECT_THROW(static_cast<void>(is_utf8(buf, 5, 2)), std::out_of_range);
  EXPECT_THROW(static_cast<void>(is_ascii(buf, 7, 0)), std::out_of_range);
  buf.set_index(1, 3);
  EXPECT_TRUE(is_ascii(buf));
}

}  // namespace
}  // namespace tarn
