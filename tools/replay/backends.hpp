// SPDX-License-Identifier: Apache-2.0
// The calls that a replay times: malloc's or tarn's, as plain memory or as buffers. Program tarn.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <tarn/allocator.hpp>
#include <tarn/byte_buf.hpp>
#include <utility>

namespace tarn::tools {

// A backend keeps each object of the trace in a Cell of its own kind:
//
//     begin(cell, size)            makes an object, returns its bytes; begin_zeroed, begin_aligned
//     too publish(cell, data, size)    the bytes are written: other threads may end the object now
//     cell.is_set()                whether that has happened
//     data(cell)                   the object's bytes
//     resize(from, to, old_size, old_alignment, size)    realloc; returns its bytes; `to` may be
//     `from` end(cell, size, alignment)   ends the object
//
// Zeroed memory is a cell without an object. Failures are what the allocator throws, for malloc
// std::bad_alloc.

/// A cell of plain memory: the pointer itself tells whether there is an object.
class PointerCell {
 public:
  /// Release: pairs with is_set. The bytes of the object are visible behind the pointer.
  void set(void* memory) noexcept { memory_.store(memory, std::memory_order_release); }
  [[nodiscard]] bool is_set() const noexcept {
    return memory_.load(std::memory_order_acquire) != nullptr;
  }
  /// Relaxed: only behind is_set, or in the thread that has set it.
  [[nodiscard]] unsigned char* get() const noexcept {
    return static_cast<unsigned char*>(memory_.load(std::memory_order_relaxed));
  }

 private:
  std::atomic<void*> memory_;
};

/// A cell of one ByteBuf, which is made in it. One cache line.
class alignas(64) BufferCell {
 public:
  /// Makes the ByteBuf that `make` returns, in place.
  template <class Make>
  ByteBuf& emplace(Make make) {
    return *new (storage_) ByteBuf(make());
  }
  [[nodiscard]] ByteBuf& get() noexcept {
    return *std::launder(reinterpret_cast<ByteBuf*>(storage_));
  }
  void destroy() noexcept { get().~ByteBuf(); }

  /// Release: pairs with is_set. The ByteBuf and its bytes are visible behind the flag.
  void set() noexcept { set_.store(1, std::memory_order_release); }
  [[nodiscard]] bool is_set() const noexcept { return set_.load(std::memory_order_acquire) != 0; }

 private:
  alignas(ByteBuf) std::byte storage_[sizeof(ByteBuf)];
  std::atomic<std::uint32_t> set_;
};

static_assert(sizeof(BufferCell) == 64);

/// What both kinds of plain memory have in common.
struct MemoryCells {
  using Cell = PointerCell;

  static void publish(Cell& cell, unsigned char* data, std::size_t) noexcept { cell.set(data); }
  static unsigned char* data(Cell& cell) noexcept { return cell.get(); }
};

/// malloc, calloc, posix_memalign, realloc and free, whosever they are.
class MallocMemory : public MemoryCells {
 public:
  unsigned char* begin(Cell&, std::size_t size) { return checked(std::malloc(size)); }
  unsigned char* begin_zeroed(Cell&, std::size_t size) { return checked(std::calloc(1, size)); }
  unsigned char* begin_aligned(Cell&, std::size_t size, std::size_t alignment) {
    void* memory = nullptr;
    if (::posix_memalign(&memory, std::max(alignment, sizeof(void*)), size) != 0) memory = nullptr;
    return checked(memory);
  }
  unsigned char* resize(Cell& from, Cell&, std::size_t, std::size_t, std::size_t size) {
    if (size != 0) [[likely]]
      return checked(std::realloc(from.get(), size));
    // realloc to 0 may free and return null.
    unsigned char* const memory = checked(std::malloc(0));
    std::free(from.get());
    return memory;
  }
  void end(Cell& cell, std::size_t, std::size_t) noexcept { std::free(cell.get()); }

