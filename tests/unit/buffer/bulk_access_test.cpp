// SPDX-License-Identifier: Apache-2.0
// Tests of transfers of many bytes, over every variant of buffer.
#include "tarn/detail/buffer/bulk_access.hpp"

#include <gtest/gtest.h>

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/buffer_variants.hpp"

namespace tarn {
namespace {

using testing_support::all_bytes;
using testing_support::message_of;
using testing_support::pattern;
using testing_support::readable_text;
using testing_support::unpooled_buffer;

// Not constexpr: gcc would see, and rightly warn, that no memory is so large.
const volatile std::size_t kHuge = ByteBuf::npos;

VARIANT_TEST(BulkAccess, SetsAndGetsEveryRange) {
  constexpr std::size_t kCapacity = 24;
  for (std::size_t index = 0; index <= kCapacity; ++index) {
    for (std::size_t n = 0; index + n <= kCapacity; ++n) {
      Buffer buf = variant.make(kCapacity);
      std::string expected(kCapacity, '#');
      buf.set_bytes(0, expected);
      const std::string bytes = pattern(n);
      buf.set_bytes(index, bytes);
      expected.replace(index, n, bytes);
      ASSERT_EQ(all_bytes(buf), expected) << index << ' ' << n;
      std::vector<unsigned char> out(n);
      buf.get_bytes(index, out);
      ASSERT_EQ(std::string(out.begin(), out.end()), bytes) << index << ' ' << n;
      ASSERT_EQ(buf.readable_bytes(), 0U);
    }
  }
}

VARIANT_TEST(BulkAccess, TakesEveryTypeOfBytes) {
  Buffer buf = variant.make(64);
  const std::array<std::byte, 2> raw{std::byte{'c'}, std::byte{'d'}};
  const char* pointer = "ij";
  char array[] = {'k', 'l'};
  buf.write_bytes("ab")
      .write_bytes(raw)
      .write_bytes(std::string_view("ef"))
      .write_bytes(std::string("gh"))
      .write_bytes(pointer)
      .write_bytes(array)
      .write_bytes(std::span(raw))
      .write_bytes(std::vector<unsigned char>{'x', 'y'})
      .write_bytes("");
  EXPECT_EQ(readable_text(buf), "abcdefghijklcdxy");
  std::array<char, 2> chars{};
  std::byte bytes[2];
  std::string text(3, ' ');
  std::vector<unsigned char> more(9);
  buf.read_bytes(chars).read_bytes(bytes).read_bytes(text).read_bytes(std::span(more));
  EXPECT_EQ(chars[1], 'b');
  EXPECT_EQ(bytes[1], std::byte{'d'});
  EXPECT_EQ(text, "efg");
  EXPECT_EQ(more[8], 'y');
  EXPECT_FALSE(buf.is_readable());
}

// AbstractByteBufTest: testSequentialByteArrayTransfer1..2, testRandomByteArrayTransfer1..2
VARIANT_TEST(BulkAccess, WritesAndReadsInSequence) {
  const std::string bytes = pattern(1000);
  Buffer buf = variant.make(1000);
  std::size_t at = 0;
  for (std::size_t n = 0; at + n <= 1000; ++n) {
    buf.write_bytes(std::string_view(bytes).substr(at, n));
    at += n;
    ASSERT_EQ(buf.writer_index(), at);
  }
  at = 0;
  for (std::size_t n = 44; at + n <= buf.writer_index(); --n) {
    ASSERT_EQ(buf.read_string(n), bytes.substr(at, n));
    at += n;
    ASSERT_EQ(buf.reader_index(), at);
    if (n == 0) break;
  }
}

VARIANT_TEST(BulkAccess, ReadsAnOwnCopy) {
  Buffer buf = variant.make(16);
  buf.write_bytes("abcdef").skip(1);
  ByteBuf part = buf.read_bytes(3);
  EXPECT_EQ(readable_text(part), "bcd");
  EXPECT_EQ(part.reader_index(), 0U);
  EXPECT_TRUE(part.is_unique());
  EXPECT_EQ(buf.reader_index(), 4U);
  part.set_u8(0, 'X');
  EXPECT_EQ(all_bytes(buf).substr(0, 6), "abcdef");
  EXPECT_TRUE(buf.read_bytes(0));
}

// AbstractByteBufTest: get/setByteArrayBoundaryCheck*, ReadBoundary
VARIANT_TEST(BulkAccess, RefusesWhatReachesPastItsBounds) {
  Buffer buf = variant.make(8);
  buf.set_bytes(0, "abcdefgh").set_index(2, 6);
  std::string nine(9, '#');
  std::string five(5, '#');
  EXPECT_EQ(message_of<std::out_of_range>([&] { buf.get_bytes(0, nine); }),
            "index 0 + length 9 exceeds capacity 8");
  EXPECT_EQ(message_of<std::out_of_range>([&] { buf.get_bytes(kHuge, five); }),
            "index 18446744073709551615 + length 5 exceeds capacity 8");
  EXPECT_EQ(message_of<std::out_of_range>([&] { buf.set_bytes(4, five); }),
            "index 4 + length 5 exceeds capacity 8");
  EXPECT_EQ(message_of<std::out_of_range>([&] { buf.read_bytes(five); }),
            "reader index 2 + length 5 exceeds writer index 6");
  EXPECT_THROW(static_cast<void>(buf.read_string(5)), std::out_of_range);
  EXPECT_THROW(static_cast<void>(buf.read_string(kHuge)), std::out_of_range);
  EXPECT_THROW(static_cast<void>(buf.read_bytes(5)), std::out_of_range);
  EXPECT_THROW(static_cast<void>(buf.read_slice(5)), std::out_of_range);
  EXPECT_THROW(buf.set_zero(4, 5), std::out_of_range);
  EXPECT_THROW(buf.set_zero(kHuge, kHuge), std::out_of_range);
  EXPECT_EQ(nine, std::string(9, '#')) << "the destination has not changed";
  EXPECT_EQ(five, std::string(5, '#'));
  EXPECT_EQ(all_bytes(buf), "abcdefgh");
  EXPECT_EQ(buf.reader_index(), 2U);
  EXPECT_EQ(buf.writer_index(), 6U);
}

// AbstractByteBufTest: testRandomHeapBufferTransfer*, testSequentialDirectBufferTransfer*, ...
VARIANT_TEST(BulkAccess, MovesBytesBetweenBuffers) {
  Buffer source = variant.make(16);
  source.write_bytes("0123456789").skip(2);
  ByteBuf target = unpooled_buffer(4);
  source.get_bytes(1, target, 3);
  EXPECT_EQ(readable_text(target), "123");
  EXPECT_EQ(source.reader_index(), 2U);
  source.read_bytes(target, 4);
  EXPECT_EQ(readable_text(target), "1232345") << "grown past 4";
  EXPECT_EQ(source.reader_index(), 6U);
  target.write_bytes(source);
  EXPECT_EQ(readable_text(target), "12323456789");
  EXPECT_EQ(source.reader_index(), 6U) << "its indices stay";
  target.set_bytes(1, source);
  EXPECT_EQ(readable_text(target), "16789456789");

  Buffer back = variant.make(16);
  back.write_bytes(target.slice(0, 5)).set_bytes(0, target.slice(9, 2));
  EXPECT_EQ(readable_text(back), "89789");
}

VARIANT_TEST(BulkAccess, RefusesTransfersThatOneOfTheBuffersCannotDo) {
  Buffer source = variant.make(16);
  source.write_bytes("0123456789");
  ByteBuf small = unpooled_buffer(4, 4);
  small.write_bytes("ab");
  EXPECT_THROW(source.get_bytes(0, small, 3), std::out_of_range);
  EXPECT_THROW(source.read_bytes(small, 3), std::out_of_range);
  EXPECT_THROW(source.get_bytes(14, small, 3), std::out_of_range);
  EXPECT_THROW(source.get_bytes(kHuge, small, 1), std::out_of_range);
  EXPECT_THROW(source.read_bytes(small, kHuge), std::out_of_range);
  EXPECT_THROW(small.write_bytes(source), std::out_of_range);
  EXPECT_THROW(small.set_bytes(0, source), std::out_of_range);
  ByteBuf fixed = small.as_read_only();
  EXPECT_THROW(source.read_bytes(fixed, 1), ReadOnlyError);
  EXPECT_EQ(source.reader_index(), 0U);
  EXPECT_EQ(readable_text(small), "ab");
}

VARIANT_TEST(BulkAccess, TakesItsOwnBytes) {
  Buffer buf = variant.make(32);
  buf.write_bytes("abcdef").skip(2);
  buf.write_bytes(buf);
  EXPECT_EQ(readable_text(buf), "cdefcdef");
  buf.get_bytes(0, buf, 3);
  EXPECT_EQ(readable_text(buf), "cdefcdefabc");
  buf.read_bytes(buf, 2);
  EXPECT_EQ(readable_text(buf), "efcdefabccd");
  buf.set_index(0, 6).set_bytes(2, buf);
  EXPECT_EQ(all_bytes(buf).substr(0, 8), "ababcdef");
}

VARIANT_TEST(BulkAccess, TakesOverlappingSharesOfItsMemory) {
  Buffer buf = variant.make(16);
  buf.write_bytes("0123456789");
  auto shifted = buf.slice(0, 8);
  buf.set_bytes(2, shifted);
  EXPECT_EQ(readable_text(buf), "0101234567");
  auto later = buf.slice(2, 8);
  buf.set_bytes(0, later);
  EXPECT_EQ(readable_text(buf), "0123456767");
}

VARIANT_TEST(BulkAccess, ZeroesARange) {
  Buffer buf = variant.make(8);
  buf.set_bytes(0, "abcdefgh");
  buf.set_zero(2, 3).set_zero(8, 0);
  EXPECT_EQ(all_bytes(buf), std::string("ab\0\0\0fgh", 8));
  buf.writer_index(6);
  buf.write_zero(2).write_zero(0);
  EXPECT_EQ(all_bytes(buf), std::string("ab\0\0\0f\0\0", 8));
  EXPECT_EQ(buf.writer_index(), 8U);
}

VARIANT_TEST(BulkAccess, PrependsIntoHeadroom) {
  Buffer buf = variant.make(16);
  buf.reserve_headroom(6);
  EXPECT_EQ(buf.headroom(), 6U);
  EXPECT_EQ(buf.readable_bytes(), 0U);
  buf.write_bytes("body");
  buf.prepend("head").prepend(std::string_view("<"));
  EXPECT_EQ(readable_text(buf), "<headbody");
  EXPECT_EQ(buf.headroom(), 1U);
  EXPECT_EQ(buf.reader_index(), 1U);
}

VARIANT_TEST(BulkAccess, PrependsWithoutHeadroomToo) {
  Buffer buf = variant.make(16);
  buf.write_bytes("body").prepend("the head");
  EXPECT_EQ(readable_text(buf), "the headbody");
  buf.prepend(buf.slice(buf.reader_index(), 4));
  EXPECT_EQ(readable_text(buf), "the the headbody");
}

VARIANT_TEST(BulkAccess, PrependsItself) {
  Buffer buf = variant.make(16);
  buf.write_bytes("abc").skip(1);
  buf.prepend(buf);
  EXPECT_EQ(readable_text(buf), "bcbc");
  buf.prepend(buf);
  EXPECT_EQ(readable_text(buf), "bcbcbcbc");
}

FIXED_VARIANT_TEST(FixedBulkAccess, RefusesToGrow) {
  Buffer buf = variant.make(8);
  buf.set_bytes(0, "abcdefgh").writer_index(6);
  EXPECT_EQ(message_of<std::out_of_range>([&] { buf.write_bytes("xyz"); }),
            "writer index 6 + length 3 exceeds max capacity 8");
  EXPECT_THROW(buf.write_zero(3), std::out_of_range);
  EXPECT_THROW(buf.write_zero(kHuge), std::out_of_range);
  EXPECT_THROW(buf.ensure_writable(3), std::out_of_range);
  EXPECT_THROW(buf.write_bytes(buf), std::out_of_range);
  EXPECT_THROW(buf.capacity(9), std::invalid_argument);
  EXPECT_THROW(buf.prepend("xyz"), std::out_of_range);
  EXPECT_THROW(buf.prepend(buf), std::out_of_range);
  EXPECT_THROW(buf.reserve_headroom(3), std::out_of_range);
  EXPECT_THROW(buf.reserve_headroom(kHuge), std::out_of_range);
  EXPECT_EQ(all_bytes(buf), "abcdefgh");
  EXPECT_EQ(buf.writer_index(), 6U);
  buf.write_bytes("XY");
  EXPECT_EQ(all_bytes(buf), "abcdefXY");
}

GROWING_VARIANT_TEST(GrowingBulkAccess, GrowsWithWhatIsWritten) {
  Buffer buf = variant.make(4);
  const std::string bytes = pattern(100'000);
  std::size_t at = 0;
  for (std::size_t n = 1; at + n <= bytes.size(); n = n * 2 + 1) {
    buf.write_bytes(std::string_view(bytes).substr(at, n));
    at += n;
  }
  EXPECT_EQ(readable_text(buf), bytes.substr(0, at));
}

// Goal: a source inside the buffer's own memory survives the growth it causes.
GROWING_VARIANT_TEST(GrowingBulkAccess, WritesItsOwnSpanThoughItGrows) {
  Buffer buf = variant.make(8, 1 << 20);
  buf.write_bytes("abcdefgh");
  std::string expected = "abcdefgh";
  for (int i = 0; i < 10; ++i) {
    buf.write_bytes(buf.slice());
    expected += expected;
    ASSERT_EQ(readable_text(buf), expected);
  }
}

GROWING_VARIANT_TEST(GrowingBulkAccess, PrependGrows) {
  Buffer buf = variant.make(4, 100);
  buf.write_bytes("tail");
  buf.prepend(std::string(60, 'x')).prepend("<").write_bytes(">");
  EXPECT_EQ(readable_text(buf), "<" + std::string(60, 'x') + "tail>");
  if (buf.max_capacity() != 100) return;
  EXPECT_THROW(buf.prepend(std::string(35, 'y')), std::out_of_range);
  EXPECT_EQ(readable_text(buf), "<" + std::string(60, 'x') + "tail>");
  buf.prepend(std::string(34, 'y'));
  EXPECT_EQ(buf.readable_bytes(), 100U);
}

// Only a ByteBuf shows its memory as one span.
TEST(ByteBufTransfers, TakeRawSpansOfTheirOwnMemory) {
  ByteBuf buf = unpooled_buffer(8);
  buf.write_bytes("abcdefgh");
  buf.write_bytes(buf.readable());
  EXPECT_EQ(readable_text(buf), "abcdefghabcdefgh") << "grown while its own bytes were the source";
  buf.set_bytes(2, buf.readable().first(6));
  EXPECT_EQ(readable_text(buf), "ababcdefabcdefgh");
  buf.skip(3).prepend(buf.readable().first(5));
  EXPECT_EQ(readable_text(buf), "bcdefbcdefabcdefgh");
  std::string expected = readable_text(buf);
  buf.prepend(buf.readable());
  EXPECT_EQ(readable_text(buf), expected + expected);
  expected = readable_text(buf);
  buf.read_bytes(std::span(buf.data() + buf.reader_index() + 2, 4));
  EXPECT_EQ(readable_text(buf), "de" + expected.substr(6)) << "bcde stands two bytes further on";
}

}  // namespace
}  // namespace tarn
