// SPDX-License-Identifier: Apache-2.0
// Tests of memory that no pool has cut: it ends once, where and when it should.
#include "tarn/detail/buffer/foreign.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "support/buffer_variants.hpp"
#include "tarn/byte_buf.hpp"

namespace tarn {
namespace {

using testing_support::readable_text;

/// A deleter that can only be moved and writes down what it was given.
struct Recorder {
  struct Log {
    int calls = 0;
    void* memory = nullptr;
    std::size_t size = 0;
    std::thread::id thread;
  };
  explicit Recorder(Log& l) : log(&l) {}
  Recorder(Recorder&&) noexcept = default;
  Recorder& operator=(Recorder&&) noexcept = default;
  void operator()(void* memory, std::size_t size) const {
    ++log->calls;
    log->memory = memory;
    log->size = size;
    log->thread = std::this_thread::get_id();
  }
  Log* log;
};

TEST(Adopt, CallsTheDeleterOnceWithMemoryAndSize) {
  Recorder::Log log;
  std::byte memory[8]{};
  {
    ByteBuf buf = ByteBuf::adopt(memory, 8, Recorder(log));
    EXPECT_EQ(buf.capacity(), 8U);
    EXPECT_EQ(buf.max_capacity(), 8U);
    EXPECT_EQ(buf.readable_bytes(), 8U);
    EXPECT_EQ(buf.data(), memory);
    EXPECT_FALSE(buf.is_read_only());
    const ByteBuf part = buf.slice(2, 3);
    buf.release();
    EXPECT_EQ(log.calls, 0);
  }
  EXPECT_EQ(log.calls, 1);
  EXPECT_EQ(log.memory, memory);
  EXPECT_EQ(log.size, 8U);
}

TEST(Adopt, CallsTheDeleterInTheThreadThatLetsGoLast) {
  Recorder::Log log;
  std::byte memory[8]{};
  ByteBuf buf = ByteBuf::adopt(memory, 8, Recorder(log));
  std::thread::id other;
  std::thread thread([share = buf, &other, &buf]() mutable {
    other = std::this_thread::get_id();
    buf.release();
    share.release();
  });
  thread.join();
  EXPECT_EQ(log.calls, 1);
  EXPECT_EQ(log.thread, other);
}

TEST(Adopt, TakesDeletersOfOneArgument) {
  ByteBuf buf = ByteBuf::adopt(std::malloc(32), 32, std::free);
  EXPECT_EQ(buf.capacity(), 32U);
  int calls = 0;
  std::byte memory[1]{};
  ByteBuf::adopt(memory, 1, [&calls](void*) { ++calls; }).release();
  EXPECT_EQ(calls, 1);
}

TEST(Adopt, CallsTheDeleterWhenItFailsItself) {
  /// Survives one move, into adopt's argument.
  struct Fragile {
    explicit Fragile(int& c) : calls(&c) {}
    Fragile(Fragile&& other) : calls(other.calls), moves(other.moves + 1) {
      if (moves > 1) throw std::bad_alloc();
    }
    void operator()(void*) const { ++*calls; }
    int* calls;
    int moves = 0;
  };
  int calls = 0;
  std::byte memory[8]{};
  Fragile deleter(calls);
  EXPECT_THROW(static_cast<void>(ByteBuf::adopt(memory, 8, std::move(deleter))), std::bad_alloc);
  EXPECT_EQ(calls, 1);
}

TEST(Adopt, TakesOveralignedDeleters) {
  struct alignas(128) Wide {
    int* calls;
    void operator()(void*) const {
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(this) % 128, 0U);
      ++*calls;
    }
  };
  int calls = 0;
  std::byte memory[8]{};
  ByteBuf::adopt(memory, 8, Wide{&calls}).release();
  EXPECT_EQ(calls, 1);
}

TEST(Adopt, TakesOverAStringWithoutACopy) {
  std::string text(1000, 'x');
  const void* const where = text.data();
  ByteBuf buf = ByteBuf::adopt(std::move(text));
  EXPECT_EQ(buf.data(), where);
  EXPECT_EQ(readable_text(buf), std::string(1000, 'x'));
  EXPECT_EQ(readable_text(ByteBuf::adopt(std::string("short"))), "short");
  EXPECT_TRUE(ByteBuf::adopt(std::string()));
}

TEST(Adopt, TakesOverAVectorWithoutACopy) {
  std::vector<unsigned char> bytes(100, 7);
  const void* const where = bytes.data();
  ByteBuf buf = ByteBuf::adopt(std::move(bytes));
  EXPECT_EQ(buf.data(), where);
  EXPECT_EQ(buf.capacity(), 100U);
  EXPECT_EQ(buf.get_u8(99), 7);
  EXPECT_TRUE(ByteBuf::adopt(std::vector<char>()));
  EXPECT_EQ(ByteBuf::adopt(std::vector<std::byte>(3)).capacity(), 3U);
}

TEST(Adopt, TakesOverAnArray) {
  auto array = std::make_unique<char[]>(10);
  const void* const where = array.get();
  ByteBuf buf = ByteBuf::adopt(std::move(array), 10);
  EXPECT_EQ(buf.data(), where);
  EXPECT_EQ(buf.capacity(), 10U);

  Recorder::Log log;
  struct ArrayDeleter {
    Recorder::Log* log;
    void operator()(std::byte* p) const {
      ++log->calls;
      delete[] p;
    }
  };
  ByteBuf::adopt(std::unique_ptr<std::byte[], ArrayDeleter>(new std::byte[4], {&log}), 4).release();
  EXPECT_EQ(log.calls, 1);
}

// The "a mapped file": nothing special is needed, and this is the proof.
TEST(Adopt, TakesOverAMapping) {
  const std::size_t size = 8192;
  void* const memory =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  static int unmapped = 0;
  ByteBuf buf = ByteBuf::adopt(
      memory, size, [](void* p, std::size_t n) { unmapped = munmap(p, n) == 0 ? 1 : -1; });
  buf.set_u64(8184, 42);
  ByteBuf tail = buf.slice(8184, 8);
  buf.release();
  EXPECT_EQ(unmapped, 0);
  EXPECT_TRUE(tail.compact_if_sparse()) << "8 of 8192 bytes held the whole mapping";
  EXPECT_EQ(unmapped, 1);
  EXPECT_EQ(tail.read_u64(), 42U);
}

TEST(Wrap, ShowsTheCallersMemory) {
  std::vector<unsigned char> bytes{1, 2, 3, 4};
  ByteBuf buf = ByteBuf::wrap(bytes);
  EXPECT_EQ(buf.readable_bytes(), 4U);
  EXPECT_EQ(buf.max_capacity(), 4U);
  EXPECT_TRUE(buf.is_unique());
  EXPECT_FALSE(buf.is_read_only());
  buf.set_u8(1, 9);
  EXPECT_EQ(bytes[1], 9);
  buf.release();
  EXPECT_EQ(bytes[3], 4) << "not owned";
}

TEST(Wrap, OfConstantMemoryIsReadOnly) {
  const std::string text = "constant";
  EXPECT_TRUE(ByteBuf::wrap(text).is_read_only());
  EXPECT_TRUE(ByteBuf::wrap(std::string_view(text)).is_read_only());
  EXPECT_TRUE(ByteBuf::wrap(std::as_bytes(std::span(text))).is_read_only());
  EXPECT_TRUE(ByteBuf::wrap("literal").is_read_only());
  EXPECT_EQ(readable_text(ByteBuf::wrap("literal")), "literal");
  std::string variable = "variable";
  EXPECT_FALSE(ByteBuf::wrap(std::span(variable)).is_read_only());
  EXPECT_TRUE(ByteBuf::wrap(std::as_const(variable)).is_read_only());
}

TEST(Wrap, OfNothingIsABuffer) {
  ByteBuf buf = ByteBuf::wrap(std::span<std::byte>());
  EXPECT_TRUE(buf);
  EXPECT_EQ(buf.capacity(), 0U);
  EXPECT_EQ(buf.ref_count(), 1U);
  EXPECT_FALSE(buf.is_readable());
  EXPECT_THROW(buf.write_u8(1), std::out_of_range);
}

template <class T>
concept CanWrap = requires(T&& t) {
  ByteBuf::wrap(std::forward<T>(t));
};
static_assert(CanWrap<std::string&> && CanWrap<std::span<std::byte>> && CanWrap<std::string_view>);
static_assert(!CanWrap<std::string>, "an owning rvalue would dangle");
static_assert(!CanWrap<std::vector<char>>, "an owning rvalue would dangle");
static_assert(!CanWrap<std::vector<int>&>, "not bytes");

TEST(WrapCopy, OwnsItsMemory) {
  std::string text = "text";
  ByteBuf buf = ByteBuf::wrap_copy(text);
  text[0] = 'X';
  EXPECT_EQ(readable_text(buf), "text");
  EXPECT_EQ(buf.capacity(), 4U);
  EXPECT_TRUE(ByteBuf::wrap_copy(""));
  EXPECT_EQ(readable_text(ByteBuf::wrap_copy("literal")), "literal");
}

TEST(WrapCopy, Grows) {
  ByteBuf buf = ByteBuf::wrap_copy("text");
  EXPECT_EQ(buf.max_capacity(), kNoLimit);
  buf.write_bytes(" and more");
  EXPECT_EQ(readable_text(buf), "text and more");
}

TEST(WrapCopy, TakesMemoryOfTheSharedPool) {
  const ByteBuf buf = ByteBuf::wrap_copy("text");
  EXPECT_EQ(detail::ByteBufAccess::region(buf)->kind, pool::RegionKind::pooled);
}

TEST(Unpooled, IsAlignedAndCharged) {
  for (const std::size_t size : {0UL, 1UL, 15UL, 16UL, 100UL, 8192UL, 1UL << 20}) {
    ByteBuf buf = testing_support::unpooled_buffer(size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buf.data()) % 64, 0U);
    EXPECT_EQ(buf.capacity(), size);
    buf.set_zero(0, size);
  }
}

TEST(Unpooled, RefusesWhatCannotBe) {
  EXPECT_THROW(static_cast<void>(detail::make_unpooled_region(ByteBuf::npos)), std::bad_alloc);
  EXPECT_THROW(static_cast<void>(detail::make_unpooled_region(ByteBuf::npos / 2)), std::bad_alloc);
}

}  // namespace
}  // namespace tarn
