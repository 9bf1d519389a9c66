// SPDX-License-Identifier: Apache-2.0
// Tests of the memory for bookkeeping. Layer: buffer.
#include "tarn/detail/buffer/blocks.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <new>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

#include "support/failing_new.hpp"
#include "tarn/tarn.hpp"

namespace tarn::detail {
namespace {

TEST(Blocks, AreAlignedAndApart) {
  std::vector<std::pair<unsigned char*, std::size_t>> blocks;
  for (std::size_t size = 0; size <= 2 * kMostBlockSize; size += 7) {
    auto* const block = static_cast<unsigned char*>(take_block(size));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % kBlockAlignment, 0U);
    std::memset(block, static_cast<int>(size % 251), size);
    blocks.emplace_back(block, size);
  }
  for (const auto& [block, size] : blocks) {
    for (std::size_t i = 0; i < size; ++i) ASSERT_EQ(block[i], size % 251);
    give_block(block, size);
  }
}

TEST(Blocks, ComeBackToTheThreadThatTookThem) {
  std::thread([] {  // which has no blocks yet
    for (const std::size_t size : {64U, 128U, 256U, 1024U}) {
      void* const block = take_block(size);
      std::thread([&] { give_block(block, size); }).join();
      void* const again = take_block(size);
      EXPECT_EQ(again, block);
      give_block(again, size);
      EXPECT_EQ(take_block(size), block) << "the newest first";
      give_block(block, size);
    }
  })
      .join();
}

/// Allocations by operator new while f() runs in this thread.
template <class F>
std::size_t allocations_of(F f) {
  const std::size_t before = testing_support::calls_of_new();
  f();
  return testing_support::calls_of_new() - before;
}

TEST(Blocks, AreKeptUpToABound) {
  constexpr std::size_t kMany = 3000;
  constexpr std::size_t kMostWaiting = 1024;  // 64 KiB of the smallest
  constexpr std::size_t kBatch = 32;          // on top
  std::vector<void*> blocks(kMany);
  const auto use = [&] {
    for (void*& block : blocks) block = take_block(64);
    for (void* const block : blocks) give_block(block, 64);
  };
  use();
  const std::size_t allocated = allocations_of(use);
  EXPECT_LE(allocated, kMany - kMostWaiting);
  EXPECT_GE(allocated, kMany - kMostWaiting - kBatch);
}

// What is made and dropped at a rate asks operator new for nothing once warm.
TEST(Blocks, SpareBuffersTheirAllocations) {
  const auto wrap = [] { static_cast<void>(ByteBuf::wrap("bytes of somebody else")); };
  const auto adopt = [] {
    static char memory[100];
    static_cast<void>(ByteBuf::adopt(memory, sizeof(memory), [](void*) {}));
  };
  const ByteBuf part = ByteBuf::wrap_copy("part");
  const auto compose = [&] {
    CompositeByteBuf composite;
    composite.add_components(part, part, part);
    for (int i = 0; i < 13; ++i) composite.add_component(part);
    const CompositeByteBuf copy = composite;
    EXPECT_EQ(copy.slice(2, 20).component_count(), 6U);
  };
  wrap();
  adopt();
  compose();
  EXPECT_EQ(allocations_of(wrap), 0U);
  EXPECT_EQ(allocations_of(adopt), 0U);
  EXPECT_EQ(allocations_of(compose), 0U);
}

TEST(Blocks, ServeContainers) {
  std::vector<int, BlockAllocator<int>> numbers;
  for (int i = 0; i < 5000; ++i) numbers.push_back(i);  // through all sizes, and past the largest
  EXPECT_EQ(std::accumulate(numbers.begin(), numbers.end(), 0), 5000 * 4999 / 2);
  EXPECT_THROW(static_cast<void>(BlockAllocator<int>().allocate(SIZE_MAX / 2)), std::bad_alloc);
}

/// Uses blocks where thread_locals are destroyed, before and after the thread's pools are gone.
struct LateUser {
  CompositeByteBuf composite;
  ~LateUser() {
    for (int i = 0; i < 40; ++i) composite.add_component(ByteBuf::wrap("late"));
    EXPECT_EQ(composite.readable_bytes(), 160U);
  }
};

TEST(Blocks, MayBeUsedInDestructorsOfThreadLocals) {
  std::thread([] {
    static thread_local LateUser early;
    early.composite.add_component(ByteBuf::wrap(""));
    remove_all_fast_thread_locals();
  }).join();
}

}  // namespace
}  // namespace tarn::detail
