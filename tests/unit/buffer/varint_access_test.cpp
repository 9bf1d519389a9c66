// SPDX-License-Identifier: Apache-2.0
// Tests of variable-length numbers in buffers, over every variant.
#include "tarn/detail/buffer/varint_access.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "support/buffer_variants.hpp"

namespace tarn {
namespace {

using testing_support::message_of;

VARIANT_TEST(VarintAccess, ComeBackInSequence) {
  Buffer buf = variant.make(2000);
  std::vector<std::uint64_t> values;
  for (unsigned bits = 0; bits < 64; ++bits) values.push_back(std::uint64_t{1} << bits);
  values.push_back(std::numeric_limits<std::uint64_t>::max());
  for (const std::uint64_t value : values) {
    buf.write_varint(value).write_svarint(static_cast<std::int64_t>(value));
  }
  auto again = buf.duplicate();
  for (const std::uint64_t value : values) {
    ASSERT_EQ(buf.read_varint(), value);
    ASSERT_EQ(buf.read_svarint(), static_cast<std::int64_t>(value));
    ASSERT_EQ(again.try_read_varint(), value);
    ASSERT_EQ(again.try_read_svarint(), static_cast<std::int64_t>(value));
  }
  EXPECT_FALSE(buf.is_readable());
  EXPECT_EQ(again.try_read_varint(), std::nullopt);
}

VARIANT_TEST(VarintAccess, OfThirtyTwoBitsComeBack) {
  Buffer buf = variant.make(40);
  constexpr auto kMin = std::numeric_limits<std::int32_t>::min();
  buf.write_varint(0xFFFFFFFF).write_svarint(kMin).write_varint(7).write_svarint(-3);
  EXPECT_EQ(buf.read_varint32(), 0xFFFFFFFFU);
  EXPECT_EQ(buf.read_svarint32(), kMin);
  EXPECT_EQ(buf.try_read_varint32(), 7U);
  EXPECT_EQ(buf.try_read_svarint32(), -3);
  EXPECT_EQ(buf.try_read_varint32(), std::nullopt);
  EXPECT_EQ(buf.try_read_svarint32(), std::nullopt);
  buf.write_varint(std::uint64_t{1} << 32);
  const std::size_t start = buf.reader_index();
  EXPECT_EQ(message_of<std::runtime_error>([&] { buf.read_varint32(); }),
            "malformed varint at index " + std::to_string(start) + ": more than 32 bits");
  EXPECT_THROW(static_cast<void>(buf.try_read_svarint32()), std::runtime_error);
  EXPECT_EQ(buf.read_varint(), std::uint64_t{1} << 32);
}

// Goal: "more to come" and "can't be a number" are told apart, and neither moves the reader.
VARIANT_TEST(VarintAccess, TellMalformedFromIncomplete) {
  Buffer buf = variant.make(20);
  buf.write_u8(1).write_bytes(std::string(9, '\xFF')).skip(1);
  EXPECT_EQ(buf.try_read_varint(), std::nullopt);
  EXPECT_EQ(buf.try_read_svarint(), std::nullopt);
  EXPECT_EQ(message_of<std::out_of_range>([&] { buf.read_varint(); }),
            "reader index 1 + length 10 exceeds writer index 10");
  EXPECT_THROW(buf.read_svarint(), std::out_of_range);
  buf.write_u8(0x02);
  EXPECT_EQ(message_of<std::runtime_error>([&] { buf.read_varint(); }),
            "malformed varint at index 1: more than 64 bits");
  EXPECT_EQ(message_of<std::runtime_error>([&] { static_cast<void>(buf.try_read_varint()); }),
            "malformed varint at index 1: more than 64 bits");
  EXPECT_THROW(static_cast<void>(buf.try_read_svarint()), std::runtime_error);
  EXPECT_EQ(buf.reader_index(), 1U);
  buf.set_u8(10, 1);
  EXPECT_EQ(buf.read_varint(), std::numeric_limits<std::uint64_t>::max());
}

VARIANT_TEST(VarintAccess, ReadNothingBehindTheWriter) {
  Buffer buf = variant.make(20);
  buf.set_bytes(0, "\x80\x01");
  buf.writer_index(1);
  EXPECT_EQ(buf.try_read_varint(), std::nullopt) << "the 1 has not been written yet";
  buf.writer_index(2);
  EXPECT_EQ(buf.read_varint(), 128U);
}

VARIANT_TEST(VarintAccess, NeedRoom) {
  Buffer buf = variant.make(1, 1);
  if (buf.max_capacity() == 1) {
    EXPECT_THROW(buf.write_varint(128), std::out_of_range);
    EXPECT_EQ(buf.writer_index(), 0U);
    buf.write_varint(127);
    EXPECT_EQ(buf.read_varint(), 127U);
  }
}

}  // namespace
}  // namespace tarn
