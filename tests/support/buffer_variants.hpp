// SPDX-License-Identifier: Apache-2.0
// Every kind of buffer that must behave like every other, and tests that run over all of them. Test
// support.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tarn/allocator.hpp"
#include "tarn/byte_buf.hpp"
#include "tarn/composite_byte_buf.hpp"

namespace tarn::testing_support {

inline constexpr std::size_t kNoMaximum = ByteBuf::npos;

/// A kind of buffer. `make(capacity, max)` gives one with both indices at 0; one that does not grow
/// has its capacity for its maximum, whatever `max` is.
template <class Buffer>
struct Variant {
  std::string name;
  bool grows;
  Buffer (*maker)(std::size_t capacity, std::size_t max);

  [[nodiscard]] Buffer make(std::size_t capacity, std::size_t max = kNoMaximum) const {
    return maker(capacity, max);
  }
};

/// A buffer straight from operator new.
inline ByteBuf unpooled_buffer(std::size_t capacity, std::size_t max = kNoMaximum) {
  return UnpooledAllocator::shared().buffer(capacity, max);
}

/// Memory that outlives every test.
inline std::byte* lasting_memory(std::size_t size) {
  static std::vector<std::unique_ptr<std::byte[]>> memory;
  return memory.emplace_back(std::make_unique<std::byte[]>(size)).get();
}

/// A composite of components of `sizes` in turn, until it has `capacity`.
inline CompositeByteBuf composite_of(std::size_t capacity, std::vector<std::size_t> sizes) {
  CompositeByteBuf composite(1000);
  for (std::size_t i = 0; composite.capacity() < capacity; ++i) {
    const std::size_t n = std::min(sizes[i % sizes.size()], capacity - composite.capacity());
    // Of different kinds, none of which begins at the start of its memory.
    ByteBuf part = i % 2 == 0 ? unpooled_buffer(n + 3).slice(3, n)
                              : PooledAllocator::shared().heap_buffer(n + 1).slice(1, n);
    composite.add_component(std::move(part));
  }
  return composite.clear();
}

/// All kinds of ByteBuf.
inline std::vector<Variant<ByteBuf>> variants_of(const ByteBuf*) {
  return {
      {"heap", true,
       [](std::size_t n, std::size_t max) {
         return PooledAllocator::shared().heap_buffer(n, max);
       }},
      {"direct", true,
       [](std::size_t n, std::size_t max) {
         return PooledAllocator::shared().direct_buffer(n, max);
       }},
      {"unpooled", true, [](std::size_t n, std::size_t max) { return unpooled_buffer(n, max); }},
      {"wrapped", false,
       [](std::size_t n, std::size_t) {
         return ByteBuf::wrap(std::span(lasting_memory(n), n)).clear();
       }},
      {"adopted", false,
       [](std::size_t n, std::size_t) {
         return ByteBuf::adopt(new std::byte[n], n,
                               [](void* p) { delete[] static_cast<std::byte*>(p); })
             .clear();
       }},
      // A window in the middle of a larger buffer, which is gone.
      {"sliced", false,
       [](std::size_t n, std::size_t) { return unpooled_buffer(n + 9).slice(5, n).clear(); }},
      // A copy of the value whose original is gone.
      {"duplicated", true,
       [](std::size_t n, std::size_t max) { return unpooled_buffer(n, max).duplicate(); }},
      // Its first bytes were headroom, and were filled from the end down.
      {"headroom", true,
       [](std::size_t n, std::size_t max) {
         ByteBuf buf = PooledAllocator::shared().buffer(n, max);
         const std::size_t headroom = std::min<std::size_t>(n, 11);
         buf.reserve_headroom(headroom).prepend(std::string(headroom, 'h'));
         return buf.clear();
       }},
  };
}

/// All kinds of CompositeByteBuf.
inline std::vector<Variant<CompositeByteBuf>> variants_of(const CompositeByteBuf*) {
  return {
      {"composite1", true,
       [](std::size_t n, std::size_t) { return composite_of(n, {std::max<std::size_t>(n, 1)}); }},
      {"composite2", true, [](std::size_t n, std::size_t) { return composite_of(n, {n / 2 + 1}); }},
      {"compositeMany", true,
       [](std::size_t n, std::size_t) {
         return composite_of(n, {1, 3, 2, 7});
       }},
      {"compositeSlice", false,
       [](std::size_t n, std::size_t) {
         return composite_of(n + 9, {5, 1, 2}).slice(4, n).clear();
       }},
  };
}

/// A test body for one variant, as googletest wants it.
template <class Buffer>
class VariantTest : public testing::Test {
 public:
  using Body = void (*)(const Variant<Buffer>&);
  VariantTest(Body body, Variant<Buffer> variant) : body_(body), variant_(std::move(variant)) {}
  void TestBody() override { body_(variant_); }

