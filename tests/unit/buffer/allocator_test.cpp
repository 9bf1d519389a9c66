// SPDX-License-Identifier: Apache-2.0
// What users ask of allocators: buffers and plain memory of any size, kind and alignment.
#include "tarn/allocator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <list>
#include <memory_resource>
#include <new>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/sanitizer_options.hpp"
#include "tarn/composite_byte_buf.hpp"
#include "tarn/log.hpp"

namespace tarn {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr MemoryKind kKinds[] = {MemoryKind::heap, MemoryKind::direct};
constexpr std::size_t kMostBytes = std::numeric_limits<std::size_t>::max();

static_assert(std::is_abstract_v<Allocator> && !std::is_copy_constructible_v<Allocator>);
static_assert(std::is_base_of_v<Allocator, PooledAllocator>);
static_assert(std::is_base_of_v<Allocator, UnpooledAllocator>);
static_assert(std::is_base_of_v<std::pmr::memory_resource, PoolResource>);
static_assert(!std::is_copy_constructible_v<PooledAllocator>);
static_assert(noexcept(std::declval<Allocator&>().try_buffer()));
static_assert(noexcept(std::declval<PooledAllocator&>().deallocate(nullptr, 0)));
static_assert(kNoLimit == kMostBytes);

PooledAllocatorOptions options_of(std::size_t heap_arenas, std::size_t direct_arenas) {
  PooledAllocatorOptions options;
  options.heap_arenas = heap_arenas;
  options.direct_arenas = direct_arenas;
  return options;
}

bool is_aligned(const void* p, std::size_t alignment) {
  return reinterpret_cast<std::uintptr_t>(p) % alignment == 0;
}

// --- buffers, of every allocator
// ------------------------------------------------------------------

/// The third kind: a user's own, over malloc.
class UsersAllocator final : public Allocator {
 public:
  [[nodiscard]] int live() const { return live_; }
  [[nodiscard]] const std::set<std::size_t>& sizes() const { return sizes_; }
  bool refuse = false;

 protected:
  void* do_allocate(std::size_t size, std::size_t alignment, MemoryKind kind) override {
    if (refuse || size > kMostBytes / 2) throw std::bad_alloc();
    void* const memory = ::operator new (size, std::align_val_t{alignment});
    ++live_;
    sizes_.insert(size);
    last_kind_ = kind;
    return memory;
  }
  void do_deallocate(void* memory, std::size_t size, std::size_t alignment,
                     MemoryKind /*kind*/) noexcept override {
    EXPECT_TRUE(sizes_.contains(size)) << "given back with the size it was taken with";
    ::operator delete (memory, std::align_val_t{alignment});
    --live_;
  }

 private:
  int live_ = 0;
  std::set<std::size_t> sizes_;
  MemoryKind last_kind_ = MemoryKind::heap;
};

template <class T>
class EveryAllocator : public testing::Test {
 protected:
  [[nodiscard]] Allocator& allocator() { return allocator_; }

