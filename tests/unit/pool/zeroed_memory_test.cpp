// SPDX-License-Identifier: Apache-2.0
// Tables read as zero, whatever the source hands out.
#include "pool/zeroed_memory.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>

#include "support/fake_memory.hpp"

namespace tarn::pool {
namespace {

constexpr std::size_t kSize = 100'000;  // not a multiple of a system page

bool is_zero(const void* memory, std::size_t size) {
  const auto* const bytes = static_cast<const unsigned char*>(memory);
  return std::all_of(bytes, bytes + size, [](unsigned char byte) { return byte == 0; });
}

TEST(ZeroedMemory, IsZeroFromTheSystem) {
  const platform::MemorySource source = platform::system_memory();
  void* const memory = map_zeroed(source, kSize);
  ASSERT_NE(memory, nullptr);
  EXPECT_TRUE(is_zero(memory, kSize));
  unmap_zeroed(source, memory, kSize);
}

TEST(ZeroedMemory, IsZeroFromASourceThatFills) {
  test::FakeMemory fake;
  fake.fill();
  void* const memory = map_zeroed(fake.source(), kSize);
  ASSERT_NE(memory, nullptr);
  EXPECT_TRUE(is_zero(memory, kSize));
  unmap_zeroed(fake.source(), memory, kSize);
  EXPECT_EQ(fake.mapped_bytes(), 0U);
}

TEST(ZeroedMemory, IsNullWhenRefused) {
  test::FakeMemory fake;
  fake.refuse_all();
  EXPECT_EQ(map_zeroed(fake.source(), kSize), nullptr);
}

}  // namespace
}  // namespace tarn::pool
