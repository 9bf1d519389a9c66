// SPDX-License-Identifier: Apache-2.0
// Tests of which arguments count as bytes: each concept accepts and rejects.
#include "tarn/detail/buffer/byte_range.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace tarn::detail {
namespace {

static_assert(BytesArgument<std::string&>);
static_assert(BytesArgument<std::string>);
static_assert(BytesArgument<const std::string&>);
static_assert(BytesArgument<std::string_view>);
static_assert(BytesArgument<std::span<const std::byte>>);
static_assert(BytesArgument<std::span<std::byte>>);
static_assert(BytesArgument<std::vector<unsigned char>&>);
static_assert(BytesArgument<std::vector<std::int8_t>&>);
static_assert(BytesArgument<std::array<char, 4>&>);
static_assert(BytesArgument<const char (&)[4]>);
static_assert(BytesArgument<const char*>);
static_assert(BytesArgument<char*&>);
static_assert(BytesArgument<std::u8string_view>);
static_assert(!BytesArgument<std::vector<int>&>);
static_assert(!BytesArgument<std::deque<char>&>, "not contiguous");
static_assert(!BytesArgument<std::vector<bool>&>);
static_assert(!BytesArgument<const unsigned char*>, "no length");
static_assert(!BytesArgument<int>);

static_assert(MutableByteRange<std::span<char>>);
static_assert(MutableByteRange<std::string&>);
static_assert(MutableByteRange<char (&)[4]>);
static_assert(!MutableByteRange<const std::string&>);
static_assert(!MutableByteRange<std::string_view>);
static_assert(!MutableByteRange<std::span<const std::byte>>);

static_assert(BorrowedByteRange<std::string&>);
static_assert(BorrowedByteRange<std::string_view>);
static_assert(BorrowedByteRange<std::span<std::byte>>);
static_assert(!BorrowedByteRange<std::string>, "would dangle");
static_assert(!BorrowedByteRange<std::vector<char>>, "would dangle");
static_assert(!BorrowedByteRange<std::array<char, 4>>, "would dangle");

static_assert(ByteArgument<char> && ByteArgument<std::byte> && ByteArgument<std::uint8_t>);
static_assert(ByteArgument<int> && !ByteArgument<bool> && !ByteArgument<std::string>);

TEST(ByteRange, TakesALiteralWithoutItsEnd) {
  EXPECT_EQ(bytes_of("abc").size(), 3U);
  EXPECT_EQ(bytes_of("").size(), 0U);
  EXPECT_EQ(bytes_of("a\0b").size(), 3U) << "NULs inside are bytes like any other";
}

TEST(ByteRange, TakesEveryElementOfOtherArrays) {
  char buffer[16] = "abc";
  EXPECT_EQ(bytes_of(buffer).size(), 16U);
  const unsigned char constants[] = {1, 2, 0};
  EXPECT_EQ(bytes_of(constants).size(), 3U);
  static const char full[] = {'a', 'b'};
  EXPECT_EQ(bytes_of(full).size(), 2U);
}

TEST(ByteRange, TakesPointersAsCStrings) {
  const char* text = "abc";
  EXPECT_EQ(bytes_of(text).size(), 3U);
}

TEST(ByteRange, ShowsTheArgumentsOwnMemory) {
  std::vector<std::uint8_t> bytes{1, 2, 3};
  EXPECT_EQ(static_cast<const void*>(bytes_of(bytes).data()), bytes.data());
  writable_bytes_of(bytes)[1] = std::byte{9};
  EXPECT_EQ(bytes[1], 9);
}

TEST(ByteRange, TakesOneByteFromCharactersAndIntegers) {
  EXPECT_EQ(to_byte('\n'), std::byte{10});
  EXPECT_EQ(to_byte(0xFF), std::byte{0xFF});
  EXPECT_EQ(to_byte(static_cast<signed char>(-1)), std::byte{0xFF});
}

}  // namespace
}  // namespace tarn::detail