 private:
  static unsigned char* checked(void* memory) {
    if (memory == nullptr) [[unlikely]]
      throw std::bad_alloc();
    return static_cast<unsigned char*>(memory);
  }
};

/// tarn's allocate, deallocate and reallocate. calloc is an allocation and a memset. A realloc of
/// over-aligned memory promises no alignment for the new one, so there it is an allocation, a copy
/// and a deallocation.
template <MemoryKind kKind>
class TarnMemory : public MemoryCells {
 public:
  explicit TarnMemory(PooledAllocator& allocator) noexcept : allocator_(allocator) {}

  unsigned char* begin(Cell&, std::size_t size) { return allocate(size, kDefaultAlignment); }
  unsigned char* begin_zeroed(Cell&, std::size_t size) {
    unsigned char* const memory = allocate(size, kDefaultAlignment);
    std::memset(memory, 0, size);
    return memory;
  }
  unsigned char* begin_aligned(Cell&, std::size_t size, std::size_t alignment) {
    return allocate(size, alignment);
  }
  unsigned char* resize(Cell& from, Cell&, std::size_t old_size, std::size_t old_alignment,
                        std::size_t size) {
    if (old_alignment <= kDefaultAlignment) [[likely]] {
      return static_cast<unsigned char*>(
          allocator_.reallocate(from.get(), old_size, size, old_alignment));
    }
    unsigned char* const memory = allocate(size, kDefaultAlignment);
    std::memcpy(memory, from.get(), std::min(old_size, size));
    allocator_.deallocate(from.get(), old_size, old_alignment);
    return memory;
  }
  void end(Cell& cell, std::size_t size, std::size_t alignment) noexcept {
    allocator_.deallocate(cell.get(), size, alignment);
  }

 private:
  static constexpr std::size_t kDefaultAlignment = 16;

  unsigned char* allocate(std::size_t size, std::size_t alignment) {
    return static_cast<unsigned char*>(allocator_.allocate(size, alignment, kKind));
  }

  PooledAllocator& allocator_;
};

/// A ByteBuf of an allocator for each object. A buffer has its allocator's alignment, so memalign
/// is like malloc; calloc is a buffer and a memset; realloc is ByteBuf::capacity.
template <class BufferAllocator, MemoryKind kKind>
class Buffers {
 public:
  using Cell = BufferCell;

  explicit Buffers(BufferAllocator& allocator) noexcept : allocator_(allocator) {}

  unsigned char* begin(Cell& cell, std::size_t size) {
    ByteBuf& buffer = cell.emplace([&] {
      return kKind == MemoryKind::heap ? allocator_.heap_buffer(size)
                                       : allocator_.direct_buffer(size);
    });
    return bytes_of(buffer);
  }
  unsigned char* begin_zeroed(Cell& cell, std::size_t size) {
    unsigned char* const bytes = begin(cell, size);
    std::memset(bytes, 0, size);
    return bytes;
  }
  unsigned char* begin_aligned(Cell& cell, std::size_t size, std::size_t) {
    return begin(cell, size);
  }
  unsigned char* resize(Cell& from, Cell& to, std::size_t, std::size_t, std::size_t size) {
    from.get().capacity(size);
    if (&from != &to) {
      to.emplace([&] { return std::move(from.get()); });
      from.destroy();
    }
    return bytes_of(to.get());
  }
  static void publish(Cell& cell, unsigned char*, std::size_t size) {
    cell.get().writer_index(size);  // all of it counts as written, so that a resize keeps it
    cell.set();
  }
  static unsigned char* data(Cell& cell) { return bytes_of(cell.get()); }
  void end(Cell& cell, std::size_t, std::size_t) noexcept { cell.destroy(); }

 private:
  static unsigned char* bytes_of(ByteBuf& buffer) {
    return reinterpret_cast<unsigned char*>(buffer.data());
  }

  BufferAllocator& allocator_;
};

/// Buffers over the process's malloc, to compare ByteBufs of tarn's pools with.
class MallocAllocator final : public Allocator {
 protected:
  void* do_allocate(std::size_t size, std::size_t, MemoryKind) override {
    void* const memory = std::malloc(size);  // what a buffer asks for needs no more alignment
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
  }
  void do_deallocate(void* memory, std::size_t, std::size_t, MemoryKind) noexcept override {
    std::free(memory);
  }
};

}  // namespace tarn::tools
