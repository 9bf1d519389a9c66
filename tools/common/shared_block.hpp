// SPDX-License-Identifier: Apache-2.0
// Memory that a child process gets its work in and leaves its results in. Program tarn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tarn::tools {

/// A block of shared memory with a file descriptor, zeroed, resident from the start.
///
/// Its pages count as shared in the process's figures, so that what the allocator under test
/// makes resident (anonymous pages) can be told from the program's own memory.
/// Thread safety: immutable; the bytes are the user's matter.
class SharedBlock {
 public:
  /// @errors RunError when the system refuses.
  static SharedBlock create(std::size_t size);
  /// One without a descriptor, for this process alone.
  static SharedBlock create_private(std::size_t size);
  /// The block behind a descriptor that a parent has passed on.
  static SharedBlock adopt(int fd);

  SharedBlock(SharedBlock&& other) noexcept;
  SharedBlock& operator=(SharedBlock&&) = delete;
  ~SharedBlock();

  [[nodiscard]] int fd() const noexcept { return fd_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// The `count` objects of type T at byte `offset`. Lifetime: the block's.
  template <class T>
  [[nodiscard]] std::span<T> at(std::size_t offset, std::size_t count) const {
    return {static_cast<T*>(address_at(offset, count, sizeof(T), alignof(T))), count};
  }

 private:
  SharedBlock(int fd, std::size_t size);
  [[nodiscard]] void* address_at(std::size_t offset, std::size_t count, std::size_t size,
                                 std::size_t alignment) const;

  int fd_;
  std::size_t size_;
  std::byte* data_;
};

}  // namespace tarn::tools