 private:
  Body body_;
  Variant<Buffer> variant_;
};

enum class Which { all, growing, fixed };

template <class Buffer>
void register_variants(const char* suite, const char* test, Which which, const char* file, int line,
                       typename VariantTest<Buffer>::Body body) {
  for (const Variant<Buffer>& variant : variants_of(static_cast<const Buffer*>(nullptr))) {
    if (which != Which::all && variant.grows != (which == Which::growing)) continue;
    testing::RegisterTest(
        suite, (std::string(test) + '/' + variant.name).c_str(), nullptr, nullptr, file, line,
        [=]() -> testing::Test* { return new VariantTest<Buffer>(body, variant); });
  }
}

// VARIANT_TEST(Suite, StatesTheBehaviour) { Buffer buf = variant.make(16); ... }: one test a
// variant. A value at run time, not a typed test: two instances of the body instead of a dozen.
#define TARN_VARIANT_TEST(suite, test, which)                                                \
  template <class Buffer>                                                                    \
  static void suite##_##test(const ::tarn::testing_support::Variant<Buffer>& variant);       \
  [[maybe_unused]] static const bool suite##_##test##_registered = [] {                      \
    ::tarn::testing_support::register_variants<::tarn::ByteBuf>(                             \
        #suite, #test, which, __FILE__, __LINE__, suite##_##test<::tarn::ByteBuf>);          \
    ::tarn::testing_support::register_variants<::tarn::CompositeByteBuf>(                    \
        #suite, #test, which, __FILE__, __LINE__, suite##_##test<::tarn::CompositeByteBuf>); \
    return true;                                                                             \
  }();                                                                                       \
  template <class Buffer>                                                                    \
  static void suite##_##test(                                                                \
      [[maybe_unused]] const ::tarn::testing_support::Variant<Buffer>& variant)

#define VARIANT_TEST(suite, test) \
  TARN_VARIANT_TEST(suite, test, ::tarn::testing_support::Which::all)
#define GROWING_VARIANT_TEST(suite, test) \
  TARN_VARIANT_TEST(suite, test, ::tarn::testing_support::Which::growing)
#define FIXED_VARIANT_TEST(suite, test) \
  TARN_VARIANT_TEST(suite, test, ::tarn::testing_support::Which::fixed)

/// Numbers that --gtest_random_seed repeats.
inline std::mt19937_64 random_numbers() {
  return std::mt19937_64(
      static_cast<std::uint64_t>(testing::UnitTest::GetInstance()->random_seed()) + 1);
}

/// `n` bytes that repeat only after a large prime: a misplaced byte shows.
inline std::string pattern(std::size_t n, unsigned seed = 0) {
  std::string bytes(n, '\0');
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint64_t x = (i + 1 + seed * 7919ULL) * 0x9E3779B97F4A7C15ULL;
    bytes[i] = static_cast<char>(x >> 56);
  }
  return bytes;
}

/// All bytes from index 0 to the capacity, whatever the indices say.
template <class Buffer>
std::string all_bytes(const Buffer& buf) {
  std::string bytes(buf.capacity(), '\0');
  buf.get_bytes(0, bytes);
  return bytes;
}

/// The readable bytes, by the simplest member that tells them.
template <class Buffer>
std::string readable_text(const Buffer& buf) {
  std::string bytes(buf.readable_bytes(), '\0');
  buf.get_bytes(buf.reader_index(), bytes);
  return bytes;
}

/// The message of the `E` that `f` throws; empty when it throws nothing.
template <class E, class F>
std::string message_of(F&& f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  }
  return {};
}

}  // namespace tarn::testing_support
