// SPDX-License-Identifier: Apache-2.0
// Every kind of buffer that must behave like every other, for typed tests. Test support.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tarn/byte_buf.hpp"

namespace tarn::testing_support {

/// A buffer straight from operator new.
inline ByteBuf unpooled_buffer(std::size_t capacity, std::size_t max_capacity = ByteBuf::npos) {
  pool::Region* const region = detail::make_unpooled_region(capacity);
  return detail::ByteBufAccess::make(region, region->data, capacity, max_capacity);
}

// Each variant makes buffers with both indices at 0. One that `kGrows` takes the maximum into
// account, of any other the maximum is its capacity.

struct Unpooled {
  using Buffer = ByteBuf;
  static constexpr bool kGrows = true;
  static Buffer make(std::size_t capacity, std::size_t max_capacity = ByteBuf::npos) {
    return unpooled_buffer(capacity, max_capacity);
  }
};

/// Memory of the caller. It outlives the test in a list of its own.
struct Wrapped {
  using Buffer = ByteBuf;
  static constexpr bool kGrows = false;
  static Buffer make(std::size_t capacity, std::size_t = 0) {
    static std::vector<std::unique_ptr<std::byte[]>> memory;
    memory.push_back(std::make_unique<std::byte[]>(capacity));
    ByteBuf buf = ByteBuf::wrap(std::span(memory.back().get(), capacity));
    return buf.clear();
  }
};

struct Adopted {
  using Buffer = ByteBuf;
  static constexpr bool kGrows = false;
  static Buffer make(std::size_t capacity, std::size_t = 0) {
    ByteBuf buf = ByteBuf::adopt(new std::byte[capacity], capacity,
                                 [](void* p) { delete[] static_cast<std::byte*>(p); });
    return buf.clear();
  }
};

/// A window in the middle of a larger buffer, which is gone.
struct Sliced {
  using Buffer = ByteBuf;
  static constexpr bool kGrows = false;
  static Buffer make(std::size_t capacity, std::size_t = 0) {
    return unpooled_buffer(capacity + 9).slice(5, capacity).clear();
  }
};

/// A copy of the value whose original is gone.
struct Duplicated {
  using Buffer = ByteBuf;
  static constexpr bool kGrows = true;
  static Buffer make(std::size_t capacity, std::size_t max_capacity = ByteBuf::npos) {
    const ByteBuf original = unpooled_buffer(capacity, max_capacity);
    return original.duplicate();
  }
};

/// A buffer whose first bytes were headroom, and were filled from the end down.
struct Headroom {
  using Buffer = ByteBuf;
  static constexpr bool kGrows = true;
  static Buffer make(std::size_t capacity, std::size_t max_capacity = ByteBuf::npos) {
    ByteBuf buf = unpooled_buffer(capacity, max_capacity);
    const std::size_t headroom = std::min<std::size_t>(capacity, 11);
    buf.reserve_headroom(headroom).prepend(std::string(headroom, 'h'));
    return buf.clear();
  }
};

using AllVariants = testing::Types<Unpooled, Wrapped, Adopted, Sliced, Duplicated, Headroom>;
using GrowingVariants = testing::Types<Unpooled, Duplicated, Headroom>;

/// The variant's name in the names of the tests.
struct VariantNames {
  template <class Variant>
  static std::string GetName(int) {
    const std::string name = testing::internal::GetTypeName<Variant>();
    return name.substr(name.rfind(':') + 1);
  }
};

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

/// What `f` throws, as "type: message" for the types that buffers throw; empty when it throws
/// nothing.
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
