// SPDX-License-Identifier: Apache-2.0
// Tests of CompositeByteBuf: its components, and accesses across them.
#include "tarn/composite_byte_buf.hpp"

#include <gtest/gtest.h>

#include <array>
#include <sstream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/buffer_variants.hpp"
#include "tarn/allocator.hpp"

namespace tarn {
namespace {

using testing_support::composite_of;
using testing_support::message_of;
using testing_support::pattern;
using testing_support::readable_text;
using testing_support::unpooled_buffer;

constexpr std::size_t kHuge = ByteBuf::npos;

static_assert(std::is_nothrow_move_constructible_v<CompositeByteBuf>);
static_assert(std::is_nothrow_move_assignable_v<CompositeByteBuf>);
static_assert(std::is_nothrow_swappable_v<CompositeByteBuf>);
static_assert(!std::is_convertible_v<std::size_t, CompositeByteBuf>, "explicit");

ByteBuf text(std::string_view bytes) { return ByteBuf::wrap_copy(bytes); }

/// A composite of these texts, one a component.
CompositeByteBuf composite(std::initializer_list<std::string_view> parts,
                           std::size_t max_components = 16) {
  CompositeByteBuf buf(max_components);
  for (const std::string_view part : parts) buf.add_component(text(part));
  buf.audit();
  return buf;
}

/// The components as "a|b|c".
std::string parts_of(const CompositeByteBuf& buf) {
  buf.audit();
  std::string all;
  for (std::size_t i = 0; i < buf.component_count(); ++i) {
    if (i != 0) all.push_back('|');
    all += buf.component(i).to_string();
  }
  return all;
}

TEST(CompositeByteBuf, StartsEmpty) {
  CompositeByteBuf buf;
  EXPECT_TRUE(buf);
  EXPECT_EQ(buf.component_count(), 0U);
  EXPECT_EQ(buf.max_components(), 16U);
  EXPECT_EQ(buf.capacity(), 0U);
  EXPECT_EQ(buf.max_capacity(), kHuge);
  EXPECT_EQ(buf, ByteBuf());
  EXPECT_EQ(CompositeByteBuf(3).max_components(), 3U);
  EXPECT_EQ(message_of<std::invalid_argument>([] { CompositeByteBuf none(0); }),
            "max_components: 0 (expected: at least 1)");
  buf.audit();
}

TEST(CompositeByteBuf, ShowsPartsAsOneBuffer) {
  CompositeByteBuf buf;
  ByteBuf head = text("xxhead");
  head.skip(2);
  ByteBuf tail = unpooled_buffer(100);
  tail.write_bytes("tail");
  buf.add_component(head).add_component(tail);
  EXPECT_EQ(buf.to_string(), "headtail") << "the readable bytes of each";
  EXPECT_EQ(buf.writer_index(), 8U);
  EXPECT_EQ(buf.capacity(), 8U);
  EXPECT_EQ(parts_of(buf), "head|tail");
  EXPECT_EQ(head.ref_count(), 2U) << "shared, not copied";
  buf.set_u8(4, 'T');
  EXPECT_EQ(tail.to_string(), "Tail");
  EXPECT_EQ(head.reader_index(), 2U);
  EXPECT_EQ(buf.get_u32(2), 0x61645461U) << "across the parts";
  EXPECT_EQ(buf.get_u16_le(3), 0x5464U);
}

// CompositeByteBufTest: testEmptyBuffer, testAddEmptyBuffer...
TEST(CompositeByteBuf, KeepsNoEmptyPart) {
  CompositeByteBuf buf = composite({"", "a", "", "b", ""});
  buf.add_component(ByteBuf()).add_component(CompositeByteBuf()).add_component(0, text(""));
  EXPECT_EQ(parts_of(buf), "a|b");
}

TEST(CompositeByteBuf, InsertsWhereItIsTold) {
  CompositeByteBuf buf = composite({"b", "d"});
  buf.add_component(0, text("a")).add_component(2, text("c")).add_component(4, text("e"));
  EXPECT_EQ(parts_of(buf), "a|b|c|d|e");
  EXPECT_EQ(buf.writer_index(), 5U);
  EXPECT_EQ(message_of<std::out_of_range>([&] { buf.add_component(6, text("x")); }),
            "component 6 + length 0 exceeds component count 5");
  EXPECT_EQ(buf.to_string(), "abcde");
}

// CompositeByteBufTest: testAddComponentsWithNullEntry, testComponentMustBeSlice, ...
TEST(CompositeByteBuf, AddsSeveralAtOnce) {
  CompositeByteBuf buf;
  const std::vector<ByteBuf> range{text("a"), text(""), text("b")};
  buf.add_components(range);
  const ByteBuf kept = text("c");
  buf.add_components(kept, text("d"), composite({"e", "f"}));
  EXPECT_EQ(parts_of(buf), "a|b|c|d|e|f");
  EXPECT_EQ(kept.ref_count(), 2U);
  buf.add_components(std::array<ByteBuf, 1>{text("g")});
  EXPECT_EQ(buf.component_count(), 7U);
}

TEST(CompositeByteBuf, TakesCompositesFlat) {
  CompositeByteBuf inner = composite({"xx", "bc", "def", "yy"});
  inner.set_index(2, 7);
  CompositeByteBuf buf = composite({"a"});
  buf.add_component(inner);
  EXPECT_EQ(parts_of(buf), "a|bc|def") << "its readable bytes";
  buf.skip(1);
  buf.add_component(buf);
  EXPECT_EQ(parts_of(buf), "a|bc|def|bc|def") << "itself too";
  EXPECT_EQ(buf.to_string(), "bcdefbcdef");
}

TEST(CompositeByteBuf, DropsWhatWasNotYetWritten) {
  CompositeByteBuf buf = composite({"abc"});
  buf.write_bytes("de");
  EXPECT_GT(buf.capacity(), 5U);
  buf.add_component(text("fg"));
  EXPECT_EQ(parts_of(buf), "abc|de|fg");
  EXPECT_EQ(buf.capacity(), 7U);
  buf.writer_index(4).add_component(text("X"));
  EXPECT_EQ(parts_of(buf), "abc|d|X");
  buf.set_index(0, 3).add_component(text(""));
  EXPECT_EQ(parts_of(buf), "abc");
  buf.clear().add_component(1, text("Y"));
  EXPECT_EQ(parts_of(buf), "Y") << "component 1 had not been written";
}

// CompositeByteBufTest: testAutoConsolidation
TEST(CompositeByteBuf, ConsolidatesBeforeOneTooMany) {
  CompositeByteBuf buf = composite({"a", "b", "c"}, 3);
  EXPECT_EQ(buf.component_count(), 3U);
  buf.add_component(text("d"));
  EXPECT_EQ(parts_of(buf), "abc|d");
  buf.add_component(text("e")).add_component(0, text("f"));
  EXPECT_EQ(parts_of(buf), "f|abcde");
  buf.add_component(text("g")).add_component(1, text("h"));
  EXPECT_EQ(parts_of(buf), "fhabcdeg") << "between two, all become one";
  CompositeByteBuf one = composite({"a", "b", "c"}, 1);
  EXPECT_EQ(parts_of(one), "abc");
  one.add_component(0, text("<")).add_components(text(">"), text("."));
  EXPECT_EQ(parts_of(one), "<abc>.");
  one.write_bytes("grown").prepend("before ");
  EXPECT_EQ(one.to_string(), "before <abc>.grown");
  EXPECT_EQ(one.component_count(), 1U);
  one.audit();
}

TEST(CompositeByteBuf, RemovesComponents) {
  CompositeByteBuf buf = composite({"ab", "cd", "ef", "gh"});
  buf.set_index(3, 7);
  buf.remove_component(0);
  EXPECT_EQ(parts_of(buf), "cd|ef|gh");
  EXPECT_EQ(buf.to_string(), "defg") << "the indices stay at their bytes";
  buf.remove_components(0, 2);
  EXPECT_EQ(buf.to_string(), "g");
  EXPECT_EQ(buf.reader_index(), 0U);
  buf.remove_components(1, 0).remove_component(0);
  EXPECT_EQ(buf.component_count(), 0U);
  EXPECT_EQ(buf.capacity(), 0U);
  EXPECT_THROW(buf.remove_component(0), std::out_of_range);
  EXPECT_THROW(buf.remove_components(0, kHuge), std::out_of_range);
  buf.add_component(text("again"));
  EXPECT_EQ(buf.to_string(), "again");
}

TEST(CompositeByteBuf, TellsWhereItsComponentsAre) {
  CompositeByteBuf buf = composite({"a", "bcd", "ef"});
  EXPECT_EQ(buf.component(1).to_string(), "bcd");
  EXPECT_EQ(buf.component(1).ref_count(), 2U) << "shared with the composite";
  EXPECT_EQ(message_of<std::out_of_range>([&] { static_cast<void>(buf.component(3)); }),
            "component 3 + length 1 exceeds component count 3");
  EXPECT_THROW(static_cast<void>(buf.component(kHuge)), std::out_of_range);
  const std::vector<std::size_t> expected{0, 1, 1, 1, 2, 2};
  for (std::size_t offset = 0; offset < 6; ++offset) {
    EXPECT_EQ(buf.component_index(offset), expected[offset]) << offset;
  }
  EXPECT_THROW(static_cast<void>(buf.component_index(6)), std::out_of_range);
  EXPECT_EQ(buf.component_offset(2), 4U);
  EXPECT_THROW(static_cast<void>(buf.component_offset(3)), std::out_of_range);
}

// Goal: a component is found from wherever the last access was. Method: all pairs of offsets.
TEST(CompositeByteBuf, FindsEveryByteFromEveryOther) {
  const std::string bytes = pattern(60);
  CompositeByteBuf buf = composite_of(60, {1, 4, 2, 9});
  buf.set_bytes(0, bytes);
  for (std::size_t first = 0; first < 60; ++first) {
    for (std::size_t second = 0; second < 60; ++second) {
      ASSERT_EQ(buf.get_u8(first), static_cast<std::uint8_t>(bytes[first]));
      ASSERT_EQ(buf.get_u8(second), static_cast<std::uint8_t>(bytes[second]));
    }
  }
}

TEST(CompositeByteBuf, ConsolidatesAPartOrAll) {
  CompositeByteBuf buf = composite({"a", "b", "c", "d"});
  const ByteBuf shared = buf.component(0);
  buf.consolidate(1, 2);
  EXPECT_EQ(parts_of(buf), "a|bc|d");
  EXPECT_EQ(shared.ref_count(), 2U) << "what needs no copy is not copied";
  buf.consolidate(0, 1).consolidate(3, 0);
  EXPECT_EQ(parts_of(buf), "a|bc|d");
  buf.consolidate();
  EXPECT_EQ(parts_of(buf), "abcd");
  EXPECT_EQ(shared.ref_count(), 1U);
  EXPECT_THROW(buf.consolidate(0, 2), std::out_of_range);
  EXPECT_EQ(CompositeByteBuf().consolidate().component_count(), 0U);
}

// CompositeByteBufTest: testDiscardReadBytes, testDiscardReadBytes3, discardReadComponents
TEST(CompositeByteBuf, DiscardsReadComponentsOrBytes) {
  CompositeByteBuf buf = composite({"ab", "cd", "ef"});
  buf.skip(3).discard_read_components();
  EXPECT_EQ(parts_of(buf), "cd|ef");
  EXPECT_EQ(buf.to_string(), "def");
  EXPECT_EQ(buf.reader_index(), 1U);
  const ByteBuf shared = buf.component(0);
  buf.discard_read_bytes();
  EXPECT_EQ(parts_of(buf), "d|ef");
  EXPECT_EQ(buf.reader_index(), 0U);
  EXPECT_EQ(shared.to_string(), "cd") << "nothing was moved";
  buf.skip(3).discard_read_components();
  EXPECT_EQ(buf.component_count(), 0U);
  EXPECT_EQ(buf.capacity(), 0U);
  buf.discard_read_bytes().discard_read_components();
  buf.write_bytes("on").skip(1).discard_read_bytes();
  EXPECT_EQ(buf.to_string(), "n");
  EXPECT_EQ(buf.capacity(), 63U);
  buf.audit();
}

TEST(CompositeByteBuf, Decomposes) {
  CompositeByteBuf buf = composite({"ab", "cde", "f"});
  const std::vector<ByteBuf> parts = buf.decompose(1, 4);
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts[0].to_string(), "b");
  EXPECT_EQ(parts[1].to_string(), "cde");
  EXPECT_EQ(parts[1].ref_count(), 2U);
  EXPECT_TRUE(buf.decompose(6, 0).empty());
  EXPECT_THROW(static_cast<void>(buf.decompose(4, 3)), std::out_of_range);
  EXPECT_TRUE(buf.as_read_only().decompose(0, 6)[2].is_read_only());
}

// CompositeByteBufTest: testReleasesItsComponents, testReleasesOnShrink
TEST(CompositeByteBuf, LetsGoOfItsComponents) {
  ByteBuf whole = PooledAllocator::shared().buffer(10);
  whole.write_bytes("0123456789");
  CompositeByteBuf buf;
  for (int i = 0; i < 4; ++i) buf.add_component(whole.read_slice(2));
  EXPECT_EQ(whole.ref_count(), 5U);
  buf.capacity(4);  // drops the last two
  EXPECT_EQ(whole.ref_count(), 3U);
  buf.capacity(3);  // and half of another
  EXPECT_EQ(whole.ref_count(), 3U);
  buf.skip(2).discard_read_bytes();
  EXPECT_EQ(whole.ref_count(), 2U);
  buf.release();
  EXPECT_TRUE(whole.is_unique());
}

// Bytes that have not been written yet are dropped by any part, an empty composite too.
TEST(CompositeByteBuf, AnEmptyCompositeIsAnEmptyPart) {
  CompositeByteBuf a;
  CompositeByteBuf b;
  CompositeByteBuf c;
  for (CompositeByteBuf* const buf : {&a, &b, &c}) buf->capacity(5);
  a.add_component(ByteBuf());
  b.add_component(CompositeByteBuf());
  c.add_components(CompositeByteBuf(), ByteBuf());
  for (const CompositeByteBuf* const buf : {&a, &b, &c}) {
    EXPECT_EQ(buf->capacity(), 0U);
    EXPECT_EQ(buf->component_count(), 0U);
  }
}

TEST(CompositeByteBuf, ACopySharesTheComponents) {
  CompositeByteBuf buf = composite({"ab", "cd"});
  CompositeByteBuf other = buf;
  EXPECT_EQ(buf.component(0).ref_count(), 3U);
  other.skip(1).set_u8(3, 'X');
  EXPECT_EQ(buf.to_string(), "abcX");
  other.add_component(text("e"));
  EXPECT_EQ(buf.component_count(), 2U);
  other = CompositeByteBuf();
  EXPECT_EQ(buf.component(0).ref_count(), 2U);
  CompositeByteBuf& same = buf;
  buf = same;
  buf = std::move(same);
  EXPECT_EQ(buf.to_string(), "abcX");
  swap(buf, other);
  EXPECT_EQ(other.to_string(), "abcX");
  EXPECT_EQ(buf.to_string(), "");
}

TEST(CompositeByteBuf, IsFalseWhenMovedFromOrReleased) {
  CompositeByteBuf buf = composite({"ab", "cd"});
  const ByteBuf witness = buf.component(0);
  const CompositeByteBuf target = std::move(buf);
  EXPECT_FALSE(buf);  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(buf.capacity(), 0U);
  EXPECT_EQ(buf.max_capacity(), 0U);
  EXPECT_EQ(buf.component_count(), 0U);
  EXPECT_FALSE(buf.copy());
  EXPECT_THROW(buf.write_u8(1), std::out_of_range);
  EXPECT_THROW(buf.prepend("x"), std::out_of_range);
  EXPECT_THROW(buf.capacity(1), std::invalid_argument);
  CompositeByteBuf released = target;
  released.release();
  EXPECT_FALSE(released);
  EXPECT_EQ(witness.ref_count(), 2U);
  released.add_component(text("back"));
  released.write_bytes("!");
  EXPECT_TRUE(released);
  EXPECT_EQ(released.to_string(), "back!");
}

TEST(CompositeByteBuf, SlicesAreCompositesThatShare) {
  CompositeByteBuf buf = composite({"ab", "cde", "fg"});
  buf.set_index(1, 6);
  CompositeByteBuf all = buf.slice();
  EXPECT_EQ(parts_of(all), "b|cde|f");
  EXPECT_EQ(all.max_capacity(), 5U);
  CompositeByteBuf part = buf.slice(3, 3);
  EXPECT_EQ(parts_of(part), "de|f");
  part.set_u8(0, 'D');
  EXPECT_EQ(buf.to_string(), "bcDef");
  EXPECT_THROW(part.write_u8(1), std::out_of_range);
  EXPECT_EQ(parts_of(buf.read_slice(2)), "b|c");
  EXPECT_EQ(buf.reader_index(), 3U);
  EXPECT_THROW(buf.read_slice(4), std::out_of_range);
  part.add_component(text("more"));
  EXPECT_EQ(part.to_string(), "Defmore") << "a slice takes parts, though no writes";
  EXPECT_EQ(part.max_capacity(), part.capacity());
}

TEST(CompositeByteBuf, CopiesToOneBuffer) {
  CompositeByteBuf buf = composite({"ab", "cde", "fg"});
  buf.skip(1);
  ByteBuf copy = buf.copy();
  EXPECT_EQ(copy.to_string(), "bcdefg");
  EXPECT_TRUE(copy.is_unique());
  EXPECT_EQ(copy.max_capacity(), kHuge);
  EXPECT_EQ(buf.copy(2, 3).to_string(), "cde");
  EXPECT_EQ(buf.read_bytes(3).to_string(), "bcd");
  EXPECT_EQ(buf.to_string(), "efg");
  EXPECT_THROW(static_cast<void>(buf.copy(6, 2)), std::out_of_range);
  EXPECT_THROW(static_cast<void>(buf.read_bytes(4)), std::out_of_range);
}

TEST(CompositeByteBuf, WritesPastItsEndIntoANewComponent) {
  CompositeByteBuf buf = composite({"ab"});
  const ByteBuf first = buf.component(0);
  buf.write_bytes("cd");
  EXPECT_EQ(buf.component_count(), 2U);
  EXPECT_EQ(buf.capacity(), 64U);
  buf.write_bytes(std::string(60, 'x')).write_u8('y');
  EXPECT_EQ(buf.component_count(), 3U);
  EXPECT_EQ(buf.capacity(), 128U);
  EXPECT_EQ(buf.to_string(), "abcd" + std::string(60, 'x') + "y");
  EXPECT_EQ(first.to_string(), "ab");
  buf.audit();
}

TEST(CompositeByteBuf, ConsolidatesToGrowBeyondItsMaximum) {
  CompositeByteBuf buf = composite({"ab", "cd"}, 2);
  buf.write_bytes(buf);
  EXPECT_EQ(buf.to_string(), "abcdabcd");
  EXPECT_EQ(buf.component_count(), 2U);
  buf.write_bytes(buf.slice(1, 6)).write_zero(100);
  EXPECT_EQ(buf.to_string().substr(0, 14), "abcdabcdbcdabc");
  EXPECT_LE(buf.component_count(), 2U);
  buf.audit();
}

TEST(CompositeByteBuf, CapacityIsExact) {
  CompositeByteBuf buf = composite({"ab", "cde"});
  buf.capacity(9);
  EXPECT_EQ(buf.capacity(), 9U);
  EXPECT_EQ(buf.component_count(), 3U);
  EXPECT_EQ(buf.writer_index(), 5U);
  buf.skip(4).capacity(3);
  EXPECT_EQ(parts_of(buf), "ab|c");
  EXPECT_EQ(buf.reader_index(), 3U);
  buf.capacity(0);
  EXPECT_EQ(buf.component_count(), 0U);
  CompositeByteBuf part = composite({"ab", "cde"}).slice(1, 3);
  EXPECT_THROW(part.capacity(4), std::invalid_argument);
  part.capacity(1).capacity(3);
  part.audit();
}

TEST(CompositeByteBuf, PutsAHeaderBeforeABody) {
  CompositeByteBuf buf = composite({"body"});
  const ByteBuf body = buf.component(0);
  buf.prepend("head ");
  EXPECT_EQ(parts_of(buf), "head |body") << "nothing was copied";
  buf.skip(2).prepend("X");
  EXPECT_EQ(buf.to_string(), "Xad body") << "into the bytes that had been read";
  buf.prepend(composite({"1", "2", "3"}));
  EXPECT_EQ(buf.to_string(), "123Xad body");
  buf.reserve_headroom(10);
  EXPECT_EQ(buf.headroom(), 10U);
  EXPECT_EQ(buf.to_string(), "123Xad body");
  buf.prepend("0123456789");
  EXPECT_EQ(buf.headroom(), 0U);
  buf.audit();
  CompositeByteBuf fixed = buf.slice();
  EXPECT_THROW(fixed.prepend("x"), std::out_of_range);
  EXPECT_THROW(fixed.reserve_headroom(1), std::out_of_range);
  fixed.skip(4).prepend("zz").audit();
  EXPECT_EQ(body.to_string(), "body");
}

TEST(CompositeByteBuf, AReadOnlyComponentRefusesWritesThatTouchIt) {
  const std::string constant = "constant";
  CompositeByteBuf buf = composite({"abcd"});
  buf.add_component(ByteBuf::wrap(constant)).add_component(text("efgh"));
  const std::string before = buf.to_string();
  EXPECT_THROW(buf.set_u8(4, 1), ReadOnlyError);
  EXPECT_THROW(buf.set_u32(2, 1), ReadOnlyError);
  EXPECT_THROW(buf.set_bytes(2, "0123456789abc"), ReadOnlyError);
  EXPECT_THROW(buf.set_bytes(2, composite({"0", "123456789"})), ReadOnlyError);
  EXPECT_THROW(buf.set_zero(11, 2), ReadOnlyError);
  EXPECT_EQ(buf.to_string(), before) << "nothing was written";
  buf.set_u32(0, 0x41424344).set_u8(12, 'E');
  EXPECT_EQ(buf.to_string(), "ABCDconstantEfgh");
  EXPECT_FALSE(buf.is_read_only());
  buf.writer_index(10);
  EXPECT_THROW(buf.write_u8(1), ReadOnlyError);
  EXPECT_THROW(buf.write_bytes(std::string(100, 'x')), ReadOnlyError);
  EXPECT_THROW(buf.write_zero(100), ReadOnlyError);
  EXPECT_THROW(buf.ensure_writable(100), ReadOnlyError);
  EXPECT_EQ(buf.capacity(), 16U) << "and nothing has grown";
  EXPECT_EQ(buf.writer_index(), 10U);
  buf.writer_index(16).skip(5).prepend("X");
  EXPECT_EQ(buf.to_string(), "XonstantEfgh") << "where the headroom is constant, a component";
  EXPECT_EQ(constant, "constant");
}

TEST(CompositeByteBuf, AsReadOnlyRefusesEverything) {
  CompositeByteBuf buf = composite({"ab", "cd"}).as_read_only();
  EXPECT_TRUE(buf.is_read_only());
  EXPECT_THROW(buf.add_component(text("x")), ReadOnlyError);
  EXPECT_THROW(buf.add_components(text("x"), text("y")), ReadOnlyError);
  EXPECT_THROW(buf.remove_component(0), ReadOnlyError);
  EXPECT_THROW(buf.discard_read_components(), ReadOnlyError);
  EXPECT_TRUE(buf.component(0).is_read_only());
  EXPECT_TRUE(buf.slice(0, 1).is_read_only());
  EXPECT_TRUE(buf.duplicate().is_read_only());
  EXPECT_FALSE(buf.copy().is_read_only());
}

TEST(CompositeByteBuf, MakesUniqueWhatIsShared) {
  ByteBuf part = text("cd");
  CompositeByteBuf buf = composite({"ab"});
  buf.add_component(part);
  buf.make_unique().set_bytes(0, "ABCD");
  EXPECT_EQ(part.to_string(), "cd");
  EXPECT_TRUE(part.is_unique());
  EXPECT_EQ(parts_of(buf), "AB|CD");
}

TEST(CompositeByteBuf, LetsLargeRegionsGo) {
  ByteBuf large = unpooled_buffer(4096);
  large.write_zero(4096);
  CompositeByteBuf buf;
  buf.add_component(large.slice(0, 10)).add_component(large.slice(0, 4000));
  EXPECT_TRUE(buf.compact_if_sparse());
  EXPECT_EQ(large.ref_count(), 2U);
  EXPECT_FALSE(buf.compact_if_sparse());
  buf.skip(2500);
  EXPECT_TRUE(buf.compact_if_sparse()) << "half has been read";
  EXPECT_EQ(buf.component_count(), 1U);
  EXPECT_EQ(buf.readable_bytes(), 1510U);
  buf.audit();
}

TEST(CompositeByteBuf, CopiesOverlappingBytesCorrectly) {
  ByteBuf memory = text("0123456789");
  CompositeByteBuf buf;
  buf.add_component(memory.slice(0, 5)).add_component(memory.slice(5, 5));
  buf.set_bytes(2, memory.slice(0, 8));
  EXPECT_EQ(memory.to_string(), "0101234567");
  CompositeByteBuf crossed;  // its second component lies before its first
  crossed.add_component(memory.slice(5, 5)).add_component(memory.slice(0, 5));
  const std::string expected = crossed.to_string();
  memory.set_bytes(0, crossed);
  EXPECT_EQ(memory.to_string(), expected);
  const std::string all = crossed.to_string();
  crossed.get_bytes(0, std::span(memory.data(), 10));
  EXPECT_EQ(memory.to_string(), all);
}

TEST(CompositeByteBuf, GivesIovecsOfAPart) {
  CompositeByteBuf buf(100);
  for (int i = 0; i < 20; ++i) buf.add_component(text("abc"));
  buf.skip(4);
  const IoVecs all = iovecs(buf);
  EXPECT_EQ(all.size(), 19U);
  EXPECT_EQ(all.total_bytes(), 56U);
  EXPECT_EQ(all[0].iov_len, 2U);
  const IoVecs part = iovecs(buf, 2, 5);
  ASSERT_EQ(part.size(), 3U);
  EXPECT_EQ(part[1].iov_len, 3U);
  EXPECT_THROW(static_cast<void>(iovecs(buf, 58, 3)), std::out_of_range);
  buf.writer_index(50);
  IoVecs room = writable_iovecs(buf, 20);
  EXPECT_GE(room.total_bytes(), 20U);
  EXPECT_EQ(room[0].iov_len, 1U);
  const std::string constant = "constant";
  buf.writer_index(buf.capacity()).add_component(ByteBuf::wrap(constant));
  buf.writer_index(buf.capacity() - 3);
  EXPECT_THROW(static_cast<void>(writable_iovecs(buf, 1)), ReadOnlyError);
}

TEST(CompositeByteBuf, ComparesWithEveryBuffer) {
  const CompositeByteBuf buf = composite({"ab", "cd"});
  const CompositeByteBuf other = composite({"a", "bcd"});
  const ByteBuf plain = text("abcd");
  EXPECT_EQ(buf, other);
  EXPECT_EQ(buf, plain);
  EXPECT_EQ(plain, buf);
  EXPECT_LT(buf, text("abce"));
  EXPECT_GT(text("abce"), buf);
  EXPECT_LT(composite({"ab"}), buf);
  EXPECT_EQ(std::hash<CompositeByteBuf>()(buf), std::hash<CompositeByteBuf>()(other));
  EXPECT_EQ(std::hash<CompositeByteBuf>()(buf), std::hash<ByteBuf>()(plain));
}

TEST(CompositeByteBuf, TakesMemoryLikeTheAllocatorThatMadeIt) {
  CompositeByteBuf buf = UnpooledAllocator::shared().composite_buffer(4);
  EXPECT_EQ(buf.max_components(), 4U);
  EXPECT_EQ(buf.capacity(), 0U);
  buf.write_bytes("unpooled");
  EXPECT_EQ(detail::ByteBufAccess::region(buf.component(0))->kind, pool::RegionKind::foreign);
  {
    PooledAllocator pooled;
    buf = pooled.composite_buffer();
  }
  buf.write_bytes("the allocator is gone");
  EXPECT_EQ(detail::ByteBufAccess::region(buf.component(0))->kind, pool::RegionKind::pooled);
  EXPECT_THROW(static_cast<void>(UnpooledAllocator::shared().composite_buffer(0)),
               std::invalid_argument);
}

TEST(CompositeByteBuf, IsMadeOfTextAndHex) {
  EXPECT_EQ(CompositeByteBuf::wrap_copy("text").to_string(), "text");
  EXPECT_EQ(CompositeByteBuf::from_hex("0aFF").hex_dump(), "0aff");
  EXPECT_THROW(static_cast<void>(CompositeByteBuf::from_hex("0")), std::invalid_argument);
  std::ostringstream out;
  out << composite({"ab", "cd"}).skip(1);
  EXPECT_EQ(out.str(), "CompositeByteBuf(ridx: 1, widx: 4, cap: 4, components: 2)");
}

}  // namespace
}  // namespace tarn
