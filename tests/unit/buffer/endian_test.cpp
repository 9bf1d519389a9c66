// SPDX-License-Identifier: Apache-2.0
// Tests of numbers to and from bytes; the expected bytes are written out, so that no code under
// test is also the judge.
#include "tarn/detail/buffer/endian.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <limits>

namespace tarn::detail {
namespace {

constexpr auto kBig = std::endian::big;
constexpr auto kLittle = std::endian::little;

template <class Format>
void expect_bytes(typename Format::Value value, std::initializer_list<unsigned> expected) {
  const typename Format::Bytes bytes = Format::encode(value);
  ASSERT_EQ(bytes.size(), expected.size());
  std::size_t i = 0;
  for (const unsigned byte : expected) {
    EXPECT_EQ(std::to_integer<unsigned>(bytes[i]), byte) << "byte " << i;
    ++i;
  }
  EXPECT_EQ(Format::decode(bytes), value);
}

TEST(Endian, WritesIntegersInBothOrders) {
  expect_bytes<Plain<std::uint8_t, kBig>>(0xFE, {0xFE});
  expect_bytes<Plain<std::int8_t, kBig>>(-2, {0xFE});
  expect_bytes<Plain<std::uint16_t, kBig>>(0x0102, {1, 2});
  expect_bytes<Plain<std::uint16_t, kLittle>>(0x0102, {2, 1});
  expect_bytes<Plain<std::int16_t, kBig>>(-2, {0xFF, 0xFE});
  expect_bytes<Plain<std::uint32_t, kBig>>(0x01020304, {1, 2, 3, 4});
  expect_bytes<Plain<std::uint32_t, kLittle>>(0x01020304, {4, 3, 2, 1});
  expect_bytes<Plain<std::int32_t, kLittle>>(-2, {0xFE, 0xFF, 0xFF, 0xFF});
  expect_bytes<Plain<std::uint64_t, kBig>>(0x0102030405060708, {1, 2, 3, 4, 5, 6, 7, 8});
  expect_bytes<Plain<std::uint64_t, kLittle>>(0x0102030405060708, {8, 7, 6, 5, 4, 3, 2, 1});
  expect_bytes<Plain<std::int64_t, kBig>>(std::numeric_limits<std::int64_t>::min(),
                                          {0x80, 0, 0, 0, 0, 0, 0, 0});
}

TEST(Endian, WritesTwentyFourBits) {
  expect_bytes<Medium<std::uint32_t, kBig>>(0x010203, {1, 2, 3});
  expect_bytes<Medium<std::uint32_t, kLittle>>(0x010203, {3, 2, 1});
  expect_bytes<Medium<std::uint32_t, kBig>>(0xFFFFFF, {0xFF, 0xFF, 0xFF});
  expect_bytes<Medium<std::int32_t, kBig>>(-2, {0xFF, 0xFF, 0xFE});
  expect_bytes<Medium<std::int32_t, kLittle>>(-2, {0xFE, 0xFF, 0xFF});
  expect_bytes<Medium<std::int32_t, kBig>>(0x7FFFFF, {0x7F, 0xFF, 0xFF});
  expect_bytes<Medium<std::int32_t, kBig>>(-0x800000, {0x80, 0, 0});
}

TEST(Endian, IgnoresBitsAboveTwentyFour) {
  using U24 = Medium<std::uint32_t, kBig>;
  EXPECT_EQ(U24::decode(U24::encode(0xAB010203)), 0x010203U);
}

TEST(Endian, ReadsEveryNonZeroByteAsTrue) {
  for (unsigned value = 0; value < 256; ++value) {
    EXPECT_EQ(Bool::decode({static_cast<std::byte>(value)}), value != 0) << value;
  }
  expect_bytes<Bool>(true, {1});
  expect_bytes<Bool>(false, {0});
}

TEST(Endian, WritesFloatsAsTheirBits) {
  expect_bytes<Plain<float, kBig>>(1.0F, {0x3F, 0x80, 0, 0});
  expect_bytes<Plain<float, kLittle>>(1.0F, {0, 0, 0x80, 0x3F});
  expect_bytes<Plain<double, kBig>>(-2.0, {0xC0, 0, 0, 0, 0, 0, 0, 0});
}

// A signalling NaN's payload is what a careless conversion loses.
TEST(Endian, KeepsEveryBitOfANaN) {
  const std::uint64_t bits = 0x7FF0000000000123;
  using F64 = Plain<double, kBig>;
  const auto bytes = F64::encode(std::bit_cast<double>(bits));
  EXPECT_EQ((Plain<std::uint64_t, kBig>::decode(bytes)), bits);
  EXPECT_EQ(std::bit_cast<std::uint64_t>(F64::decode(bytes)), bits);
  const std::uint32_t narrow = 0x7F800123;
  using F32 = Plain<float, kLittle>;
  EXPECT_EQ(std::bit_cast<std::uint32_t>(F32::decode(F32::encode(std::bit_cast<float>(narrow)))),
            narrow);
}

}  // namespace
}  // namespace tarn::detail
