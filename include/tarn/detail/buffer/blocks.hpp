// SPDX-License-Identifier: Apache-2.0
// Memory for what buffers keep beside their bytes: control blocks, tables of components. Layer:
// buffer.
#pragma once

#include <cstddef>
#include <limits>
#include <new>

namespace tarn::detail {

/// Blocks larger than this come from operator new.
inline constexpr std::size_t kMostBlockSize = 1024;
inline constexpr std::size_t kBlockAlignment = 16;

/// At least `size` bytes, from a Recycler of its size: such blocks are made and dropped with every
/// wrapped or composite buffer. @errors std::bad_alloc.
/// @complexity a few plain instructions when this thread has recycled one; else operator new.
[[nodiscard]] void* take_block(std::size_t size);
/// Gives back what take_block(size) returned; by any thread. Its first bytes stay as they are while
/// it waits.
void give_block(void* block, std::size_t size) noexcept;

/// take_block() for containers.
template <class T>
struct BlockAllocator {
  static_assert(alignof(T) <= kBlockAlignment);
  using value_type = T;

  BlockAllocator() noexcept = default;
  template <class U>
  BlockAllocator(const BlockAllocator<U>&) noexcept {}

  [[nodiscard]] T* allocate(std::size_t n) {
    if (n > std::numeric_limits<std::ptrdiff_t>::max() / sizeof(T)) throw std::bad_alloc();
    return static_cast<T*>(take_block(n * sizeof(T)));
  }
  void deallocate(T* memory, std::size_t n) noexcept { give_block(memory, n * sizeof(T)); }

  friend bool operator==(const BlockAllocator&, const BlockAllocator&) noexcept { return true; }
};

}  // namespace tarn::detail