 private:
  T allocator_;
};
using Allocators = testing::Types<PooledAllocator, UnpooledAllocator, UsersAllocator>;
TYPED_TEST_SUITE(EveryAllocator, Allocators);

TYPED_TEST(EveryAllocator, MakesEmptyBuffersOfExactlyTheCapacity) {
  Allocator& allocator = this->allocator();
  for (const std::size_t capacity : {0U, 1U, 100U, 4096U, 5000U, 1U << 20, (4U << 20) + 1}) {
    for (const ByteBuf& buffer :
         {allocator.buffer(capacity), allocator.heap_buffer(capacity),
          allocator.direct_buffer(capacity), allocator.try_buffer(capacity),
          allocator.try_heap_buffer(capacity), allocator.try_direct_buffer(capacity)}) {
      ASSERT_TRUE(buffer) << "a buffer of capacity 0 is one";
      ASSERT_EQ(buffer.capacity(), capacity);
      ASSERT_EQ(buffer.max_capacity(), kNoLimit);
      ASSERT_EQ(buffer.reader_index(), 0U);
      ASSERT_EQ(buffer.writer_index(), 0U);
      ASSERT_TRUE(buffer.is_unique());
      ASSERT_FALSE(buffer.is_read_only());
      ASSERT_TRUE(is_aligned(buffer.data(), 16));
    }
  }
}

TYPED_TEST(EveryAllocator, HasACapacityByDefaultAndKeepsToTheMaximum) {
  Allocator& allocator = this->allocator();
  EXPECT_EQ(allocator.buffer().capacity(), 256U);
  EXPECT_EQ(allocator.buffer(10, 20).max_capacity(), 20U);
  EXPECT_EQ(allocator.buffer(20, 20).capacity(), 20U);
  EXPECT_EQ(allocator.buffer(0, 0).max_capacity(), 0U);
}

// Netty: "initialCapacity: 10 (expected: not greater than maxCapacity(5)".
TYPED_TEST(EveryAllocator, RefusesACapacityAboveTheMaximum) {
  Allocator& allocator = this->allocator();
  try {
    static_cast<void>(allocator.heap_buffer(10, 5));
    ADD_FAILURE() << "accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("capacity 10"), HasSubstr("max_capacity 5")));
  }
  EXPECT_THROW(static_cast<void>(allocator.buffer(1, 0)), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(allocator.direct_buffer(kNoLimit, 5)), std::invalid_argument);
  EXPECT_FALSE(allocator.try_buffer(10, 5));
  EXPECT_FALSE(allocator.try_heap_buffer(10, 5));
  EXPECT_FALSE(allocator.try_direct_buffer(10, 5));
}

TYPED_TEST(EveryAllocator, RefusesWhatCannotBeRepresented) {
  Allocator& allocator = this->allocator();
  for (const std::size_t size : {kMostBytes, kMostBytes - 16, kMostBytes - 8192}) {
    EXPECT_THROW(static_cast<void>(allocator.buffer(size)), std::bad_alloc);
    EXPECT_THROW(static_cast<void>(allocator.heap_buffer(size)), std::bad_alloc);
    EXPECT_FALSE(allocator.try_buffer(size));
    EXPECT_FALSE(allocator.try_heap_buffer(size));
  }
}

TYPED_TEST(EveryAllocator, MakesBuffersThatGrowByItself) {
  Allocator& allocator = this->allocator();
  for (const MemoryKind kind : kKinds) {
    ByteBuf buffer =
        kind == MemoryKind::heap ? allocator.heap_buffer(1) : allocator.direct_buffer(1);
    for (std::uint32_t i = 0; i < 5000; ++i) buffer.write_u32(i);
    for (std::uint32_t i = 0; i < 5000; ++i) ASSERT_EQ(buffer.read_u32(), i);
  }
}

TYPED_TEST(EveryAllocator, MakesComposites) {
  Allocator& allocator = this->allocator();
  EXPECT_EQ(allocator.composite_buffer().max_components(), 16U);
  EXPECT_EQ(allocator.composite_buffer(3).max_components(), 3U);
  EXPECT_EQ(allocator.composite_buffer(3).component_count(), 0U);
  EXPECT_THROW(static_cast<void>(allocator.composite_buffer(0)), std::invalid_argument);
}

// [run] 0 -> 64, 65 -> 128, 4194305 -> 8388608, 9000000 -> 12582912.
TYPED_TEST(EveryAllocator, TellsHowFarABufferGrows) {
  Allocator& allocator = this->allocator();
  EXPECT_EQ(allocator.next_capacity(0, kNoLimit), 64U);
  EXPECT_EQ(allocator.next_capacity(65, kNoLimit), 128U);
  EXPECT_EQ(allocator.next_capacity(4194304, kNoLimit), 4194304U);
  EXPECT_EQ(allocator.next_capacity(4194305, kNoLimit), 8388608U);
  EXPECT_EQ(allocator.next_capacity(9'000'000, kNoLimit), 12582912U);
  EXPECT_EQ(allocator.next_capacity(9'000'000, 10'000'000), 10'000'000U);
  EXPECT_THROW(static_cast<void>(allocator.next_capacity(11, 10)), std::invalid_argument);
}

TEST(UsersAllocators, GetBackEveryPieceTheyGave) {
  UsersAllocator allocator;
  {
    const ByteBuf empty = allocator.buffer(0);
    ByteBuf buffer = allocator.buffer(100);
    EXPECT_EQ(allocator.live(), 2);
    const ByteBuf share = buffer;
    buffer.ensure_writable(1000);
    EXPECT_EQ(allocator.live(), 3) << "the shared piece stays, growth asks for another";
  }
  EXPECT_EQ(allocator.live(), 0);
}

TEST(UsersAllocators, RefuseByThrowing) {
  UsersAllocator allocator;
  ByteBuf buffer = allocator.buffer(16);
  buffer.write_u32(7);
  allocator.refuse = true;
  EXPECT_THROW(static_cast<void>(allocator.buffer(1)), std::bad_alloc);
  EXPECT_FALSE(allocator.try_buffer(1));
  EXPECT_THROW(buffer.ensure_writable(100), std::bad_alloc);
  EXPECT_EQ(buffer.capacity(), 16U);
  EXPECT_EQ(buffer.read_u32(), 7U);
}

TEST(UsersAllocators, AreNotAskedForWhatCannotBeRepresented) {
  // As aligned operator new is with some sizes, which it rounds up to nothing.
  class Careless final : public Allocator {
   public:
    int asked = 0;

   protected:
    void* do_allocate(std::size_t /*size*/, std::size_t /*alignment*/, MemoryKind) override {
      ++asked;
      return memory_.data();
    }
    void do_deallocate(void*, std::size_t, std::size_t, MemoryKind) noexcept override {}

   private:
    std::array<std::byte, 64> memory_{};
  };
  Careless allocator;
  for (const std::size_t size : {kNoLimit / 2 + 1, kNoLimit - 1, kNoLimit}) {
    EXPECT_THROW(static_cast<void>(allocator.buffer(size)), std::bad_alloc);
    EXPECT_FALSE(allocator.try_heap_buffer(size));
  }
  EXPECT_EQ(allocator.asked, 0);
  ByteBuf buffer = allocator.buffer(16);
  EXPECT_THROW(buffer.capacity(kNoLimit), std::bad_alloc);
  EXPECT_EQ(buffer.capacity(), 16U);
  EXPECT_EQ(allocator.asked, 1);
}

TEST(UnpooledAllocator, IsOneForTheProcess) {
  EXPECT_EQ(&UnpooledAllocator::shared(), &UnpooledAllocator::shared());
  EXPECT_EQ(UnpooledAllocator::shared().buffer(10).capacity(), 10U);
}

// --- the pooled allocator -----------------------------------------------------------------------

TEST(PooledAllocator, IsOneForTheProcess) {
  EXPECT_EQ(&PooledAllocator::shared(), &PooledAllocator::shared());
}

TEST(PooledAllocator, ShowsTheSettingsInForce) {
  PooledAllocatorOptions options = options_of(3, 0);
  options.page_size = 16384;
  options.tiny_cache_size = 7;
  const PooledAllocator allocator(options);
  EXPECT_EQ(allocator.options().heap_arenas, 3U);
  EXPECT_EQ(allocator.options().direct_arenas, 0U);
  EXPECT_EQ(allocator.options().page_size, 16384U);
  EXPECT_EQ(allocator.options().tiny_cache_size, 7U);
  EXPECT_EQ(allocator.stats().heap_arenas.size(), 3U);
  EXPECT_EQ(allocator.stats().direct_arenas.size(), 0U);
}

TEST(PooledAllocator, RefusesBadSettings) {
  PooledAllocatorOptions options;
  options.max_order = 15;
  EXPECT_THROW(PooledAllocator{options}, std::invalid_argument);
  options.max_order = 14;
  options.page_size = 1 << 20;
  EXPECT_THROW(PooledAllocator{options}, std::invalid_argument);
}

TEST(PooledAllocator, TakesItsSettingsFromTheEnvironmentByDefault) {
  ::setenv("TARN_ALLOCATOR_HEAP_ARENAS", "2", 1);
  ::setenv("TARN_ALLOCATOR_DIRECT_ALIGNMENT", "128", 1);
  PooledAllocator allocator;
  ::unsetenv("TARN_ALLOCATOR_HEAP_ARENAS");
  ::unsetenv("TARN_ALLOCATOR_DIRECT_ALIGNMENT");
  EXPECT_EQ(allocator.options().heap_arenas, 2U);
  EXPECT_TRUE(is_aligned(allocator.direct_buffer(1).data(), 128));
}

// One line at debug level, every setting as name=value.
TEST(PooledAllocator, SaysItsSettingsWhenItIsMade) {
  std::vector<std::pair<LogLevel, std::string>> lines;
  const LogSink before =
      set_log_sink([&](LogLevel level, std::string_view line) { lines.emplace_back(level, line); });
  PooledAllocatorOptions options = options_of(3, 4);
  options.use_cache_for_all_threads = false;
  options.cache_trim_period = std::chrono::milliseconds(77);
  { const PooledAllocator allocator(options); }
  set_log_sink(before);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].first, LogLevel::debug);
  for (const char* const setting :
       {"PooledAllocator", "heap_arenas=3", "direct_arenas=4", "page_size=8192", "max_order=9",
        "tiny_cache_size=512", "small_cache_size=256", "normal_cache_size=64",
        "max_cached_buffer_capacity=1048576",
        "max_cached_bytes_per_thread=", "max_pending_bytes_per_thread=", "cache_trim_interval=8192",
        "cache_trim_period=77", "use_cache_for_all_threads=false", "direct_alignment=0"}) {
    EXPECT_THAT(lines[0].second, HasSubstr(setting));
  }
}

