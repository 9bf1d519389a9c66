// SPDX-License-Identifier: Apache-2.0
// Stamps tell objects apart at both ends, at every size.
#include "replay/stamp.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tarn::tools {
namespace {

TEST(Stamp, IsFoundAgainAtEverySize) {
  std::vector<unsigned char> memory(64);
  for (std::size_t size = 0; size <= memory.size(); ++size) {
    for (const std::uint32_t object : {0U, 1U, 12345U, 0xffffffffU}) {
      const Stamp stamp(object);
      std::fill(memory.begin(), memory.end(), static_cast<unsigned char>(0x5a));
      stamp.write(memory.data(), size);
      EXPECT_TRUE(stamp.is_in(memory.data(), size)) << size;
      EXPECT_TRUE(stamp.is_at_head(memory.data(), size)) << size;
      for (std::size_t i = size; i < memory.size(); ++i) EXPECT_EQ(memory[i], 0x5a);
    }
  }
}

TEST(Stamp, AnyByteOfEitherEndCounts) {
  std::vector<unsigned char> memory(64);
  for (std::size_t size = 1; size <= memory.size(); ++size) {
    const Stamp stamp(77);
    for (std::size_t i = 0; i < size; ++i) {
      stamp.write(memory.data(), size);
      memory[i] ^= 1U;
      const bool at_an_end = i < 8 || i + 8 >= size;
      EXPECT_EQ(stamp.is_in(memory.data(), size), !at_an_end) << size << " " << i;
    }
  }
}

// Goal: of two filled objects that overlap anywhere, the older one is found damaged.
TEST(Stamp, AnyOverlapOfFilledObjectsIsNoticed) {
  std::vector<unsigned char> memory(128);
  for (std::size_t first = 1; first <= 40; ++first) {
    for (std::size_t offset = 0; offset < first; ++offset) {
      for (std::size_t second = 1; second <= 40; ++second) {
        Stamp(1).fill(memory.data(), first);
        ASSERT_TRUE(Stamp(1).fills(memory.data(), first));
        ASSERT_TRUE(Stamp(1).fills(memory.data(), first / 2)) << "a part of it as well";
        Stamp(2).fill(memory.data() + offset, second);
        EXPECT_FALSE(Stamp(1).fills(memory.data(), first))
            << first << " overlapped from " << offset << " by " << second;
      }
    }
  }
}

TEST(Stamp, AnObjectOnTheSamePlaceIsNoticed) {
  std::vector<unsigned char> memory(128);
  for (std::size_t first = 1; first <= 40; ++first) {
    for (std::size_t second = 1; second <= 40; ++second) {
      Stamp(1).write(memory.data(), first);
      Stamp(2).write(memory.data(), second);
      EXPECT_FALSE(Stamp(1).is_in(memory.data(), first)) << first << " " << second;
    }
  }
}

TEST(Stamp, NeighboursDifferInEveryByte) {
  for (std::uint32_t object = 0; object < 255; ++object) {
    std::array<unsigned char, 8> one{};
    std::array<unsigned char, 8> next{};
    Stamp(object).write(one.data(), one.size());
    Stamp(object + 1).write(next.data(), next.size());
    EXPECT_NE(one[0], next[0]) << "the smallest object has this byte alone";
  }
}

}  // namespace
}  // namespace tarn::tools
