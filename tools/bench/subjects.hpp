// SPDX-License-Identifier: Apache-2.0
// What allocates in a benchmark: tarn in its three forms, malloc, what the standard library has,
// and the floor. Program tarn.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <memory_resource>
#include <new>
#include <tarn/allocator.hpp>
#include <tarn/byte_buf.hpp>
#include <utility>

#include "bench/keep.hpp"

namespace tarn::tools {

// A subject:
//
//     Item                     what is held: a pointer, or an object that lets go when it ends;
//                              a default-made one is empty
//     take(size) -> Item       throws std::bad_alloc
//     bytes(item) -> pointer   to what was taken; the compiler knows nothing about it
//     end(item, size)          lets go, unless the end of the item itself does
//     give(item, size)         lets go now

/// What subjects have in common whose items are pointers.
struct PlainItems {
  using Item = void*;

  static std::byte* bytes(Item& item) noexcept {
    item = opaque(item);
    return static_cast<std::byte*>(item);
  }
};

/// malloc and free, whosever they are.
struct MallocSubject : PlainItems {
  static void* take(std::size_t size) {
    void* const memory = std::malloc(size);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
  }
  static void end(Item& item, std::size_t) noexcept { std::free(item); }
  static void give(Item& item, std::size_t) noexcept { std::free(item); }
};

/// new and delete, whosever they are.
struct NewSubject : PlainItems {
  static void* take(std::size_t size) { return ::operator new(size); }
  static void end(Item& item, std::size_t) noexcept { ::operator delete(item); }
  static void give(Item& item, std::size_t) noexcept { ::operator delete(item); }
};

/// tarn's plain memory, direct as its default.
class MemorySubject : public PlainItems {
 public:
  explicit MemorySubject(PooledAllocator& allocator) noexcept : allocator_(allocator) {}
  void* take(std::size_t size) { return allocator_.allocate(size); }
  void end(Item& item, std::size_t size) noexcept { allocator_.deallocate(item, size); }
  void give(Item& item, std::size_t size) noexcept { allocator_.deallocate(item, size); }

 private:
  PooledAllocator& allocator_;
};

/// A memory resource, through the base class as its users have it: tarn's or the library's.
class ResourceSubject : public PlainItems {
 public:
  explicit ResourceSubject(std::pmr::memory_resource& resource) noexcept
      : resource_(opaque(&resource)) {}
  void* take(std::size_t size) { return resource_->allocate(size); }
  void end(Item& item, std::size_t size) noexcept { resource_->deallocate(item, size); }
  void give(Item& item, std::size_t size) noexcept { resource_->deallocate(item, size); }

 private:
  std::pmr::memory_resource* resource_;
};

/// A ByteBuf, which is made whole in memory: its indices, its count and all.
class BufferSubject {
 public:
  using Item = ByteBuf;

  explicit BufferSubject(PooledAllocator& allocator) noexcept : allocator_(allocator) {}
  ByteBuf take(std::size_t size) { return allocator_.buffer(size); }
  static std::byte* bytes(ByteBuf& buffer) noexcept {
    keep(buffer);
    return const_cast<std::byte*>(std::as_const(buffer).data());  // nothing of it is read-only
  }
  static void end(ByteBuf&, std::size_t) noexcept {}
  static void give(ByteBuf& buffer, std::size_t) noexcept { buffer.release(); }

 private:
  PooledAllocator& allocator_;
};

/// What one would take for a ByteBuf: shared bytes of the standard library.
struct SharedBytesSubject {
  using Item = std::shared_ptr<std::byte[]>;

  static Item take(std::size_t size) { return std::make_shared_for_overwrite<std::byte[]>(size); }
  static std::byte* bytes(Item& item) noexcept {
    keep(item);
    return item.get();
  }
  static void end(Item&, std::size_t) noexcept {}
  static void give(Item& item, std::size_t) noexcept { item.reset(); }
};

/// Always the same memory, one for each thread, that nobody else has to know of: the floor of what
/// is not about allocating, as ways between threads.
struct SameSubject : PlainItems {
  static void* take(std::size_t) noexcept { return memory_.data(); }
  static void end(Item&, std::size_t) noexcept {}
  static void give(Item&, std::size_t) noexcept {}

 private:
  static inline thread_local constinit std::array<std::byte, 64> memory_{};
};

/// The floor: a list for each thread and class of size, linked through the free memory itself.
///
/// No count, no bound, no way back from another thread: the least that any allocator with a cache
/// in each thread does. kOneSize: all memory is of one size, and there is one list.
template <bool kOneSize>
struct ListSubject : PlainItems {
  static void* take(std::size_t size) {
    Node*& first = list_for(size);
    Node* const node = first;
    if (node == nullptr) [[unlikely]]
      return make(size);
    first = node->next;
    return node;
  }
  static void end(Item& item, std::size_t size) noexcept { give(item, size); }
  static void give(Item& item, std::size_t size) noexcept {
    Node*& first = list_for(size);
    auto* const node = static_cast<Node*>(item);
    node->next = first;
    first = node;
  }

 private:
  struct Node {
    Node* next;
  };
  static constexpr std::size_t kClasses = kOneSize ? 1 : 64;  // a power of two each

  static Node*& list_for(std::size_t size) noexcept {
    if constexpr (kOneSize) return first_[0];
    return first_[static_cast<std::size_t>(std::bit_width(size - 1)) % kClasses];
  }
  /// Frees the thread's lists at its end. Not their own destructor: it would be asked for each
  /// time.
  struct AtThreadEnd {
    ~AtThreadEnd() {
      for (Node*& first : first_) {
        while (first != nullptr) std::free(std::exchange(first, first->next));
      }
    }
  };

  [[gnu::noinline, gnu::cold]] static void* make(std::size_t size) {
    [[maybe_unused]] static thread_local const AtThreadEnd at_thread_end;
    return MallocSubject::take(kOneSize ? size : std::bit_ceil(size));
  }

  static inline thread_local constinit std::array<Node*, kClasses> first_{};
};

/// Calls f(name, subject) for what a role allocates with: as memory and, tarn, as buffers.
template <class Run, class F>
void for_each_subject(const Run& run, F f) {
  if (run.is_tarn()) {
    f("memory", MemorySubject(PooledAllocator::shared()));
    f("buffer", BufferSubject(PooledAllocator::shared()));
  } else if (run.is_floor()) {
    f("list", ListSubject<false>());
  } else {
    f("malloc", MallocSubject());
  }
}

}  // namespace tarn::tools