// testAllocNotNull: chunk + 1, 1024, 512, 1; as buffers and as plain memory.
TEST(PooledAllocator, ServesHugeSmallTinyAndNothing) {
  PooledAllocator allocator(options_of(1, 1));
  for (const std::size_t size : {(4U << 20) + 1, 4U << 20, 1024U, 512U, 1U, 0U}) {
    for (const MemoryKind kind : kKinds) {
      void* const memory = allocator.allocate(size, 16, kind);
      ASSERT_NE(memory, nullptr);
      std::fill_n(static_cast<std::byte*>(memory), size, std::byte{3});
      allocator.deallocate(memory, size);
    }
    EXPECT_EQ(allocator.buffer(size).capacity(), size);
  }
  EXPECT_EQ(allocator.stats().huge.allocations, 3U);
}

TEST(PooledAllocator, NullIsDeallocatedByDoingNothing) {
  PooledAllocator allocator(options_of(1, 1));
  allocator.deallocate(nullptr, 0);
  allocator.deallocate(nullptr, 100, 4096);
  EXPECT_EQ(allocator.stats().tiny.deallocations, 0U);
}

TEST(PooledAllocator, AlignsPlainMemoryUpToTheChunk) {
  PooledAllocatorOptions options = options_of(1, 1);
  options.max_order = 3;  // chunks of 64 KiB
  PooledAllocator allocator(options);
  for (std::size_t alignment = 1; alignment <= 65536; alignment *= 2) {
    for (const std::size_t size : {0U, 1U, 100U, 8192U, 60'000U, 100'000U}) {
      void* const memory = allocator.allocate(size, alignment);
      ASSERT_TRUE(is_aligned(memory, alignment)) << size << " at " << alignment;
      allocator.deallocate(memory, size, alignment);
    }
  }
}

