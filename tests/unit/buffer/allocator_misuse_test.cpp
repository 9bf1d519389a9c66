// SPDX-License-Identifier: Apache-2.0
// Misuse that could corrupt memory: found in every build, reported with the address, and fatal.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "buffer/allocator_access.hpp"
#include "support/small_pool.hpp"
#include "tarn/allocator.hpp"

namespace tarn {
namespace {

constexpr MemoryKind kKinds[] = {MemoryKind::heap, MemoryKind::direct};

/// `address` as reports show it.
std::string at(const void* address) {
  char text[32];
  std::snprintf(text, sizeof text, "at 0x%zx", reinterpret_cast<std::uintptr_t>(address));
  return text;
}

/// A pattern of a report of the memory at `address` that says `what`.
std::string report(const void* address, const std::string& what) {
  return "tarn: fatal: .* " + at(address) + " .*" + what;
}

class AllocatorMisuseDeathTest : public testing::Test {
 protected:
  AllocatorMisuseDeathTest() { GTEST_FLAG_SET(death_test_style, "fast"); }

  PooledAllocator allocator{test::small_options()};
};

TEST_F(AllocatorMisuseDeathTest, PlainMemoryReleasedTwiceByItsThread) {
  for (const MemoryKind kind : kKinds) {
    for (const std::size_t size : {16U, 700U, 5000U, 32768U}) {
      void* const memory = allocator.allocate(size, 16, kind);
      allocator.deallocate(memory, size);
      EXPECT_DEATH(allocator.deallocate(memory, size), report(memory, "released already"));
    }
  }
}

TEST_F(AllocatorMisuseDeathTest, PlainMemoryReleasedTwiceAfterATrim) {
  for (const std::size_t size : {16U, 700U, 32768U}) {
    void* const memory = allocator.allocate(size);
    void* const neighbour = allocator.allocate(size);  // keeps the chunk
    allocator.deallocate(memory, size);
    allocator.trim_current_thread_cache();
    EXPECT_DEATH(allocator.deallocate(memory, size), report(memory, "released already"));
    allocator.deallocate(neighbour, size);
    allocator.trim_all();
    EXPECT_DEATH(allocator.deallocate(memory, size), report(memory, "released already"))
        << "not even its chunk is mapped any more";
  }
}

TEST_F(AllocatorMisuseDeathTest, PlainMemoryReleasedTwiceByTwoThreads) {
  void* const memory = allocator.allocate(64);
  std::thread([&] { allocator.deallocate(memory, 64); }).join();
  EXPECT_DEATH(allocator.deallocate(memory, 64), report(memory, "released already"));
  void* const other = allocator.allocate(64);
  allocator.deallocate(other, 64);
  EXPECT_DEATH(std::thread([&] { allocator.deallocate(other, 64); }).join(),
               report(other, "released already"));
}

TEST_F(AllocatorMisuseDeathTest, HugeMemoryReleasedTwice) {
  void* const memory = allocator.allocate(100'000);
  allocator.deallocate(memory, 100'000);
  EXPECT_DEATH(allocator.deallocate(memory, 100'000), report(memory, "released already"));
}

TEST_F(AllocatorMisuseDeathTest, PointersThatAreNotFromHere) {
  alignas(16) std::byte on_stack[64];
  EXPECT_DEATH(allocator.deallocate(on_stack, 64), report(on_stack, "not from this allocator"));
  void* const from_malloc = std::malloc(64);
  EXPECT_DEATH(allocator.deallocate(from_malloc, 64),
               report(from_malloc, "not from this allocator"));
  std::free(from_malloc);
  for (const std::uintptr_t address : {std::uintptr_t{8}, std::uintptr_t{4096}, ~std::uintptr_t{0},
                                       std::uintptr_t{1} << 47, std::uintptr_t{1} << 48}) {
    auto* const nowhere = reinterpret_cast<void*>(address);
    EXPECT_DEATH(allocator.deallocate(nowhere, 64), report(nowhere, "not from this allocator"));
    EXPECT_DEATH(allocator.deallocate(nowhere, 4096, 4096),
                 report(nowhere, "not from this allocator"));
  }
}

TEST_F(AllocatorMisuseDeathTest, PointersIntoLiveMemory) {
  for (const std::size_t size : {64U, 48U, 5000U, 32768U, 100'000U}) {
    auto* const memory = static_cast<std::byte*>(allocator.allocate(size));
    for (const std::size_t offset : {std::size_t{1}, std::size_t{16}, size / 2, size - 1}) {
      EXPECT_DEATH(allocator.deallocate(memory + offset, size), report(memory + offset, ""))
          << size << " + " << offset;
    }
    allocator.deallocate(memory, size);
  }
}

TEST_F(AllocatorMisuseDeathTest, PointersIntoFreePages) {
  auto* const memory = static_cast<std::byte*>(allocator.allocate(64));
  const auto chunk = reinterpret_cast<std::uintptr_t>(memory) & ~std::uintptr_t{32767};
  auto* const last_page = reinterpret_cast<std::byte*>(chunk + 7 * 4096);
  EXPECT_DEATH(allocator.deallocate(last_page, 4096), report(last_page, "not from this allocator"));
  allocator.deallocate(memory, 64);
}

TEST_F(AllocatorMisuseDeathTest, MemoryOfAnotherAllocator) {
  PooledAllocator other(test::small_options());
  for (const std::size_t size : {64U, 100'000U}) {
    void* const memory = other.allocate(size);
    EXPECT_DEATH(allocator.deallocate(memory, size), report(memory, "not from this allocator"));
    other.deallocate(memory, size);
  }
}

TEST_F(AllocatorMisuseDeathTest, AnotherSizeClass) {
  for (const std::size_t size : {64U, 700U, 16384U}) {
    void* const memory = allocator.allocate(size);
    for (const std::size_t wrong : {std::size_t{1}, size + 200, std::size_t{2} << 20}) {
      EXPECT_DEATH(
          allocator.deallocate(memory, wrong),
          report(memory, "with size " + std::to_string(wrong) + ".*allocated in size class"));
    }
    allocator.deallocate(memory, size - 1);  // another size of the same class is right
  }
}

TEST_F(AllocatorMisuseDeathTest, AnotherSizeOfHugeMemory) {
  void* const memory = allocator.allocate(100'000);
  EXPECT_DEATH(allocator.deallocate(memory, 100'001),
               report(memory, "with size 100001, allocated with size 100000"));
  EXPECT_DEATH(allocator.deallocate(memory, 64), report(memory, "allocated with size 100000"));
  allocator.deallocate(memory, 100'000);
}

TEST_F(AllocatorMisuseDeathTest, AnAlignmentOfAnotherClass) {
  void* const memory = allocator.allocate(100, 1024);
  EXPECT_DEATH(allocator.deallocate(memory, 100),
               report(memory, "with size 100 and alignment 16,"));
  EXPECT_DEATH(allocator.deallocate(memory, 100, 4096), report(memory, "alignment 4096"));
  allocator.deallocate(memory, 100, 1024);
}

TEST_F(AllocatorMisuseDeathTest, TheMemoryOfALiveBuffer) {
  ByteBuf buffer = allocator.buffer(64);
  EXPECT_DEATH(allocator.deallocate(buffer.data(), 64),
               report(buffer.data(), "belongs to a live buffer"));
  ByteBuf huge = allocator.buffer(100'000);
  EXPECT_DEATH(allocator.deallocate(huge.data(), 100'000),
               report(huge.data(), "belongs to a live buffer"));
}

TEST_F(AllocatorMisuseDeathTest, TheMemoryOfABufferThatIsReleased) {
  ByteBuf buffer = allocator.buffer(64);
  void* const memory = buffer.data();
  buffer.release();
  EXPECT_DEATH(allocator.deallocate(memory, 64), report(memory, "released already"));
}

/// A handle copied behind the library's back.
struct Stolen {
  explicit Stolen(const ByteBuf& buffer) { std::memcpy(bytes, &buffer, sizeof(ByteBuf)); }
  [[nodiscard]] ByteBuf& buffer() { return *reinterpret_cast<ByteBuf*>(bytes); }
  alignas(ByteBuf) std::byte bytes[sizeof(ByteBuf)];
};

TEST_F(AllocatorMisuseDeathTest, ABufferReleasedTwiceThroughACopyOfItsBytes) {
  for (const std::size_t size : {64U, 5000U, 32768U, 100'000U}) {
    ByteBuf buffer = allocator.buffer(size);
    const void* const memory = buffer.data();
    Stolen stolen(buffer);
    buffer.release();
    EXPECT_DEATH(stolen.buffer().release(), "released a buffer twice " + at(memory)) << size;
    EXPECT_DEATH(std::thread([&] { stolen.buffer().release(); }).join(), "released a buffer twice");
    EXPECT_DEATH(static_cast<void>(ByteBuf(stolen.buffer())), "shared a buffer that was released");
  }
}

TEST_F(AllocatorMisuseDeathTest, ABufferReleasedTwiceFirstByAnotherThread) {
  ByteBuf buffer = allocator.buffer(64);
  Stolen stolen(buffer);
  std::thread([&buffer] { buffer.release(); }).join();
  EXPECT_DEATH(stolen.buffer().release(), "released a buffer twice");
}

}  // namespace
}  // namespace tarn
