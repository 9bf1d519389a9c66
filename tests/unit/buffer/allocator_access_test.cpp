// SPDX-License-Identifier: Apache-2.0
// The seam for tests: a pool over another source of memory than the system.
#include "buffer/allocator_access.hpp"

#include <gtest/gtest.h>

#include <memory>

#include "support/fake_memory.hpp"

namespace tarn::detail {
namespace {

PooledAllocatorOptions small() {
  PooledAllocatorOptions options;
  options.heap_arenas = options.direct_arenas = 1;
  options.page_size = 4096;
  options.max_order = 2;
  return options;
}

TEST(AllocatorAccess, MakesAPoolOverTheGivenSource) {
  test::FakeMemory memory;
  const std::unique_ptr<PooledAllocator> allocator(AllocatorAccess::make(small(), memory.source()));
  EXPECT_EQ(memory.mappings(), 0U) << "nothing is mapped before it is needed";
  const ByteBuf buffer = allocator->buffer(100);
  EXPECT_EQ(memory.mapped_bytes(), 16384U);
  const ByteBuf huge = allocator->buffer(20'000);
  EXPECT_EQ(memory.mapped_bytes(), 16384U + 20'000U);
}

TEST(AllocatorAccess, MayTakeThePoolsOwnTablesFromAnother) {
  test::FakeMemory memory;
  test::FakeMemory metadata;
  const std::unique_ptr<PooledAllocator> allocator(
      AllocatorAccess::make(small(), memory.source(), metadata.source()));
  const std::size_t before = metadata.mappings();
  EXPECT_GT(before, 0U) << "the map from addresses to chunks";
  static_cast<void>(allocator->buffer(100));
  EXPECT_GT(metadata.mappings(), before);
  EXPECT_EQ(memory.mappings(), 1U);
}

TEST(AllocatorAccess, RefusesBadOptionsBeforeItAsksForMemory) {
  test::FakeMemory memory;
  PooledAllocatorOptions options = small();
  options.page_size = 5000;
  EXPECT_THROW(static_cast<void>(AllocatorAccess::make(options, memory.source())),
               std::invalid_argument);
  EXPECT_EQ(memory.maps(), 0U);
}

TEST(AllocatorAccess, ShowsTheCore) {
  test::FakeMemory memory;
  const std::unique_ptr<PooledAllocator> allocator(AllocatorAccess::make(small(), memory.source()));
  EXPECT_EQ(AllocatorAccess::core(*allocator).options().page_size, 4096U);
  AllocatorAccess::core(*allocator).audit();
}

TEST(AllocatorAccess, TakesAUsersMemoryAsARegion) {
  class Counting final : public Allocator {
   public:
    int taken = 0;
    int given = 0;

   protected:
    void* do_allocate(std::size_t size, std::size_t alignment, MemoryKind) override {
      EXPECT_EQ(alignment, AllocatorAccess::kAlignment);
      ++taken;
      return ::operator new (size, std::align_val_t{alignment});
    }
    void do_deallocate(void* memory, std::size_t, std::size_t alignment,
                       MemoryKind) noexcept override {
      ++given;
      ::operator delete (memory, std::align_val_t{alignment});
    }
  };
  Counting allocator;
  pool::Region* const region = AllocatorAccess::take_of_user(allocator, 0, MemoryKind::heap);
  EXPECT_EQ(pool::region_capacity(region), 1U);
  EXPECT_EQ(region->refs.load_relaxed(), 1U);
  EXPECT_EQ(allocator.taken, 1);
  pool::release_region(region);
  EXPECT_EQ(allocator.given, 1);
}

}  // namespace
}  // namespace tarn::detail
