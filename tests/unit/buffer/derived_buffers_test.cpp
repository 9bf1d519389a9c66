// SPDX-License-Identifier: Apache-2.0
// Slices, duplicates and copies of every kind of buffer: chains of them, their bounds, and many
// threads that read through them at once.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/buffer_variants.hpp"
#include "support/scale.hpp"
#include "tarn/tarn.hpp"

namespace tarn {
namespace {

using testing_support::pattern;

template <class Buffer>
Buffer filled(const testing_support::Variant<Buffer>& variant, const std::string& bytes) {
  Buffer buf = variant.make(bytes.size());
  buf.write_bytes(bytes);
  return buf;
}

// AbstractByteBufTest: testMultipleLevelRetainedSlice1 to 4, testRetainedSliceReleaseOriginal1 to
// 4, testRetainedDuplicateReleaseOriginal1 to 4, and the mixed ones
VARIANT_TEST(DerivedBuffers, ChainsOutliveTheOriginal) {
  for (unsigned chain = 0; chain < 16; ++chain) {  // a bit a link: slice or duplicate
    Buffer buf = filled(variant, "12345678");
    std::string expected = "12345678";
    std::vector<Buffer> links;
    for (unsigned link = 0; link < 4; ++link) {
      const bool is_slice = (chain >> link) % 2 != 0;
      Buffer next =
          is_slice ? buf.slice(buf.reader_index() + 1, buf.readable_bytes() - 1) : buf.duplicate();
      if (is_slice) expected.erase(0, 1);
      ASSERT_EQ(next.to_string(), expected);
      links.push_back(std::exchange(buf, std::move(next)));
      links.back().release();  // the one it came from is gone at once
      if (link % 2 == 1) {
        ASSERT_EQ(buf.read_u8(), static_cast<std::uint8_t>(expected[0]));
        expected.erase(0, 1);
      }
    }
    EXPECT_EQ(buf, buf.duplicate());
    EXPECT_EQ(buf, buf.slice());
    EXPECT_EQ(buf.copy().to_string(), expected);
  }
}

// AbstractByteBufTest: testDuplicateOfSliceHasTheSameCapacityAsTheSlice
VARIANT_TEST(DerivedBuffers, ADuplicateOfASliceHasItsCapacity) {
  const Buffer buf = filled(variant, pattern(20));
  for (const std::size_t n : {20U, 18U, 1U, 0U}) {
    const Buffer slice = buf.slice(0, n);
    EXPECT_EQ(slice.capacity(), n);
    EXPECT_EQ(slice.max_capacity(), n);
    EXPECT_EQ(slice.duplicate().capacity(), n);
    EXPECT_EQ(slice.duplicate().max_capacity(), n);
  }
}

// AbstractByteBufTest: copyBoundaryCheck1 to 4, testSliceIndexOutOfBounds,
// testSliceLengthOutOfBounds, testMixedSlice*, testReadSliceOutOfBounds, testSliceCapacityChange
VARIANT_TEST(DerivedBuffers, RefuseWhatReachesPastTheirBounds) {
  constexpr std::size_t kMinusOne = std::size_t(-1);
  Buffer buf = filled(variant, "12345678");
  struct Range {
    std::size_t index, n;
  };
  for (const Range& range : {Range{kMinusOne, 0}, Range{0, 9}, Range{9, 0}, Range{8, 1},
                             Range{1, kMinusOne}, Range{kMinusOne, kMinusOne}}) {
    EXPECT_THROW(static_cast<void>(buf.copy(range.index, range.n)), std::out_of_range);
    EXPECT_THROW(static_cast<void>(buf.slice(range.index, range.n)), std::out_of_range);
  }
  Buffer slice = buf.slice(1, 2);
  EXPECT_THROW(static_cast<void>(slice.slice(3, 0)), std::out_of_range);
  EXPECT_THROW(static_cast<void>(slice.slice(0, 3)), std::out_of_range);
  EXPECT_THROW(static_cast<void>(slice.read_slice(3)), std::out_of_range);
  EXPECT_THROW(static_cast<void>(slice.read_bytes(3)), std::out_of_range);
  EXPECT_THROW(slice.capacity(10), std::invalid_argument);
  EXPECT_EQ(slice.to_string(), "23") << "nothing has changed";
  EXPECT_THROW(static_cast<void>(buf.read_slice(9)), std::out_of_range);
  EXPECT_EQ(buf.reader_index(), 0U);
}

// -- Many threads
// -----------------------------------------------------------------------------------

/// Runs f(share) in several threads at once, each with a share of its own.
template <class Buffer, class F>
void in_threads(const Buffer& buf, F f) {
  constexpr int kThreads = 4;
  std::atomic<int> ready{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&ready, f, share = buf]() mutable {
      ++ready;
      while (ready != kThreads) std::this_thread::yield();
      f(share);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

constexpr int kRounds = test::scaled(2000);

// AbstractByteBufTest: testToStringMultipleThreads, testCopyMultipleThreads0,
// testDuplicateBytesInArrayMultipleThreads, testSliceBytesInArrayMultipleThreads; ByteBufUtilTest:
// testIsTextMultiThreaded
VARIANT_TEST(DerivedBuffers, ManyThreadsReadTheSameBytes) {
  const std::string expected = "Hello, World!";
  in_threads(filled(variant, expected), [&expected](Buffer& share) {
    for (int round = 0; round < kRounds; ++round) {
      ASSERT_EQ(share.to_string(), expected);
      ASSERT_EQ(share.copy().to_string(), expected);
      ASSERT_TRUE(is_utf8(share));
      for (Buffer part : {share.slice(), share.duplicate()}) {
        std::array<char, 13> bytes{};
        part.read_bytes(bytes);
        ASSERT_EQ(std::string(bytes.begin(), bytes.end()), expected);
        part.get_bytes(0, bytes);
        ASSERT_EQ(std::string(bytes.begin(), bytes.end()), expected);
      }
    }
  });
}

// AbstractByteBufTest: testDuplicateReadGatheringByteChannelMultipleThreads,
// testSliceReadGatheringByteChannelMultipleThreads
VARIANT_TEST(DerivedBuffers, ManyThreadsSendTheSameBytes) {
  const std::string expected = "Hello, World!";
  in_threads(filled(variant, expected), [&expected](Buffer& share) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    for (int round = 0; round < kRounds / 10; ++round) {
      for (Buffer part : {share.slice(), share.duplicate()}) {
        part.write_to(ends[1]);
        ASSERT_FALSE(part.is_readable());
        std::array<char, 20> bytes{};
        ASSERT_EQ(::read(ends[0], bytes.data(), bytes.size()), 13);
        ASSERT_EQ(std::string(bytes.data()), expected);
      }
    }
    ::close(ends[0]);
    ::close(ends[1]);
  });
}

// AbstractByteBufTest: testSetCharSequenceMultipleThreads
VARIANT_TEST(DerivedBuffers, ManyThreadsWriteBuffersOfTheirOwn) {
  constexpr int kThreads = 4;
  std::vector<Buffer> buffers;
  for (int i = 0; i < kThreads; ++i) buffers.push_back(filled(variant, std::string(32, '-')));
  std::vector<std::thread> threads;
  for (Buffer& mine : buffers) {
    threads.emplace_back([&mine] {
      for (int round = 0; round < kRounds; ++round) mine.set_bytes(0, std::string(32, 'a'));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Buffer& buf : buffers) EXPECT_EQ(buf.to_string(), std::string(32, 'a'));
}

}  // namespace
}  // namespace tarn