TEST(PooledAllocator, RefusesAlignmentsThatAreNone) {
  PooledAllocatorOptions options = options_of(1, 1);
  options.max_order = 3;
  PooledAllocator allocator(options);
  for (const std::size_t alignment :
       {std::size_t{0}, std::size_t{3}, std::size_t{24}, std::size_t{131072}, kMostBytes}) {
    try {
      static_cast<void>(allocator.allocate(16, alignment));
      ADD_FAILURE() << alignment;
    } catch (const std::invalid_argument& error) {
      EXPECT_EQ(error.what(),
                "alignment: " + std::to_string(alignment) + " (expected: a power of two, 1-65536)");
    }
  }
}

TEST(PooledAllocator, RefusesPlainMemoryThatCannotBeRepresented) {
  PooledAllocator allocator(options_of(1, 1));
  EXPECT_THROW(static_cast<void>(allocator.allocate(kMostBytes)), std::bad_alloc);
  EXPECT_THROW(static_cast<void>(allocator.allocate(kMostBytes - 100, 4096)), std::bad_alloc);
}

// testCorrectElementSize, alignment 64: two empty buffers, then 17 and 18 bytes.
TEST(PooledAllocator, AlignedBuffersHaveTheirOwnSlots) {
  PooledAllocatorOptions options = options_of(1, 1);
  options.direct_alignment = 64;
  PooledAllocator allocator(options);
  std::vector<ByteBuf> buffers;
  for (const std::size_t capacity : {0U, 0U, 17U, 18U}) {
    buffers.push_back(allocator.direct_buffer(capacity));
    EXPECT_TRUE(is_aligned(buffers.back().data(), 64));
    EXPECT_EQ(buffers.back().capacity(), capacity);
  }
  std::set<const std::byte*> addresses;
  for (const ByteBuf& buffer : buffers) addresses.insert(std::as_const(buffer).data());
  EXPECT_EQ(addresses.size(), 4U);
}

