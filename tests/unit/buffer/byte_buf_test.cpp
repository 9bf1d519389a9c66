// SPDX-License-Identifier: Apache-2.0
// Tests of ByteBuf's life: sharing, windows, memory, growth.
#include "tarn/byte_buf.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/buffer_variants.hpp"
#include "tarn/allocator.hpp"

namespace tarn {
namespace {

using testing_support::all_bytes;
using testing_support::message_of;
using testing_support::readable_text;
using testing_support::unpooled_buffer;

constexpr std::size_t kHuge = ByteBuf::npos;

static_assert(sizeof(ByteBuf) <= 48);
static_assert(std::is_nothrow_default_constructible_v<ByteBuf>);
static_assert(std::is_nothrow_move_constructible_v<ByteBuf>);
static_assert(std::is_nothrow_move_assignable_v<ByteBuf>);
static_assert(std::is_nothrow_swappable_v<ByteBuf>);
static_assert(std::is_copy_constructible_v<ByteBuf> && std::is_copy_assignable_v<ByteBuf>);
static_assert(!std::is_convertible_v<ByteBuf, bool>, "explicit");

/// What the empty ByteBuf must be, however it became so.
void expect_empty(ByteBuf& buf) {
  EXPECT_FALSE(buf);
  EXPECT_EQ(buf.capacity(), 0U);
  EXPECT_EQ(buf.max_capacity(), 0U);
  EXPECT_EQ(buf.ref_count(), 0U);
  EXPECT_FALSE(buf.is_unique());
  EXPECT_FALSE(buf.is_read_only());
  EXPECT_EQ(buf.data(), nullptr);
  EXPECT_TRUE(buf.readable().empty());
  EXPECT_TRUE(buf.writable().empty());
  EXPECT_FALSE(buf.slice());
  EXPECT_FALSE(buf.duplicate());
  EXPECT_FALSE(buf.copy());
  EXPECT_FALSE(buf.as_read_only());
  EXPECT_FALSE(buf.compact_if_sparse());
  EXPECT_FALSE(buf.make_unique());
  buf.discard_read_bytes().reserve_headroom(0).capacity(0).ensure_writable(0).release();
  buf.write_bytes("").prepend("");
  EXPECT_THROW(buf.write_u8(1), std::out_of_range);
  EXPECT_THROW(buf.ensure_writable(1), std::out_of_range);
  EXPECT_THROW(buf.capacity(1), std::invalid_argument);
  EXPECT_THROW(buf.prepend("x"), std::out_of_range);
  EXPECT_THROW(static_cast<void>(buf.slice(0, 1)), std::out_of_range);
  EXPECT_THROW(static_cast<void>(buf.get_u8(0)), std::out_of_range);
}

TEST(ByteBuf, IsEmptyWhenDefaultMadeMovedFromOrReleased) {
  ByteBuf made;
  expect_empty(made);
  ByteBuf moved = unpooled_buffer(8);
  const ByteBuf target = std::move(moved);
  expect_empty(moved);  // NOLINT(bugprone-use-after-move)
  ByteBuf released = unpooled_buffer(8);
  released.release();
  expect_empty(released);
}

TEST(ByteBuf, OfCapacityZeroIsABuffer) {
  ByteBuf buf = unpooled_buffer(0);
  EXPECT_TRUE(buf);
  EXPECT_EQ(buf.ref_count(), 1U);
  EXPECT_TRUE(buf.is_unique());
  buf.write_bytes("grown");
  EXPECT_EQ(readable_text(buf), "grown");
}

TEST(ByteBuf, ACopySharesTheBytesAndHasItsOwnIndices) {
  ByteBuf buf = unpooled_buffer(8);
  buf.write_bytes("abcd");
  ByteBuf copy = buf;
  EXPECT_EQ(buf.ref_count(), 2U);
  EXPECT_EQ(copy.writer_index(), 4U);
  EXPECT_EQ(copy.data(), buf.data());
  copy.skip(2).set_u8(0, 'X');
  EXPECT_EQ(buf.reader_index(), 0U);
  EXPECT_EQ(buf.get_u8(0), 'X') << "a write through one is seen by all";
  EXPECT_FALSE(buf.is_unique());
  copy.release();
  EXPECT_TRUE(buf.is_unique());
}

TEST(ByteBuf, AMoveLeavesTheCountAlone) {
  ByteBuf buf = unpooled_buffer(8);
  const std::byte* const data = std::as_const(buf).data();
  ByteBuf other = std::move(buf);
  EXPECT_EQ(other.ref_count(), 1U);
  EXPECT_EQ(std::as_const(other).data(), data);
  buf = std::move(other);
  EXPECT_EQ(std::as_const(buf).data(), data);
}

TEST(ByteBuf, AssignmentToItselfChangesNothing) {
  ByteBuf buf = ByteBuf::wrap_copy("abcd");
  ByteBuf& same = buf;
  buf = same;
  EXPECT_EQ(readable_text(buf), "abcd");
  EXPECT_EQ(buf.ref_count(), 1U);
  buf = std::move(same);
  EXPECT_EQ(readable_text(buf), "abcd");
  swap(buf, same);
  EXPECT_EQ(readable_text(buf), "abcd");
  buf = buf.slice(1, 2);
  EXPECT_EQ(readable_text(buf), "bc");
  EXPECT_EQ(buf.ref_count(), 1U);
}

TEST(ByteBuf, AssignmentLetsTheOldMemoryGo) {
  ByteBuf first = ByteBuf::wrap_copy("first");
  const ByteBuf witness = first;
  ByteBuf second = ByteBuf::wrap_copy("second");
  first = second;
  EXPECT_EQ(witness.ref_count(), 1U);
  EXPECT_EQ(second.ref_count(), 2U);
  swap(first, second);
  EXPECT_EQ(readable_text(first), "second");
}

// AbstractByteBufTest: testSliceIndex, testRetainedSlice*, testSliceContents...
TEST(ByteBuf, ASliceIsAWindowOfItsOwn) {
  ByteBuf buf = ByteBuf::wrap_copy("0123456789");
  buf.skip(1).writer_index(9);
  ByteBuf readable = buf.slice();
  EXPECT_EQ(readable_text(readable), "12345678");
  ByteBuf part = buf.slice(2, 4);
  EXPECT_EQ(readable_text(part), "2345");
  EXPECT_EQ(part.reader_index(), 0U);
  EXPECT_EQ(part.capacity(), 4U);
  EXPECT_EQ(part.max_capacity(), 4U);
  EXPECT_EQ(buf.ref_count(), 3U);
  part.set_u8(0, 'X');
  EXPECT_EQ(buf.get_u8(2), 'X');
  EXPECT_EQ(readable_text(part.slice(1, 2)), "34");
  EXPECT_EQ(readable_text(buf.slice(9, 1)), "9") << "bounded by the capacity, not the indices";
  EXPECT_TRUE(buf.slice(10, 0));
  EXPECT_THROW(static_cast<void>(buf.slice(7, 4)), std::out_of_range);
  EXPECT_THROW(static_cast<void>(buf.slice(11, 0)), std::out_of_range);
  EXPECT_THROW(static_cast<void>(buf.slice(kHuge, 1)), std::out_of_range);
  EXPECT_THROW(static_cast<void>(buf.slice(1, kHuge)), std::out_of_range);
  buf.release();
  EXPECT_EQ(readable_text(part), "X345") << "it keeps the memory alive";
}

TEST(ByteBuf, ReadSliceMovesTheReader) {
  ByteBuf buf = ByteBuf::wrap_copy("0123456789");
  EXPECT_EQ(readable_text(buf.read_slice(4)), "0123");
  EXPECT_EQ(readable_text(buf.read_slice(0)), "");
  EXPECT_EQ(readable_text(buf.read_slice(6)), "456789");
  EXPECT_EQ(buf.reader_index(), 10U);
  EXPECT_EQ(buf.ref_count(), 1U);
  EXPECT_EQ(message_of<std::out_of_range>([&] { buf.read_slice(1); }),
            "reader index 10 + length 1 exceeds writer index 10");
}

// AbstractByteBufTest: testDuplicate*, DuplicatedByteBufTest
TEST(ByteBuf, ADuplicateKeepsIndicesAndMaximum) {
  ByteBuf buf = unpooled_buffer(8, 100);
  buf.write_bytes("abcd").skip(1);
  const ByteBuf other = buf.duplicate();
  EXPECT_EQ(other.reader_index(), 1U);
  EXPECT_EQ(other.writer_index(), 4U);
  EXPECT_EQ(other.capacity(), 8U);
  EXPECT_EQ(other.max_capacity(), 100U);
  EXPECT_EQ(buf.ref_count(), 2U);
}

TEST(ByteBuf, CopyCopiesBytes) {
  ByteBuf buf = unpooled_buffer(16, 100);
  buf.write_bytes("0123456789").skip(2);
  ByteBuf copy = buf.copy();
  EXPECT_EQ(readable_text(copy), "23456789");
  EXPECT_EQ(copy.reader_index(), 0U);
  EXPECT_EQ(copy.capacity(), 8U);
  EXPECT_EQ(copy.max_capacity(), 100U);
  EXPECT_TRUE(copy.is_unique());
  copy.set_u8(0, 'X');
  EXPECT_EQ(buf.get_u8(2), '2');
  EXPECT_EQ(readable_text(buf.copy(8, 2)), "89");
  EXPECT_TRUE(buf.copy(0, 0));
  EXPECT_THROW(static_cast<void>(buf.copy(15, 2)), std::out_of_range);
  EXPECT_THROW(static_cast<void>(buf.copy(kHuge, 2)), std::out_of_range);
}

TEST(ByteBuf, MakeUniqueCopiesOnlyWhatIsShared) {
  ByteBuf buf = unpooled_buffer(8, 100);
  buf.write_bytes("abcd").skip(1);
  buf.set_u8(7, 'z');
  const std::byte* const data = buf.data();
  buf.make_unique();
  EXPECT_EQ(buf.data(), data);
  ByteBuf other = buf;
  other.make_unique();
  EXPECT_TRUE(buf.is_unique() && other.is_unique());
  EXPECT_NE(other.data(), data);
  EXPECT_EQ(other.reader_index(), 1U);
  EXPECT_EQ(other.writer_index(), 4U);
  EXPECT_EQ(other.capacity(), 8U);
  EXPECT_EQ(other.max_capacity(), 100U);
  EXPECT_EQ(other.get_u8(7), 'z') << "bytes outside of the indices are kept";
  other.set_u8(0, 'X');
  EXPECT_EQ(buf.get_u8(0), 'a');
  EXPECT_FALSE(buf.as_read_only().make_unique().is_writable()) << "unique, and still read-only";
}

TEST(ByteBuf, ShowsItsBytesAsSpans) {
  ByteBuf buf = unpooled_buffer(8);
  const auto writable = buf.writable();
  ASSERT_EQ(writable.size(), 8U);
  std::memcpy(writable.data(), "abc", 3);
  buf.advance(3).skip(1);
  EXPECT_EQ(buf.readable().size(), 2U);
  EXPECT_EQ(buf.readable().data(), buf.data() + 1);
  EXPECT_EQ(buf.writable().data(), buf.data() + 3);
  EXPECT_EQ(buf.writable().size(), 5U);
  static_assert(noexcept(buf.readable()));
}

// --- Growth
// ---------------------------------------------------------------------------------------

TEST(ByteBufGrowth, GoesToTheNextCapacity) {
  ByteBuf buf = unpooled_buffer(1);
  std::vector<std::size_t> capacities{1};
  for (unsigned i = 0; i < 300; ++i) {
    buf.write_u8(static_cast<std::uint8_t>(i));
    if (buf.capacity() != capacities.back()) capacities.push_back(buf.capacity());
  }
  EXPECT_EQ(capacities, (std::vector<std::size_t>{1, 64, 128, 256, 512}));
  for (unsigned i = 0; i < 300; ++i) ASSERT_EQ(buf.read_u8(), i % 256);
}

TEST(ByteBufGrowth, StopsAtTheMaximum) {
  ByteBuf buf = unpooled_buffer(0, 100);
  buf.write_zero(65);
  EXPECT_EQ(buf.capacity(), 100U);
  buf.write_zero(35);
  EXPECT_EQ(message_of<std::out_of_range>([&] { buf.write_u32(1); }),
            "writer index 100 + length 4 exceeds max capacity 100");
  EXPECT_THROW(buf.ensure_writable(kHuge), std::out_of_range);
  EXPECT_EQ(buf.writer_index(), 100U);
}

TEST(ByteBufGrowth, IsNoneWhileThereIsRoom) {
  ByteBuf buf = unpooled_buffer(16);
  const std::byte* const data = buf.data();
  buf.ensure_writable(16);
  EXPECT_EQ(buf.capacity(), 16U);
  buf.write_zero(16);
  EXPECT_EQ(buf.capacity(), 16U);
  EXPECT_EQ(buf.data(), data);
  buf.ensure_writable(1);
  EXPECT_EQ(buf.capacity(), 64U);
}

TEST(ByteBufGrowth, IsInPlaceWhenAloneWithRoom) {
  ByteBuf buf = unpooled_buffer(1000);
  buf.write_bytes("abc").capacity(10);
  const std::byte* const data = buf.data();
  buf.write_zero(20);
  EXPECT_EQ(buf.capacity(), 64U);
  EXPECT_EQ(buf.data(), data);
  buf.capacity(1000);
  EXPECT_EQ(buf.data(), data);
  buf.capacity(1001);
  EXPECT_NE(buf.data(), data);
  EXPECT_EQ(buf.get_u8(2), 'c');
}

TEST(ByteBufGrowth, DetachesFromOtherSharers) {
  ByteBuf buf = unpooled_buffer(1000);
  buf.write_bytes("abc").capacity(10);
  const ByteBuf other = buf;
  buf.write_zero(20);
  EXPECT_TRUE(buf.is_unique());
  EXPECT_TRUE(other.is_unique());
  buf.set_u8(0, 'X');
  EXPECT_EQ(other.get_u8(0), 'a');
  EXPECT_EQ(other.capacity(), 10U);
}

TEST(ByteBufGrowth, OfTooMuchIsBadAllocAndChangesNothing) {
  ByteBuf buf = unpooled_buffer(8);
  buf.write_bytes("abc");
  EXPECT_THROW(buf.ensure_writable(kHuge - 4), std::bad_alloc);
  EXPECT_THROW(buf.ensure_writable(kHuge / 2), std::bad_alloc);
  EXPECT_THROW(buf.capacity(kHuge - 4), std::bad_alloc);
  EXPECT_THROW(buf.write_zero(kHuge / 2), std::bad_alloc);
  EXPECT_THROW(buf.reserve_headroom(kHuge / 2), std::bad_alloc);
  EXPECT_EQ(readable_text(buf), "abc");
  EXPECT_EQ(buf.capacity(), 8U);
}

// AbstractByteBufTest: testCapacityEnforceMaxCapacity, testCapacityNegative, testCapacityDecrease,
// testCapacityIncrease
TEST(ByteBufGrowth, CapacityIsExact) {
  ByteBuf buf = unpooled_buffer(16, 40);
  buf.write_bytes("0123456789").skip(4);
  buf.capacity(30);
  EXPECT_EQ(buf.capacity(), 30U);
  EXPECT_EQ(readable_text(buf), "456789");
  buf.capacity(8);
  EXPECT_EQ(readable_text(buf), "4567");
  EXPECT_EQ(buf.writer_index(), 8U);
  buf.capacity(3);
  EXPECT_EQ(buf.reader_index(), 3U);
  EXPECT_EQ(buf.writer_index(), 3U);
  buf.capacity(0);
  EXPECT_TRUE(buf);
  EXPECT_EQ(message_of<std::invalid_argument>([&] { buf.capacity(41); }),
            "capacity 41 exceeds max capacity 40");
  buf.capacity(40);
  EXPECT_EQ(buf.writable_bytes(), 40U);
}

TEST(ByteBufGrowth, ASliceCanShrinkAndComeBack) {
  ByteBuf buf = ByteBuf::wrap_copy("0123456789");
  ByteBuf part = buf.slice(2, 6);
  part.capacity(3);
  EXPECT_EQ(readable_text(part), "234");
  part.capacity(6);
  EXPECT_EQ(part.capacity(), 6U);
  EXPECT_THROW(part.capacity(7), std::invalid_argument);
  EXPECT_EQ(all_bytes(buf), "0123456789") << "grown into memory of its own";
}

// --- Discard, compact, headroom ------------------------------------------------------------------

// AbstractByteBufTest: testDiscardReadBytes, testDiscardReadBytes2
TEST(ByteBufDiscard, MovesTheReadableBytesToTheStart) {
  ByteBuf buf = unpooled_buffer(10);
  buf.write_bytes("0123456789").skip(4);
  const std::byte* const data = buf.data();
  buf.discard_read_bytes();
  EXPECT_EQ(readable_text(buf), "456789");
  EXPECT_EQ(buf.reader_index(), 0U);
  EXPECT_EQ(buf.writer_index(), 6U);
  EXPECT_EQ(buf.capacity(), 10U);
  EXPECT_EQ(buf.data(), data);
  buf.discard_read_bytes();
  EXPECT_EQ(readable_text(buf), "456789");
  buf.skip(6).discard_read_bytes();
  EXPECT_EQ(buf.writer_index(), 0U);
}

TEST(ByteBufDiscard, LeavesOtherSharersTheirBytes) {
  ByteBuf buf = ByteBuf::wrap_copy("0123456789");
  const ByteBuf other = buf;
  buf.skip(4).discard_read_bytes();
  EXPECT_EQ(readable_text(buf), "456789");
  EXPECT_EQ(buf.capacity(), 10U);
  EXPECT_EQ(readable_text(other), "0123456789");
  EXPECT_TRUE(buf.is_unique() && other.is_unique());
}

TEST(ByteBufDiscard, LeavesOtherSharersTheirBytesWhenAllIsRead) {
  ByteBuf buf = ByteBuf::wrap_copy("frame");
  const ByteBuf frame = buf.read_slice(5);
  buf.discard_read_bytes().write_bytes("again");
  EXPECT_EQ(readable_text(buf), "again");
  EXPECT_EQ(buf.capacity(), 5U);
  EXPECT_EQ(readable_text(frame), "frame");
}

TEST(ByteBufCompact, LeavesOtherSharersTheirBytesWhenAllIsRead) {
  ByteBuf buf = ByteBuf::wrap_copy("frame");
  const ByteBuf frame = buf.read_slice(5);
  EXPECT_TRUE(buf.compact_if_sparse());
  buf.write_bytes("again");
  EXPECT_EQ(readable_text(frame), "frame");
}

TEST(ByteBufCompact, DiscardsWhenHalfIsRead) {
  ByteBuf buf = unpooled_buffer(10);
  buf.write_bytes("0123456789").skip(4);
  EXPECT_FALSE(buf.compact_if_sparse());
  EXPECT_EQ(buf.reader_index(), 4U);
  buf.skip(1);
  EXPECT_TRUE(buf.compact_if_sparse());
  EXPECT_EQ(readable_text(buf), "56789");
  EXPECT_EQ(buf.reader_index(), 0U);
  EXPECT_FALSE(buf.compact_if_sparse());
}

TEST(ByteBufCompact, LetsALargeRegionGo) {
  ByteBuf large = unpooled_buffer(1000);
  large.write_zero(1000).set_bytes(500, "tail");
  ByteBuf quarter = large.slice(0, 250);
  EXPECT_FALSE(quarter.compact_if_sparse()) << "a quarter is not less than a quarter";
  ByteBuf part = large.slice(500, 249);
  EXPECT_TRUE(part.compact_if_sparse());
  EXPECT_TRUE(part.is_unique());
  EXPECT_EQ(large.ref_count(), 2U);
  EXPECT_EQ(part.capacity(), 249U);
  EXPECT_EQ(readable_text(part).substr(0, 4), "tail");
  EXPECT_FALSE(part.compact_if_sparse()) << "now it fills its region";
}

TEST(ByteBufCompact, LetsALargeRegionGoThoughItIsAlone) {
  ByteBuf large = unpooled_buffer(1000);
  large.write_zero(100).set_bytes(60, "tail");
  ByteBuf part = large.slice(0, 64);
  large.release();
  part.skip(60);
  EXPECT_TRUE(part.compact_if_sparse());
  EXPECT_EQ(readable_text(part), "tail");
  EXPECT_EQ(part.capacity(), 64U);
  EXPECT_EQ(pool::region_capacity(detail::ByteBufAccess::region(part)), 64U);
}

TEST(ByteBufHeadroom, AtCreationMakesPrependFreeOfCopies) {
  ByteBuf buf = unpooled_buffer(64);
  buf.reserve_headroom(16).write_bytes("body");
  const std::byte* const body = buf.readable().data();
  buf.prepend("header: ");
  EXPECT_EQ(readable_text(buf), "header: body");
  EXPECT_EQ(buf.readable().data() + 8, body);
  EXPECT_EQ(buf.headroom(), 8U);
  EXPECT_EQ(buf.capacity(), 64U);
  buf.reserve_headroom(8);
  EXPECT_EQ(buf.headroom(), 8U) << "it was enough";
}

TEST(ByteBufHeadroom, MovesReadableBytesUp) {
  ByteBuf buf = unpooled_buffer(10, 30);
  buf.write_bytes("body").reserve_headroom(6);
  EXPECT_EQ(readable_text(buf), "body");
  EXPECT_EQ(buf.capacity(), 10U);
  buf.reserve_headroom(7);
  EXPECT_EQ(buf.capacity(), 30U) << "next_capacity(11) is 64, the maximum 30";
  EXPECT_EQ(message_of<std::out_of_range>([&] { buf.reserve_headroom(27); }),
            "headroom 27 + length 4 exceeds max capacity 30");
  EXPECT_EQ(readable_text(buf), "body");
  EXPECT_EQ(buf.reserve_headroom(26).headroom(), 26U);
}

TEST(ByteBufHeadroom, LeavesOtherSharersTheirBytes) {
  ByteBuf buf = unpooled_buffer(16);
  buf.write_bytes("body");
  ByteBuf other = buf;
  buf.prepend("head");
  other.prepend("HEAD");
  EXPECT_EQ(readable_text(buf), "headbody");
  EXPECT_EQ(readable_text(other), "HEADbody");
}

/// Fills a buffer by doubling its capacity up to `last`; @returns how often its bytes moved.
int count_moves(ByteBuf& buf, std::size_t last) {
  int moves = 0;
  while (buf.capacity() < last) {
    const std::byte* const before = buf.data();
    buf.write_bytes(std::string(buf.writable_bytes(), static_cast<char>('a' + moves)));
    const std::string bytes = all_bytes(buf);
    buf.capacity(2 * buf.capacity());
    if (buf.data() != before) ++moves;
    EXPECT_EQ(readable_text(buf), bytes);
  }
  return moves;
}

// Where it has grown once it can grow again; so a large message is not copied at each doubling.
TEST(ByteBuf, MovesOnceWhenItGrowsAgainAndAgain) {
  PooledAllocator pool;
  ByteBuf buf = pool.buffer(16384);
  EXPECT_EQ(count_moves(buf, 1 << 20), 1);
  buf.release();
  EXPECT_EQ(pool.stats().in_use_bytes, 0U);
}

TEST(ByteBuf, GrowsWhereItIsWithItsHeadroom) {
  PooledAllocator pool;
  ByteBuf buf = pool.buffer(60000).reserve_headroom(100);
  buf.write_bytes(std::string(50000, 'x'));
  const std::byte* const before = buf.data();
  buf.capacity(200000);
  EXPECT_EQ(buf.data(), before);
  EXPECT_EQ(readable_text(buf), std::string(50000, 'x'));
  buf.prepend(std::string(100, 'h')).write_bytes(std::string(buf.writable_bytes(), 'y'));
  EXPECT_EQ(buf.data(), before) << "all of it is there";
}

TEST(ByteBuf, ASharedOneDoesNotGrowWhereItIs) {
  PooledAllocator pool;
  ByteBuf buf = pool.buffer(65536);
  buf.write_bytes(std::string(65536, 'x'));
  ByteBuf other = buf;
  other.capacity(1 << 20);
  EXPECT_NE(other.data(), buf.data());
  EXPECT_EQ(buf.capacity(), 65536U);
  other.set_u8(0, 'y');
  EXPECT_EQ(all_bytes(buf), std::string(65536, 'x'));
}

// A region outlives its allocator, and may grow as long as it lives.
TEST(ByteBuf, GrowsWithoutItsAllocator) {
  ByteBuf buf;
  {
    PooledAllocator pool;
    buf = pool.buffer(65536);
    buf.write_bytes(std::string(65536, 'x'));
  }
  const std::byte* const before = buf.data();
  buf.capacity(1 << 20);
  EXPECT_EQ(buf.data(), before);
  EXPECT_EQ(readable_text(buf), std::string(65536, 'x'));
}

// Goal: two sharers on two threads may each grow, slice and drop; ThreadSanitizer is the judge.
TEST(ByteBufThreads, SharersGrowSliceAndGoIndependently) {
  for (int round = 0; round < 100; ++round) {
    ByteBuf buf = unpooled_buffer(64);
    buf.write_bytes("shared by everybody");
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([mine = buf]() mutable {
        for (int step = 0; step < 20; ++step) {
          ByteBuf part = mine.slice(0, 6);
          ASSERT_EQ(part.read_string(6), "shared");
          ByteBuf grown = mine;
          grown.capacity(100).write_bytes(part).write_u32(1);
          ASSERT_TRUE(grown.is_unique());
        }
      });
    }
    buf.release();
    for (std::thread& thread : threads) thread.join();
  }
}

}  // namespace
}  // namespace tarn
