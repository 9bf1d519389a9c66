// SPDX-License-Identifier: Apache-2.0
// Tests of numbers in buffers: every type, both orders, every alignment, over every variant.
#include "tarn/detail/buffer/typed_access.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "support/buffer_variants.hpp"

namespace tarn {
namespace {

using testing_support::message_of;

/// One row of the table: a type's five members, as functions, and how many bytes it takes.
template <class Buffer, class Value>
struct Members {
  const char* name;
  std::size_t width;
  bool little;
  Value (Buffer::*get)(std::size_t) const;
  Buffer& (Buffer::*set)(std::size_t, Value);
  Value (Buffer::*read)();
  Buffer& (Buffer::*write)(Value);
  std::optional<Value> (Buffer::*try_read)();
};

#define ROW(name, value, width, little)                                                    \
  f(Members<Buffer, value>{#name, width, little, &Buffer::get_##name, &Buffer::set_##name, \
                           &Buffer::read_##name, &Buffer::write_##name, &Buffer::try_read_##name})

/// Calls `f` with every row.
template <class Buffer, class F>
void for_each_type(F&& f) {
  ROW(bool, bool, 1, false);
  ROW(u8, std::uint8_t, 1, false);
  ROW(i8, std::int8_t, 1, false);
  ROW(u16, std::uint16_t, 2, false);
  ROW(i16, std::int16_t, 2, false);
  ROW(u24, std::uint32_t, 3, false);
  ROW(i24, std::int32_t, 3, false);
  ROW(u32, std::uint32_t, 4, false);
  ROW(i32, std::int32_t, 4, false);
  ROW(u64, std::uint64_t, 8, false);
  ROW(i64, std::int64_t, 8, false);
  ROW(f32, float, 4, false);
  ROW(f64, double, 8, false);
  ROW(u16_le, std::uint16_t, 2, true);
  ROW(i16_le, std::int16_t, 2, true);
  ROW(u24_le, std::uint32_t, 3, true);
  ROW(i24_le, std::int32_t, 3, true);
  ROW(u32_le, std::uint32_t, 4, true);
  ROW(i32_le, std::int32_t, 4, true);
  ROW(u64_le, std::uint64_t, 8, true);
  ROW(i64_le, std::int64_t, 8, true);
  ROW(f32_le, float, 4, true);
  ROW(f64_le, double, 8, true);
}
#undef ROW

/// One row of the table of those that also come as spans.
template <class Buffer, class Value>
struct SpanMembers {
  const char* name;
  std::size_t width;
  void (Buffer::*get)(std::size_t, std::span<Value>) const;
  Buffer& (Buffer::*set)(std::size_t, std::span<const Value>);
  void (Buffer::*read)(std::span<Value>);
  Buffer& (Buffer::*write)(std::span<const Value>);
  Value (Buffer::*get_one)(std::size_t) const;
};

#define ROW(name, value, width)                                                        \
  f(SpanMembers<Buffer, value>{#name, width, &Buffer::get_##name, &Buffer::set_##name, \
                               &Buffer::read_##name, &Buffer::write_##name, &Buffer::get_##name})
#define ROWS(name, value, width) \
  ROW(name, value, width);       \
  ROW(name##_le, value, width)

/// Calls `f` with every row.
template <class Buffer, class F>
void for_each_span_type(F&& f) {
  ROWS(u16, std::uint16_t, 2);
  ROWS(i16, std::int16_t, 2);
  ROWS(u24, std::uint32_t, 3);
  ROWS(i24, std::int32_t, 3);
  ROWS(u32, std::uint32_t, 4);
  ROWS(i32, std::int32_t, 4);
  ROWS(u64, std::uint64_t, 8);
  ROWS(i64, std::int64_t, 8);
  ROWS(f32, float, 4);
  ROWS(f64, double, 8);
}
#undef ROWS
#undef ROW

/// The bits of a value that its bytes must show, lowest byte first in the integer.
template <class Value>
std::uint64_t bits_of(Value value, std::size_t width) {
  std::uint64_t bits = 0;
  if constexpr (std::is_floating_point_v<Value>) {
    bits = std::bit_cast<detail::UintOf<sizeof(Value)>>(value);
  } else {
    bits = static_cast<std::uint64_t>(value);
  }
  return width == 8 ? bits : bits & ((std::uint64_t{1} << 8 * width) - 1);
}

/// A value made of `width` random bytes.
template <class Value>
Value value_from(std::uint64_t random, std::size_t width) {
  if constexpr (std::is_same_v<Value, bool>) {
    return random % 2 == 1;
  } else if constexpr (std::is_floating_point_v<Value>) {
    return std::bit_cast<Value>(static_cast<detail::UintOf<sizeof(Value)>>(random));
  } else if constexpr (std::is_signed_v<Value>) {
    const unsigned spare = static_cast<unsigned>(8 * (sizeof(Value) - width));
    using Unsigned = std::make_unsigned_t<Value>;
    const auto shifted = static_cast<Unsigned>(static_cast<Unsigned>(random) << spare);
    return static_cast<Value>(static_cast<Value>(shifted) >> spare);
  } else {
    return static_cast<Value>(bits_of(static_cast<Value>(random), width));
  }
}

std::string expected_bytes(std::uint64_t bits, std::size_t width, bool little) {
  std::string bytes;
  for (std::size_t i = 0; i < width; ++i) {
    const std::size_t place = little ? i : width - 1 - i;
    bytes.push_back(static_cast<char>(bits >> 8 * place & 0xFF));
  }
  return bytes;
}

// AbstractByteBufTest: testRandom*Access, test*Consistent*. Goal: what set_ writes are the expected
// bytes, at every offset, and nothing beside them; get_ reads the same value.
VARIANT_TEST(TypedAccess, SetsAndGetsAtEveryOffset) {
  constexpr std::size_t kCapacity = 40;
  auto random = testing_support::random_numbers();
  for_each_type<Buffer>([&]<class Value>(const Members<Buffer, Value>& type) {
    for (std::size_t index = 0; index + type.width <= kCapacity; ++index) {
      Buffer buf = variant.make(kCapacity);
      buf.set_bytes(0, std::string(kCapacity, '#'));
      const auto value = value_from<Value>(random(), type.width);
      (buf.*type.set)(index, value);
      const std::uint64_t bits = bits_of(value, type.width);
      std::string expected(kCapacity, '#');
      expected.replace(index, type.width, expected_bytes(bits, type.width, type.little));
      ASSERT_EQ(testing_support::all_bytes(buf), expected) << type.name << " at " << index;
      ASSERT_EQ(bits_of((buf.*type.get)(index), type.width), bits) << type.name << " at " << index;
      ASSERT_EQ(buf.writer_index(), 0U) << type.name;
    }
  });
}

// AbstractByteBufTest: testSequential*Access
VARIANT_TEST(TypedAccess, WritesAndReadsInSequence) {
  constexpr std::size_t kCapacity = 240;
  Buffer buf = variant.make(kCapacity);
  auto random = testing_support::random_numbers();
  std::size_t at = 0;
  const auto write_all = [&] {
    for_each_type<Buffer>([&]<class Value>(const Members<Buffer, Value>& type) {
      (buf.*type.write)(value_from<Value>(random(), type.width));
      at += type.width;
      ASSERT_EQ(buf.writer_index(), at) << type.name;
    });
  };
  write_all();
  write_all();
  random = testing_support::random_numbers();
  at = 0;
  for (int round = 0; round < 2; ++round) {
    for_each_type<Buffer>([&]<class Value>(const Members<Buffer, Value>& type) {
      const auto expected = value_from<Value>(random(), type.width);
      const Value value = round == 0 ? (buf.*type.read)() : (buf.*type.try_read)().value();
      ASSERT_EQ(bits_of(value, type.width), bits_of(expected, type.width)) << type.name;
      at += type.width;
      ASSERT_EQ(buf.reader_index(), at) << type.name;
    });
  }
  EXPECT_FALSE(buf.is_readable());
}

// AbstractByteBufTest: get*BoundaryCheck*, set*BoundaryCheck*, readBoundary checks
VARIANT_TEST(TypedAccess, RefusesWhatReachesPastTheEnd) {
  constexpr std::size_t kCapacity = 16;
  Buffer buf = variant.make(kCapacity);
  buf.set_bytes(0, std::string(kCapacity, '#'));
  for_each_type<Buffer>([&]<class Value>(const Members<Buffer, Value>& type) {
    for (const std::size_t index : {kCapacity - type.width + 1, kCapacity, kCapacity + 1,
                                    ByteBuf::npos - type.width + 1, ByteBuf::npos}) {
      const std::string expected = "index " + std::to_string(index) + " + length " +
                                   std::to_string(type.width) + " exceeds capacity 16";
      EXPECT_EQ(message_of<std::out_of_range>([&] { static_cast<void>((buf.*type.get)(index)); }),
                expected)
          << type.name;
      EXPECT_EQ(message_of<std::out_of_range>([&] { (buf.*type.set)(index, Value{}); }), expected)
          << type.name;
    }
    for (std::size_t readable = 0; readable < type.width; ++readable) {
      buf.set_index(5, 5 + readable);
      EXPECT_EQ(message_of<std::out_of_range>([&] { (buf.*type.read)(); }),
                "reader index 5 + length " + std::to_string(type.width) + " exceeds writer index " +
                    std::to_string(5 + readable))
          << type.name;
      EXPECT_EQ((buf.*type.try_read)(), std::nullopt) << type.name;
      EXPECT_EQ(buf.reader_index(), 5U) << type.name;
    }
  });
  EXPECT_EQ(testing_support::all_bytes(buf), std::string(kCapacity, '#'));
}

VARIANT_TEST(TypedAccess, AWriteBeyondTheMaximumChangesNothing) {
  for_each_type<Buffer>([&]<class Value>(const Members<Buffer, Value>& type) {
    Buffer buf = variant.make(16, 16);
    if (buf.max_capacity() != 16) return;
    buf.set_bytes(0, std::string(16, '#'));
    buf.writer_index(16 - type.width + 1);
    EXPECT_EQ(message_of<std::out_of_range>([&] { (buf.*type.write)(Value{}); }),
              "writer index " + std::to_string(buf.writer_index()) + " + length " +
                  std::to_string(type.width) + " exceeds max capacity 16")
        << type.name;
    EXPECT_EQ(testing_support::all_bytes(buf), std::string(16, '#')) << type.name;
    EXPECT_EQ(buf.writer_index(), 16 - type.width + 1) << type.name;
  });
}

VARIANT_TEST(TypedAccess, IgnoresTheUpperBitsOfA24BitValue) {
  Buffer buf = variant.make(6);
  buf.write_u24(0xAB010203).write_u24_le(0xAB010203);
  EXPECT_EQ(buf.read_u24(), 0x010203U);
  EXPECT_EQ(buf.read_u24_le(), 0x010203U);
}

VARIANT_TEST(TypedAccess, TakesEveryNonZeroByteForTrue) {
  Buffer buf = variant.make(2);
  buf.set_u8(0, 2).set_u8(1, 0);
  EXPECT_TRUE(buf.get_bool(0));
  EXPECT_FALSE(buf.get_bool(1));
}

template <class Value>
std::vector<Value> random_values(std::size_t count, std::size_t width) {
  auto random = testing_support::random_numbers();
  std::vector<Value> values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(value_from<Value>(random(), width));
  return values;
}

constexpr std::size_t kSpan = 7;  // numbers: across several of a composite's pieces

VARIANT_TEST(TypedAccess, WritesAndReadsSpansAsOneByOne) {
  for_each_span_type<Buffer>([&]<class Value>(const SpanMembers<Buffer, Value>& type) {
    const std::size_t n = kSpan * type.width;
    Buffer buf = variant.make(n + 2);
    buf.set_bytes(0, std::string(n + 2, '#')).set_index(1, 1);
    const std::vector<Value> values = random_values<Value>(kSpan, type.width);
    (buf.*type.write)(values);
    EXPECT_EQ(buf.writer_index(), 1 + n) << type.name;
    EXPECT_EQ(buf.get_u8(0), '#');
    EXPECT_EQ(buf.get_u8(1 + n), '#') << type.name;
    for (std::size_t i = 0; i < kSpan; ++i) {
      ASSERT_EQ(bits_of((buf.*type.get_one)(1 + i * type.width), type.width),
                bits_of(values[i], type.width))
          << type.name << " number " << i;
    }
    std::vector<Value> got(kSpan), read(kSpan);
    (buf.*type.get)(1, got);
    EXPECT_EQ(buf.reader_index(), 1U) << type.name;
    (buf.*type.read)(read);
    EXPECT_EQ(buf.reader_index(), 1 + n) << type.name;
    for (std::size_t i = 0; i < kSpan; ++i) {
      ASSERT_EQ(bits_of(got[i], type.width), bits_of(values[i], type.width)) << type.name;
      ASSERT_EQ(bits_of(read[i], type.width), bits_of(values[i], type.width)) << type.name;
    }
    (buf.*type.set)(2, values);
    EXPECT_EQ(bits_of((buf.*type.get_one)(2), type.width), bits_of(values[0], type.width));
    EXPECT_EQ(buf.writer_index(), 1 + n) << type.name;
    (buf.*type.set)(n + 2, {});
    (buf.*type.write)({});
    (buf.*type.read)({});
    EXPECT_EQ(buf.reader_index(), 1 + n) << type.name;
  });
}

VARIANT_TEST(TypedAccess, RefusesAWholeSpanThatReachesPastTheEnd) {
  for_each_span_type<Buffer>([&]<class Value>(const SpanMembers<Buffer, Value>& type) {
    const std::size_t n = kSpan * type.width;
    Buffer buf = variant.make(n, n);
    buf.set_bytes(0, std::string(n, '#')).set_index(0, n - 1);
    std::vector<Value> values(kSpan, Value(1));
    const std::string length = " + length " + std::to_string(n);
    const std::string past_capacity = "index 1" + length + " exceeds capacity " + std::to_string(n);
    EXPECT_EQ(message_of<std::out_of_range>([&] { (buf.*type.get)(1, values); }), past_capacity);
    EXPECT_EQ(message_of<std::out_of_range>([&] { (buf.*type.set)(1, values); }), past_capacity);
    EXPECT_EQ(message_of<std::out_of_range>([&] { (buf.*type.read)(values); }),
              "reader index 0" + length + " exceeds writer index " + std::to_string(n - 1));
    if (buf.max_capacity() == n) {
      EXPECT_EQ(message_of<std::out_of_range>([&] { (buf.*type.write)(values); }),
                "writer index " + std::to_string(n - 1) + length + " exceeds max capacity " +
                    std::to_string(n));
    }
    const auto view = buf.as_read_only();
    Buffer read_only = view;
    EXPECT_THROW((read_only.*type.write)(values), ReadOnlyError) << type.name;
    EXPECT_THROW((read_only.*type.set)(n, values), ReadOnlyError) << type.name;
    EXPECT_EQ(testing_support::all_bytes(buf), std::string(n, '#')) << type.name;
    EXPECT_EQ(buf.reader_index(), 0U);
    EXPECT_EQ(buf.writer_index(), n - 1);
    for (const Value value : values)
      EXPECT_EQ(bits_of(value, 2), bits_of(Value(1), 2)) << type.name;
  });
}

TEST(CompositeTypedAccess, ASpanThatTouchesAReadOnlyComponentWritesNothing) {
  CompositeByteBuf buf;
  buf.add_components(ByteBuf::wrap_copy("########"), ByteBuf::wrap_copy("########").as_read_only());
  const std::vector<std::uint32_t> values(3, 1);
  EXPECT_THROW(buf.set_u32(0, values), ReadOnlyError);
  buf.set_index(0, 0);
  EXPECT_THROW(buf.write_u32(values), ReadOnlyError);
  EXPECT_EQ(buf.writer_index(), 0U);
  EXPECT_EQ(testing_support::all_bytes(buf), "################");
}

GROWING_VARIANT_TEST(GrowingTypedAccess, ASpanGrows) {
  for_each_span_type<Buffer>([&]<class Value>(const SpanMembers<Buffer, Value>& type) {
    Buffer buf = variant.make(0);
    const std::vector<Value> values = random_values<Value>(100, type.width);
    (buf.*type.write)(values);
    EXPECT_EQ(buf.readable_bytes(), 100 * type.width) << type.name;
    std::vector<Value> read(100);
    (buf.*type.read)(read);
    EXPECT_EQ(bits_of(read[99], type.width), bits_of(values[99], type.width)) << type.name;
  });
}

GROWING_VARIANT_TEST(GrowingTypedAccess, AWriteGrows) {
  for_each_type<Buffer>([&]<class Value>(const Members<Buffer, Value>& type) {
    Buffer buf = variant.make(0);
    for (unsigned i = 0; i < 100; ++i) (buf.*type.write)(value_from<Value>(i, type.width));
    EXPECT_EQ(buf.readable_bytes(), 100 * type.width) << type.name;
    for (unsigned i = 0; i < 100; ++i) {
      ASSERT_EQ(bits_of((buf.*type.read)(), type.width),
                bits_of(value_from<Value>(i, type.width), type.width))
          << type.name;
    }
  });
}

}  // namespace
}  // namespace tarn
