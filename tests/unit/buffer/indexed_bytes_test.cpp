// SPDX-License-Identifier: Apache-2.0
// Tests of the indices and bounds, over every variant of buffer.
#include "tarn/detail/buffer/indexed_bytes.hpp"

#include <gtest/gtest.h>

#include <string>

#include "support/buffer_variants.hpp"

namespace tarn {
namespace {

using testing_support::message_of;

constexpr std::size_t kHuge = ByteBuf::npos;

// AbstractByteBufTest: initialState
VARIANT_TEST(IndexedBytes, StartAtZero) {
  const Buffer buf = variant.make(20);
  EXPECT_EQ(buf.capacity(), 20U);
  EXPECT_EQ(buf.reader_index(), 0U);
  EXPECT_EQ(buf.writer_index(), 0U);
  EXPECT_EQ(buf.readable_bytes(), 0U);
  EXPECT_EQ(buf.writable_bytes(), 20U);
  EXPECT_GE(buf.max_capacity(), 20U);
  EXPECT_EQ(buf.max_writable_bytes(), buf.max_capacity());
}

VARIANT_TEST(IndexedBytes, SayWhatCanBeReadAndWritten) {
  Buffer buf = variant.make(20);
  buf.set_index(3, 12);
  EXPECT_EQ(buf.readable_bytes(), 9U);
  EXPECT_EQ(buf.writable_bytes(), 8U);
  EXPECT_EQ(buf.max_writable_bytes(), buf.max_capacity() - 12);
  EXPECT_TRUE(buf.is_readable());
  EXPECT_TRUE(buf.is_readable(0));
  EXPECT_TRUE(buf.is_readable(9));
  EXPECT_FALSE(buf.is_readable(10));
  EXPECT_FALSE(buf.is_readable(kHuge));
  EXPECT_TRUE(buf.is_writable());
  EXPECT_TRUE(buf.is_writable(8));
  EXPECT_FALSE(buf.is_writable(9));
  EXPECT_FALSE(buf.is_writable(kHuge));
  buf.set_index(20, 20);
  EXPECT_FALSE(buf.is_readable());
  EXPECT_FALSE(buf.is_writable());
  EXPECT_TRUE(buf.is_writable(0));
}

VARIANT_TEST(IndexedBytes, SettersAcceptTheirBounds) {
  Buffer buf = variant.make(20);
  buf.writer_index(20).reader_index(20);
  EXPECT_EQ(buf.reader_index(), 20U);
  EXPECT_EQ(buf.writer_index(), 20U);
  buf.reader_index(0).writer_index(0);
  buf.set_index(20, 20).set_index(0, 20).set_index(0, 0);
  EXPECT_EQ(buf.writer_index(), 0U);
}

// AbstractByteBufTest: readerIndexBoundaryCheck1..4, writerIndexBoundaryCheck1..4
VARIANT_TEST(IndexedBytes, ReaderIndexStaysBelowTheWriter) {
  Buffer buf = variant.make(20);
  buf.set_index(2, 10);
  EXPECT_EQ(message_of<std::out_of_range>([&] { buf.reader_index(11); }),
            "reader index 11, expected 0 .. 10");
  EXPECT_THROW(buf.reader_index(kHuge), std::out_of_range);
  EXPECT_EQ(buf.reader_index(), 2U);
}

VARIANT_TEST(IndexedBytes, WriterIndexStaysBetweenReaderAndCapacity) {
  Buffer buf = variant.make(20);
  buf.set_index(2, 10);
  EXPECT_EQ(message_of<std::out_of_range>([&] { buf.writer_index(1); }),
            "writer index 1, expected 2 .. 20");
  EXPECT_EQ(message_of<std::out_of_range>([&] { buf.writer_index(21); }),
            "writer index 21, expected 2 .. 20");
  EXPECT_THROW(buf.writer_index(kHuge), std::out_of_range);
  EXPECT_EQ(buf.writer_index(), 10U);
}

// AbstractByteBufTest: setIndexBoundaryCheck1..3
VARIANT_TEST(IndexedBytes, SetIndexChecksBothAndChangesNeither) {
  Buffer buf = variant.make(20);
  buf.set_index(2, 10);
  EXPECT_THROW(buf.set_index(0, 21), std::out_of_range);
  EXPECT_THROW(buf.set_index(11, 10), std::out_of_range);
  EXPECT_THROW(buf.set_index(kHuge, 10), std::out_of_range);
  EXPECT_THROW(buf.set_index(0, kHuge), std::out_of_range);
  EXPECT_EQ(buf.reader_index(), 2U);
  EXPECT_EQ(buf.writer_index(), 10U);
}

VARIANT_TEST(IndexedBytes, ClearTouchesNoByte) {
  Buffer buf = variant.make(4);
  buf.set_bytes(0, "abcd");
  buf.set_index(1, 3).clear();
  EXPECT_EQ(buf.reader_index(), 0U);
  EXPECT_EQ(buf.writer_index(), 0U);
  EXPECT_EQ(testing_support::all_bytes(buf), "abcd");
}

// AbstractByteBufTest: testSkipBytes1
VARIANT_TEST(IndexedBytes, SkipIsBoundedByTheWriter) {
  Buffer buf = variant.make(20);
  buf.set_index(4, 10);
  buf.skip(4);
  EXPECT_EQ(buf.reader_index(), 8U);
  EXPECT_EQ(message_of<std::out_of_range>([&] { buf.skip(3); }),
            "reader index 8 + length 3 exceeds writer index 10");
  EXPECT_THROW(buf.skip(kHuge), std::out_of_range);
  buf.skip(0).skip(2);
  EXPECT_EQ(buf.reader_index(), 10U);
}

VARIANT_TEST(IndexedBytes, AdvanceIsBoundedByTheCapacity) {
  Buffer buf = variant.make(20);
  buf.advance(15);
  EXPECT_EQ(buf.writer_index(), 15U);
  EXPECT_EQ(message_of<std::out_of_range>([&] { buf.advance(6); }),
            "writer index 15 + length 6 exceeds capacity 20");
  EXPECT_THROW(buf.advance(kHuge), std::out_of_range);
  buf.advance(0).advance(5);
  EXPECT_EQ(buf.writer_index(), 20U);
}

TEST(EmptyByteBuf, HasIndicesOfZero) {
  ByteBuf buf;
  EXPECT_EQ(buf.capacity(), 0U);
  EXPECT_EQ(buf.max_capacity(), 0U);
  EXPECT_FALSE(buf.is_readable());
  EXPECT_FALSE(buf.is_writable());
  EXPECT_THROW(buf.skip(1), std::out_of_range);
  EXPECT_THROW(buf.advance(1), std::out_of_range);
  EXPECT_THROW(buf.writer_index(1), std::out_of_range);
  buf.skip(0).advance(0).set_index(0, 0).clear();
}

}  // namespace
}  // namespace tarn
