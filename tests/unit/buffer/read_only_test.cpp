// SPDX-License-Identifier: Apache-2.0
// Tests of read-only buffers, over every variant: what is refused, before any range is looked at,
// and what is not.
#include <gtest/gtest.h>

#include <string>

#include "support/buffer_variants.hpp"

namespace tarn {
namespace {

using testing_support::all_bytes;

// Not constexpr: gcc would see, and rightly warn, that no memory is so large.
const volatile std::size_t kHuge = ByteBuf::npos;

template <class Buffer>
Buffer read_only(const testing_support::Variant<Buffer>& variant) {
  Buffer buf = variant.make(16);
  buf.set_bytes(0, "0123456789abcdef").set_index(2, 10);
  return buf.as_read_only();
}

/// Both with arguments that would be fine and with such that would be out of range.
#define EXPECT_REFUSED(call) EXPECT_THROW(static_cast<void>(call), ReadOnlyError) << #call

// ReadOnlyByteBufTest: everything that would modify
VARIANT_TEST(ReadOnly, RefusesEveryNumber) {
  Buffer buf = read_only(variant);
  for (const std::size_t index : {std::size_t{0}, std::size_t{14}, kHuge}) {
    EXPECT_REFUSED(buf.set_bool(index, true));
    EXPECT_REFUSED(buf.set_u8(index, 1));
    EXPECT_REFUSED(buf.set_i8(index, 1));
    EXPECT_REFUSED(buf.set_u16(index, 1));
    EXPECT_REFUSED(buf.set_i16_le(index, 1));
    EXPECT_REFUSED(buf.set_u24(index, 1));
    EXPECT_REFUSED(buf.set_i24_le(index, 1));
    EXPECT_REFUSED(buf.set_u32(index, 1));
    EXPECT_REFUSED(buf.set_i32_le(index, 1));
    EXPECT_REFUSED(buf.set_u64(index, 1));
    EXPECT_REFUSED(buf.set_i64_le(index, 1));
    EXPECT_REFUSED(buf.set_f32(index, 1));
    EXPECT_REFUSED(buf.set_f64_le(index, 1));
  }
  EXPECT_REFUSED(buf.write_bool(true));
  EXPECT_REFUSED(buf.write_u8(1));
  EXPECT_REFUSED(buf.write_u16_le(1));
  EXPECT_REFUSED(buf.write_u24(1));
  EXPECT_REFUSED(buf.write_u32(1));
  EXPECT_REFUSED(buf.write_u64_le(1));
  EXPECT_REFUSED(buf.write_f32(1));
  EXPECT_REFUSED(buf.write_f64(1));
  EXPECT_REFUSED(buf.write_varint(1));
  EXPECT_REFUSED(buf.write_svarint(-1));
  EXPECT_EQ(all_bytes(buf), "0123456789abcdef");
  EXPECT_EQ(buf.writer_index(), 10U);
}

VARIANT_TEST(ReadOnly, RefusesEveryRunOfBytes) {
  Buffer buf = read_only(variant);
  const std::string long_text(100, 'x');
  EXPECT_REFUSED(buf.set_bytes(0, "x"));
  EXPECT_REFUSED(buf.set_bytes(0, long_text));
  EXPECT_REFUSED(buf.set_bytes(0, buf));
  EXPECT_REFUSED(buf.set_bytes(kHuge, ""));
  EXPECT_REFUSED(buf.set_zero(0, 1));
  EXPECT_REFUSED(buf.set_zero(kHuge, kHuge));
  EXPECT_REFUSED(buf.write_bytes("x"));
  EXPECT_REFUSED(buf.write_bytes(long_text));
  EXPECT_REFUSED(buf.write_bytes(buf));
  EXPECT_REFUSED(buf.write_zero(1));
  EXPECT_REFUSED(buf.write_zero(kHuge));
  EXPECT_REFUSED(buf.prepend("x"));
  EXPECT_REFUSED(buf.prepend(long_text));
  EXPECT_REFUSED(buf.prepend(buf));
  EXPECT_REFUSED(buf.get_bytes(0, buf, 1));
  EXPECT_REFUSED(buf.read_bytes(buf, 1));
  EXPECT_EQ(all_bytes(buf), "0123456789abcdef");
  EXPECT_EQ(buf.reader_index(), 2U);
  EXPECT_EQ(buf.writer_index(), 10U);
}

VARIANT_TEST(ReadOnly, RefusesEveryChangeOfSize) {
  Buffer buf = read_only(variant);
  EXPECT_REFUSED(buf.advance(1));
  EXPECT_REFUSED(buf.advance(kHuge));
  EXPECT_REFUSED(buf.ensure_writable(1));
  EXPECT_REFUSED(buf.ensure_writable(kHuge));
  EXPECT_REFUSED(buf.capacity(20));
  EXPECT_REFUSED(buf.capacity(4));
  EXPECT_REFUSED(buf.discard_read_bytes());
  EXPECT_REFUSED(buf.compact_if_sparse());
  EXPECT_REFUSED(buf.reserve_headroom(1));
  EXPECT_REFUSED(buf.reserve_headroom(kHuge));
  EXPECT_REFUSED(writable_iovecs(buf, 1));
  if constexpr (std::same_as<Buffer, ByteBuf>) {
    EXPECT_REFUSED(buf.data());
    EXPECT_REFUSED(buf.writable());
  }
  EXPECT_EQ(all_bytes(buf), "0123456789abcdef");
}

VARIANT_TEST(ReadOnly, SaysThatNothingIsWritable) {
  const Buffer buf = read_only(variant);
  EXPECT_TRUE(buf.is_read_only());
  EXPECT_FALSE(buf.is_writable());
  EXPECT_FALSE(buf.is_writable(0));
  EXPECT_EQ(buf.writable_bytes(), 0U);
  EXPECT_EQ(buf.max_writable_bytes(), 0U);
  EXPECT_EQ(buf.headroom(), 0U);
  EXPECT_EQ(buf.capacity(), 16U);
}

VARIANT_TEST(ReadOnly, ReadsMovesAndGoes) {
  Buffer buf = read_only(variant);
  EXPECT_EQ(buf.read_u8(), '2');
  EXPECT_EQ(buf.read_string(2), "34");
  EXPECT_EQ(buf.skip(1).to_string(), "6789");
  EXPECT_EQ(buf.set_index(0, 16).get_u16(14), 0x6566);
  EXPECT_EQ(buf.writer_index(12).reader_index(4).readable_bytes(), 8U);
  EXPECT_EQ(buf.clear().readable_bytes(), 0U);
  buf.make_unique();
  EXPECT_TRUE(buf.is_read_only()) << "unshared, and still for reading only";
  buf.release();
  EXPECT_FALSE(buf);
}

VARIANT_TEST(ReadOnly, PassesItOnToAllButCopies) {
  Buffer buf = read_only(variant);
  EXPECT_TRUE(Buffer(buf).is_read_only());
  EXPECT_TRUE(buf.duplicate().is_read_only());
  EXPECT_TRUE(buf.as_read_only().is_read_only());
  EXPECT_TRUE(buf.slice().is_read_only());
  EXPECT_TRUE(buf.slice(3, 4).is_read_only());
  EXPECT_TRUE(buf.read_slice(1).is_read_only());
  ByteBuf copy = buf.copy();
  EXPECT_FALSE(copy.is_read_only());
  EXPECT_FALSE(buf.copy(1, 2).is_read_only());
  EXPECT_FALSE(buf.read_bytes(1).is_read_only());
  copy.set_u8(0, 'X');
  EXPECT_EQ(all_bytes(buf), "0123456789abcdef");
  const Buffer moved = std::move(buf);
  EXPECT_TRUE(moved.is_read_only());
}

VARIANT_TEST(ReadOnly, SeesWhatIsWrittenThroughTheOriginal) {
  Buffer buf = variant.make(4);
  buf.write_bytes("abcd");
  const Buffer view = buf.as_read_only();
  buf.set_u8(0, 'X');
  EXPECT_EQ(view.to_string(), "Xbcd");
  EXPECT_FALSE(buf.is_read_only());
}

}  // namespace
}  // namespace tarn
