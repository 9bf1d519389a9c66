// SPDX-License-Identifier: Apache-2.0
// Tests of numbers of variable length, with protobuf's examples.
#include "tarn/detail/buffer/varint.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <vector>

#include "support/buffer_variants.hpp"

namespace tarn::detail {
namespace {

constexpr std::uint64_t kMax64 = std::numeric_limits<std::uint64_t>::max();
using State = Varint::State;

std::vector<std::byte> raw(std::initializer_list<unsigned> values) {
  std::vector<std::byte> bytes;
  for (const unsigned value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

void expect_form(std::uint64_t value, std::initializer_list<unsigned> expected) {
  const EncodedVarint encoded = encode_varint(value);
  const auto bytes = raw(expected);
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), encoded.bytes.begin(),
                         encoded.bytes.begin() + static_cast<std::ptrdiff_t>(encoded.size)))
      << value;
  const Varint decoded = decode_varint(bytes, kMax64);
  EXPECT_EQ(decoded.state, State::whole) << value;
  EXPECT_EQ(decoded.value, value);
  EXPECT_EQ(decoded.size, bytes.size()) << value;
}

TEST(Varint, HasTheKnownForms) {
  expect_form(0, {0});
  expect_form(1, {1});
  expect_form(127, {0x7F});
  expect_form(128, {0x80, 1});
  expect_form(150, {0x96, 1});
  expect_form(300, {0xAC, 2});
  expect_form(16383, {0xFF, 0x7F});
  expect_form(16384, {0x80, 0x80, 1});
  expect_form(0xFFFFFFFF, {0xFF, 0xFF, 0xFF, 0xFF, 0x0F});
  expect_form(kMax64, {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1});
}

TEST(Varint, ComesBackFromEveryLength) {
  auto random = testing_support::random_numbers();
  for (unsigned bits = 0; bits < 64; ++bits) {
    for (const std::uint64_t value :
         {std::uint64_t{1} << bits, (std::uint64_t{1} << bits) - 1, random() >> bits}) {
      const EncodedVarint encoded = encode_varint(value);
      const std::span<const std::byte> bytes = std::span(encoded.bytes).first(encoded.size);
      EXPECT_EQ(decode_varint(bytes, kMax64).value, value);
      for (std::size_t n = 0; n < bytes.size(); ++n) {
        EXPECT_EQ(decode_varint(bytes.first(n), kMax64).state, State::incomplete) << value;
      }
    }
  }
}

TEST(Varint, ReadsPaddedForms) {
  const Varint padded = decode_varint(raw({0x80, 0x80, 0x00}), kMax64);
  EXPECT_EQ(padded.state, State::whole);
  EXPECT_EQ(padded.value, 0U);
  EXPECT_EQ(padded.size, 3U);
  EXPECT_EQ(
      decode_varint(raw({0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0}), kMax64).value,
      1U);
}

TEST(Varint, TellsMalformedFromIncomplete) {
  const auto ones = [](std::size_t n) { return std::vector<std::byte>(n, std::byte{0xFF}); };
  EXPECT_EQ(decode_varint(ones(9), kMax64).state, State::incomplete);
  EXPECT_EQ(decode_varint(ones(10), kMax64).state, State::malformed) << "an eleventh byte";
  EXPECT_EQ(decode_varint(ones(20), kMax64).state, State::malformed);
  auto overflow = ones(9);
  overflow.push_back(std::byte{2});
  EXPECT_EQ(decode_varint(overflow, kMax64).state, State::malformed) << "a 65th bit";
  overflow.back() = std::byte{0x80};
  EXPECT_EQ(decode_varint(overflow, kMax64).state, State::malformed);
}

TEST(Varint, HoldsToASmallerMaximum) {
  constexpr std::uint64_t kMax32 = 0xFFFFFFFF;
  EXPECT_EQ(decode_varint(raw({0xFF, 0xFF, 0xFF, 0xFF, 0x0F}), kMax32).state, State::whole);
  EXPECT_EQ(decode_varint(raw({0xFF, 0xFF, 0xFF, 0xFF, 0x1F}), kMax32).state, State::malformed);
  EXPECT_EQ(decode_varint(raw({0xFF, 0xFF, 0xFF, 0xFF, 0x9F}), kMax32).state, State::malformed)
      << "whatever follows";
  EXPECT_EQ(decode_varint(raw({0x81, 0x80, 0x80, 0x80, 0x80, 0x00}), kMax32).value, 1U);
}

TEST(Varint, ZigzagKeepsSmallNumbersSmall) {
  constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(zigzag(0), 0U);
  EXPECT_EQ(zigzag(-1), 1U);
  EXPECT_EQ(zigzag(1), 2U);
  EXPECT_EQ(zigzag(-2), 3U);
  EXPECT_EQ(zigzag(kMax), kMax64 - 1);
  EXPECT_EQ(zigzag(kMin), kMax64);
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{-1}, kMin, kMax, kMin + 1}) {
    EXPECT_EQ(unzigzag(zigzag(value)), value);
  }
}

}  // namespace
}  // namespace tarn::detail
