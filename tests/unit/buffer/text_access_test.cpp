// SPDX-License-Identifier: Apache-2.0
// Tests of text forms, over every variant of buffer.
#include "tarn/detail/buffer/text_access.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>

#include "support/buffer_variants.hpp"

namespace tarn {
namespace {

using testing_support::message_of;

// AbstractByteBufTest: testToString
VARIANT_TEST(TextAccess, ToStringIsTheReadableBytes) {
  Buffer buf = variant.make(20);
  EXPECT_EQ(buf.to_string(), "");
  buf.write_bytes("xHello,").write_u8(0).write_bytes("W\xC3\xB6rld").skip(1);
  EXPECT_EQ(buf.to_string(), std::string("Hello,\0W\xC3\xB6rld", 13));
  EXPECT_EQ(buf.to_string(8, 4), "W\xC3\xB6r");
  EXPECT_THROW(static_cast<void>(buf.to_string(18, 3)), std::out_of_range);
}

// ByteBufUtilTest: testHexDump..., testPrettyHexDump...
VARIANT_TEST(TextAccess, HexDumpHasTwoDigitsAByte) {
  Buffer buf = variant.make(6);
  EXPECT_EQ(buf.hex_dump(), "");
  buf.write_u8(1).write_u32(0x00FF10AB).skip(1);
  EXPECT_EQ(buf.hex_dump(), "00ff10ab");
  EXPECT_EQ(buf.hex_dump(0, 2), "0100");
  EXPECT_THROW(static_cast<void>(buf.hex_dump(5, 2)), std::out_of_range);
}

VARIANT_TEST(TextAccess, PrettyHexDumpIsATable) {
  Buffer buf = variant.make(48);
  EXPECT_EQ(buf.pretty_hex_dump(), "");
  buf.write_bytes("GET / HTTP/1.1\r\n");
  EXPECT_EQ(buf.pretty_hex_dump(),
            "00000000  47 45 54 20 2f 20 48 54 54 50 2f 31 2e 31 0d 0a  |GET / HTTP/1.1..|");
  buf.write_bytes("\x7F\x80|~");
  EXPECT_EQ(buf.pretty_hex_dump(),
            "00000000  47 45 54 20 2f 20 48 54 54 50 2f 31 2e 31 0d 0a  |GET / HTTP/1.1..|\n"
            "00000010  7f 80 7c 7e                                      |..|~|");
  EXPECT_EQ(buf.pretty_hex_dump(17, 1),
            "00000000  80                                               |.|");
}

TEST(FromHex, ReadsWhatHexDumpWrites) {
  EXPECT_EQ(ByteBuf::from_hex("00ff10AbCd").hex_dump(), "00ff10abcd");
  ByteBuf empty = ByteBuf::from_hex("");
  EXPECT_TRUE(empty);
  EXPECT_EQ(empty.capacity(), 0U);
  ByteBuf buf = ByteBuf::from_hex("0a0B");
  EXPECT_EQ(buf.read_u16(), 0x0A0B);
  std::string all(256, '\0');
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<char>(i);
  EXPECT_EQ(ByteBuf::from_hex(ByteBuf::wrap(all).hex_dump()).to_string(), all);
}

TEST(FromHex, MakesABufferThatGrows) {
  ByteBuf buf = ByteBuf::from_hex("0a");
  buf.write_u8(0xff);
  EXPECT_EQ(buf.hex_dump(), "0aff");
}

// ByteBufUtilTest: decodeHexDumpWithOddLength, decodeHexDumpWithInvalidChar
TEST(FromHex, NamesThePositionOfWhatIsWrong) {
  const auto complaint = [](std::string_view digits) {
    return message_of<std::invalid_argument>([&] { static_cast<void>(ByteBuf::from_hex(digits)); });
  };
  EXPECT_EQ(complaint("0g"), "hex: no hex digit at position 1");
  EXPECT_EQ(complaint("fg00"), "hex: no hex digit at position 1");
  EXPECT_EQ(complaint("00 1"), "hex: no hex digit at position 2");
  EXPECT_EQ(complaint("0x00"), "hex: no hex digit at position 1");
  EXPECT_EQ(complaint("00/0"), "hex: no hex digit at position 2");
  EXPECT_EQ(complaint("00:0"), "hex: no hex digit at position 2");
  EXPECT_EQ(complaint("00@0"), "hex: no hex digit at position 2");
  EXPECT_EQ(complaint("00`0"), "hex: no hex digit at position 2");
  EXPECT_EQ(complaint("000G"), "hex: no hex digit at position 3");
  EXPECT_EQ(complaint("\xC3\xB6"), "hex: no hex digit at position 0");
  EXPECT_EQ(complaint("123"), "hex: an odd number of digits: one is missing at position 3");
  EXPECT_EQ(complaint("1"), "hex: an odd number of digits: one is missing at position 1");
  EXPECT_EQ(complaint("12x"), "hex: no hex digit at position 2");
}

TEST(ByteBufStream, IsADescription) {
  ByteBuf buf = testing_support::unpooled_buffer(13);
  buf.set_index(7, 12);
  std::ostringstream out;
  out << buf;
  EXPECT_EQ(out.str(), "ByteBuf(ridx: 7, widx: 12, cap: 13)");
  EXPECT_EQ(describe(ByteBuf()), "ByteBuf(ridx: 0, widx: 0, cap: 0)");
}

}  // namespace
}  // namespace tarn
