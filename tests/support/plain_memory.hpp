// SPDX-License-Identifier: Apache-2.0
// A piece of plain memory whose content says whose it is, for tests of PooledAllocator.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "tarn/allocator.hpp"

namespace tarn::test {

/// Plain memory full of what follows from its seed: bytes that were lost when it moved, or that
/// another piece has written, differ. Given back at the end.
class PlainMemory {
 public:
  PlainMemory(PooledAllocator& allocator, std::size_t size, std::uint64_t seed,
              std::size_t alignment = 16, MemoryKind kind = MemoryKind::direct)
      : allocator_(&allocator),
        data_(static_cast<std::byte*>(allocator.allocate(size, alignment, kind))),
        size_(size),
        alignment_(alignment),
        seed_(seed) {
    fill(0);
  }
  PlainMemory(PlainMemory&& other) noexcept
      : allocator_(other.allocator_),
        data_(std::exchange(other.data_, nullptr)),
        size_(other.size_),
        alignment_(other.alignment_),
        seed_(other.seed_) {}
  PlainMemory& operator=(PlainMemory&& other) noexcept {
    std::swap(allocator_, other.allocator_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(alignment_, other.alignment_);
    std::swap(seed_, other.seed_);
    return *this;
  }
  ~PlainMemory() { give(); }

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }

  /// Reallocates, looks whether the content is still there, and fills what is new.
  /// @returns whether it stayed where it was. @errors std::bad_alloc; nothing has changed then.
  bool resize(std::size_t size) {
    std::byte* const before = data_;
    data_ = static_cast<std::byte*>(allocator_->reallocate(data_, size_, size, alignment_));
    const std::size_t kept = std::min(size_, size);
    EXPECT_TRUE(holds(kept)) << "from " << size_ << " to " << size << " bytes";
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(data_) % alignment_, 0U);
    size_ = size;
    fill(kept / kWord);
    return data_ == before;
  }
  /// Whether every byte is what this piece has written.
  [[nodiscard]] bool is_whole() const { return holds(size_); }

  void give() {
    if (data_ == nullptr) return;
    EXPECT_TRUE(is_whole()) << size_ << " bytes";
    allocator_->deallocate(std::exchange(data_, nullptr), size_, alignment_);
  }

 private:
  static constexpr std::size_t kWord = sizeof(std::uint64_t);

  [[nodiscard]] std::uint64_t word(std::size_t index) const {
    return (seed_ + index) * 0x9E3779B97F4A7C15;
  }
  void fill(std::size_t from_word) {
    for (std::size_t i = from_word; i * kWord < size_; ++i) {
      const std::uint64_t value = word(i);
      std::memcpy(data_ + i * kWord, &value, std::min(kWord, size_ - i * kWord));
    }
  }
  [[nodiscard]] bool holds(std::size_t bytes) const {
    for (std::size_t i = 0; i * kWord < bytes; ++i) {
      const std::uint64_t value = word(i);
      if (std::memcmp(data_ + i * kWord, &value, std::min(kWord, bytes - i * kWord)) != 0) {
        return false;
      }
    }
    return true;
  }

  PooledAllocator* allocator_;
  std::byte* data_;
  std::size_t size_;
  std::size_t alignment_;
  std::uint64_t seed_;
};

}  // namespace tarn::test
