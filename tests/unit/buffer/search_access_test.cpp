// SPDX-License-Identifier: Apache-2.0
// Tests of searching and comparing, over every variant of buffer.
#include "tarn/detail/buffer/search_access.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "support/buffer_variants.hpp"

namespace tarn {
namespace {

using testing_support::unpooled_buffer;

constexpr std::size_t npos = ByteBuf::npos;

template <class Buffer>
Buffer filled(const testing_support::Variant<Buffer>& variant, std::string_view text,
              std::size_t spare = 4) {
  Buffer buf = variant.make(text.size() + spare);
  buf.write_bytes(text);
  return buf;
}

// AbstractByteBufTest: testIndexOf, with its numbers.
VARIANT_TEST(SearchAccess, IndexOfSearchesBothWays) {
  Buffer buf = filled(variant, std::string_view("\1\2\3\2\1"), 0);
  EXPECT_EQ(buf.index_of(1, 4, 1), npos);
  EXPECT_EQ(buf.index_of(4, 1, 1), npos);
  EXPECT_EQ(buf.index_of(1, 4, 2), 1U);
  EXPECT_EQ(buf.index_of(4, 1, 2), 3U);
  EXPECT_EQ(buf.index_of(0, 5, std::byte{3}), 2U);
  EXPECT_EQ(buf.index_of(0, 5, '\3'), 2U);
  EXPECT_EQ(buf.index_of(2, 2, 3), npos);
  EXPECT_THROW(static_cast<void>(buf.index_of(0, 6, 0)), std::out_of_range);
  EXPECT_THROW(static_cast<void>(buf.index_of(0, npos, 0)), std::out_of_range);
  EXPECT_EQ(buf.index_of(6, 0, 1), 4U) << "from beyond the end searches from the end";
  EXPECT_EQ(buf.index_of(npos, 0, 1), 4U);
  EXPECT_THROW(static_cast<void>(buf.index_of(npos, 6, 1)), std::out_of_range);
}

VARIANT_TEST(SearchAccess, IndexOfFindsSequences) {
  Buffer buf = filled(variant, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::size_t end = buf.writer_index();
  EXPECT_EQ(buf.index_of(0, end, "\r\n"), 14U);
  EXPECT_EQ(buf.index_of(15, end, "\r\n"), 23U);
  EXPECT_EQ(buf.index_of(end, 0, "\r\n"), 25U);
  EXPECT_EQ(buf.index_of(0, end, "\r\n\r\n"), 23U);
  EXPECT_EQ(buf.index_of(0, 26, "\r\n\r\n"), npos) << "a match must lie in the range as a whole";
  EXPECT_EQ(buf.index_of(0, end, std::string(100, 'x')), npos);
  EXPECT_EQ(buf.index_of(3, end, ""), 3U);
  EXPECT_EQ(buf.index_of(9, 3, ""), 9U);
  EXPECT_EQ(buf.reader_index(), 0U);
}

// AbstractByteBufTest: bytesBefore; ByteBufUtilTest: indexOf
VARIANT_TEST(SearchAccess, BytesBeforeCountsFromTheReader) {
  Buffer buf = filled(variant, "key=value;");
  EXPECT_EQ(buf.bytes_before('='), 3U);
  buf.skip(4);
  EXPECT_EQ(buf.bytes_before('='), npos);
  EXPECT_EQ(buf.bytes_before(';'), 5U);
  EXPECT_EQ(buf.bytes_before("ue"), 3U);
  EXPECT_EQ(buf.bytes_before("ue;x"), npos);
  EXPECT_EQ(buf.bytes_before(0, 4, '='), 3U);
  EXPECT_EQ(buf.bytes_before(1, 3, "y="), 1U);
  EXPECT_THROW(static_cast<void>(buf.bytes_before(12, 3, ';')), std::out_of_range);
  buf.set_index(10, 10);
  EXPECT_EQ(buf.bytes_before(';'), npos);
}

// ByteBufUtilTest: indexOf, whose needle is a buffer
VARIANT_TEST(SearchAccess, SearchesForTheReadableBytesOfAByteBuf) {
  Buffer buf = filled(variant, "key=value;value");
  ByteBuf wanted = ByteBuf::wrap("a value");
  wanted.skip(2);
  EXPECT_EQ(buf.index_of(0, 15, wanted), 4U);
  EXPECT_EQ(buf.index_of(15, 0, wanted), 10U);
  buf.skip(1);
  EXPECT_EQ(buf.bytes_before(wanted), 3U);
  EXPECT_EQ(buf.bytes_before(5, 10, wanted), 5U);
  EXPECT_EQ(wanted.readable_bytes(), 5U);
  EXPECT_EQ(buf.bytes_before(ByteBuf::wrap("none")), npos);
  EXPECT_EQ(buf.bytes_before(ByteBuf()), 0U);
}

// AbstractByteBufTest: testForEachByte, testForEachByteAbort, testForEachByteDesc,
// testForEachByteDescAbort
VARIANT_TEST(SearchAccess, ForEachByteVisitsTheReadableBytes) {
  Buffer buf = filled(variant, "0123456789");
  buf.set_index(2, 8);
  std::string seen;
  const auto see = [&seen](std::byte b) {
    seen.push_back(static_cast<char>(b));
    return true;
  };
  EXPECT_EQ(buf.for_each_byte(see), npos);
  EXPECT_EQ(seen, "234567");
  seen.clear();
  EXPECT_EQ(buf.for_each_byte_desc(see), npos);
  EXPECT_EQ(seen, "765432");
  const auto until_five = [](std::byte b) { return b != std::byte{'5'}; };
  EXPECT_EQ(buf.for_each_byte(until_five), 5U);
  EXPECT_EQ(buf.for_each_byte_desc(until_five), 5U);
  EXPECT_EQ(buf.for_each_byte(0, 3, until_five), npos);
  EXPECT_EQ(buf.for_each_byte_desc(6, 4, until_five), npos);
  EXPECT_THROW(buf.for_each_byte(12, 3, until_five), std::out_of_range);
  EXPECT_THROW(buf.for_each_byte_desc(12, 3, until_five), std::out_of_range);
}

VARIANT_TEST(SearchAccess, StartsAndEnds) {
  Buffer buf = filled(variant, "xxHEAD body TAIL");
  buf.skip(2);
  EXPECT_TRUE(buf.starts_with("HEAD"));
  EXPECT_FALSE(buf.starts_with("xxHEAD"));
  EXPECT_TRUE(buf.ends_with(std::string_view("TAIL")));
  EXPECT_FALSE(buf.ends_with("tail"));
  EXPECT_TRUE(buf.starts_with("") && buf.ends_with(""));
  EXPECT_TRUE(buf.starts_with(ByteBuf::wrap("HEAD body TAIL")));
  EXPECT_FALSE(buf.starts_with("HEAD body TAILx"));
  EXPECT_FALSE(buf.ends_with("xHEAD body TAIL"));
  EXPECT_TRUE(buf.ends_with(buf));
  EXPECT_TRUE(buf.starts_with(ByteBuf()));
}

// AbstractByteBufTest: testEquals, testCompareTo, testHashCode...
VARIANT_TEST(SearchAccess, ComparesReadableBytesOnly) {
  Buffer buf = filled(variant, "xxabc");
  buf.skip(2);
  ByteBuf other = unpooled_buffer(100);
  other.write_bytes("abc");
  EXPECT_EQ(buf, other);
  EXPECT_EQ(other, buf);
  EXPECT_EQ(std::hash<ByteBuf>()(other), std::hash<Buffer>()(buf));
  other.write_bytes("d");
  EXPECT_NE(buf, other);
  EXPECT_LT(buf, other);
  EXPECT_GT(other, buf);
  other.clear().write_bytes("\xFF");
  EXPECT_LT(buf, other) << "unsigned";
  EXPECT_TRUE((buf <=> buf) == std::strong_ordering::equal);
}

VARIANT_TEST(SearchAccess, TheEmptyBufferEqualsWhatHasNothingReadable) {
  Buffer buf = filled(variant, "abc");
  EXPECT_NE(buf, ByteBuf());
  buf.skip(3);
  EXPECT_EQ(buf, ByteBuf());
  EXPECT_EQ(ByteBuf(), buf);
  EXPECT_EQ(std::hash<Buffer>()(buf), std::hash<ByteBuf>()(ByteBuf()));
}

TEST(ByteBufHash, ServesUnorderedContainers) {
  std::unordered_set<ByteBuf> set;
  set.insert(ByteBuf::wrap_copy("one"));
  set.insert(ByteBuf::wrap_copy("two"));
  set.insert(ByteBuf::wrap("one"));
  EXPECT_EQ(set.size(), 2U);
  EXPECT_TRUE(set.contains(ByteBuf::wrap("two")));
}

}  // namespace
}  // namespace tarn
