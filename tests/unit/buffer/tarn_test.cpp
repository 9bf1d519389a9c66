// SPDX-License-Identifier: Apache-2.0
// tarn.hpp by itself is enough for every concept that the library offers.
#include "tarn/tarn.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string_view>
#include <type_traits>

namespace {

static_assert(std::is_nothrow_move_constructible_v<tarn::ByteBuf>);
static_assert(std::is_base_of_v<tarn::Allocator, tarn::PooledAllocator>);
static_assert(std::is_base_of_v<tarn::Allocator, tarn::UnpooledAllocator>);
static_assert(std::is_base_of_v<std::pmr::memory_resource, tarn::PoolResource>);
static_assert(std::is_class_v<tarn::PooledAllocatorOptions>);
static_assert(std::is_class_v<tarn::PooledAllocatorStats>);
static_assert(std::is_class_v<tarn::FastThreadLocal<int>>);
static_assert(std::is_enum_v<tarn::MemoryKind>);
static_assert(std::is_enum_v<tarn::LogLevel>);

TEST(Tarn, OneHeaderIsEnoughToUseABuffer) {
  tarn::PooledAllocator allocator;
  tarn::ByteBuf buffer = allocator.buffer(4);
  std::memcpy(buffer.writable().data(), "tarn", 4);
  buffer.advance(4);
  EXPECT_EQ(std::memcmp(buffer.readable().data(), "tarn", 4), 0);
  EXPECT_EQ(std::string_view(tarn::version()), TARN_VERSION_STRING);
}

}  // namespace