TEST(PooledAllocator, TrimsWhatItsThreadsKeep) {
  PooledAllocator allocator(options_of(1, 1));
  EXPECT_FALSE(allocator.trim_current_thread_cache());  // testTrim
  static_cast<void>(allocator.buffer(1000));
  EXPECT_GT(allocator.stats().cached_bytes, 0U);
  EXPECT_TRUE(allocator.trim_current_thread_cache());
  EXPECT_EQ(allocator.stats().cached_bytes, 0U);
  static_cast<void>(allocator.buffer(1000));
  EXPECT_EQ(allocator.trim_all(), 1024U);
  EXPECT_EQ(allocator.stats().mapped_bytes, 0U);
}

// --- std::pmr ---------------------------------------------------------------------------------

TEST(PoolResource, IsEqualForTheSameAllocatorAndKind) {
  PooledAllocator allocator(options_of(1, 1));
  PooledAllocator other(options_of(1, 1));
  const PoolResource heap(allocator);
  EXPECT_EQ(heap.kind(), MemoryKind::heap);
  EXPECT_EQ(&heap.allocator(), &allocator);
  EXPECT_TRUE(heap == PoolResource(allocator, MemoryKind::heap));
  EXPECT_FALSE(heap == PoolResource(allocator, MemoryKind::direct));
  EXPECT_FALSE(heap == PoolResource(other));
  EXPECT_FALSE(heap == *std::pmr::new_delete_resource());
  EXPECT_EQ(&PoolResource().allocator(), &PooledAllocator::shared());
}

TEST(PoolResource, ServesContainers) {
  PooledAllocator allocator(options_of(1, 1));
  {
    PoolResource resource(allocator, MemoryKind::direct);
    std::pmr::vector<int> numbers(&resource);
    std::pmr::list<std::pmr::string> words(&resource);
    for (int i = 0; i < 10'000; ++i) {
      numbers.push_back(i);
      words.emplace_back("a word that is long enough to need memory of its own");
    }
    EXPECT_EQ(numbers[9999], 9999);
    EXPECT_GT(allocator.stats().in_use_bytes, 500'000U);
  }
  EXPECT_EQ(allocator.stats().in_use_bytes, 0U);
}

TEST(PoolResource, AlignsAsContainersAsk) {
  PooledAllocator allocator(options_of(1, 1));
  PoolResource resource(allocator);
  for (std::size_t alignment = 1; alignment <= 65536; alignment *= 2) {
    void* const memory = resource.allocate(100, alignment);
    EXPECT_TRUE(is_aligned(memory, alignment));
    resource.deallocate(memory, 100, alignment);
  }
}

// --- the end ------------------------------------------------------------------------------------

TEST(PooledAllocator, BuffersOutliveIt) {
  ByteBuf buffer;
  ByteBuf slice;
  {
    PooledAllocator allocator(options_of(1, 1));
    buffer = allocator.buffer(100);
    buffer.write_bytes(std::string_view("still here"));
    slice = buffer.slice(0, 5);
  }
  EXPECT_EQ(buffer.to_string(), "still here");
  buffer.ensure_writable(100'000);
  EXPECT_EQ(buffer.to_string(), "still here");
  EXPECT_EQ(buffer.copy().to_string(), "still here");
  buffer.release();
  EXPECT_EQ(slice.to_string(), "still");
}

}  // namespace
}  // namespace tarn
