// SPDX-License-Identifier: Apache-2.0
// Where buffers come from: pooled, unpooled, or a user's own allocator. Layer: buffer.
#pragma once

#include <cstddef>
#include <memory_resource>
#include <new>

#include "tarn/byte_buf.hpp"
#include "tarn/detail/buffer/errors.hpp"
#include "tarn/detail/platform/memory_kind.hpp"
#include "tarn/detail/pool/core.hpp"
#include "tarn/detail/pool/options.hpp"
#include "tarn/detail/pool/stats.hpp"

namespace tarn {

/// "As large as can be represented", of a maximum capacity.
inline constexpr std::size_t kNoLimit = static_cast<std::size_t>(-1);

class CompositeByteBuf;

namespace detail {
struct AllocatorAccess;
}

/// Makes buffers. PooledAllocator and UnpooledAllocator come with the library; a third is written
/// by overriding do_allocate and do_deallocate, and must outlive its buffers.
///
/// Thread safety: every member, from any thread.
class Allocator {
 public:
  static constexpr std::size_t kDefaultCapacity = 256;  // bytes; Netty's

  virtual ~Allocator() = default;
  Allocator(const Allocator&) = delete;
  Allocator& operator=(const Allocator&) = delete;

  /// An empty buffer of exactly `capacity` bytes that may grow to `max_capacity`; direct, since
  /// that suits I/O best. Its bytes are indeterminate.
  ///
  /// @errors std::bad_alloc; std::invalid_argument when capacity > max_capacity.
  /// @complexity pooled, usual path: no call but into the thread's cache; no lock, system call,
  ///             read-modify-write or touch of the memory.
  [[nodiscard]] [[gnu::always_inline]] ByteBuf buffer(std::size_t capacity = kDefaultCapacity,
                                                      std::size_t max_capacity = kNoLimit) {
    return make<MemoryKind::direct>(capacity, max_capacity);
  }
  /// The same, of heap memory.
  [[nodiscard]] [[gnu::always_inline]] ByteBuf heap_buffer(std::size_t capacity = kDefaultCapacity,
                                                           std::size_t max_capacity = kNoLimit) {
    return make<MemoryKind::heap>(capacity, max_capacity);
  }
  /// The same, of direct memory.
  [[nodiscard]] [[gnu::always_inline]] ByteBuf direct_buffer(
      std::size_t capacity = kDefaultCapacity, std::size_t max_capacity = kNoLimit) {
    return make<MemoryKind::direct>(capacity, max_capacity);
  }

  /// As buffer(), but the empty ByteBuf on any failure.
  [[nodiscard]] [[gnu::always_inline]] ByteBuf try_buffer(
      std::size_t capacity = kDefaultCapacity, std::size_t max_capacity = kNoLimit) noexcept {
    return try_make<MemoryKind::direct>(capacity, max_capacity);
  }
  [[nodiscard]] [[gnu::always_inline]] ByteBuf try_heap_buffer(
      std::size_t capacity = kDefaultCapacity, std::size_t max_capacity = kNoLimit) noexcept {
    return try_make<MemoryKind::heap>(capacity, max_capacity);
  }
  [[nodiscard]] [[gnu::always_inline]] ByteBuf try_direct_buffer(
      std::size_t capacity = kDefaultCapacity, std::size_t max_capacity = kNoLimit) noexcept {
    return try_make<MemoryKind::direct>(capacity, max_capacity);
  }

  /// An empty composite of at most `max_components` parts.
  /// @errors std::invalid_argument when max_components is 0.
  [[nodiscard]] CompositeByteBuf composite_buffer(std::size_t max_components = 16);

  /// The capacity that a buffer grows to when it needs `min_new` bytes: 64 doubling to 4 MiB;
  /// above, `min_new` rounded down to 4 MiB, plus 4 MiB; at most `max`.
  /// @errors std::invalid_argument when min_new > max.
  [[nodiscard]] std::size_t next_capacity(std::size_t min_new, std::size_t max) const;

 protected:
  Allocator() noexcept = default;

  /// Memory of at least `size` bytes at a multiple of `alignment`. @errors std::bad_alloc.
  [[nodiscard]] virtual void* do_allocate(std::size_t size, std::size_t alignment,
                                          MemoryKind kind) = 0;
  /// Takes back what do_allocate gave for the same size, alignment and kind; by any thread.
  virtual void do_deallocate(void* memory, std::size_t size, std::size_t alignment,
                             MemoryKind kind) noexcept = 0;

 private:
  friend class PooledAllocator;
  friend class UnpooledAllocator;
  friend struct detail::AllocatorAccess;

  enum class Form : unsigned char { users, unpooled };

  explicit Allocator(Form form) noexcept : form_(form) {}

  // Inline, so that the buffer is made in registers: clang would pass it back through memory.
  template <MemoryKind kKind>
  [[nodiscard]] [[gnu::always_inline]] ByteBuf make(std::size_t capacity,
                                                    std::size_t max_capacity) {
    if (capacity > max_capacity) [[unlikely]] {
      detail::throw_too_large("capacity", capacity, "max_capacity", max_capacity);
    }
    pool::Region* const region =
        core_ != nullptr ? core_->take<0>(capacity, kKind) : take_unpooled(capacity, kKind);
    if (region == nullptr) [[unlikely]]
      throw_bad_alloc();
    return detail::ByteBufAccess::make(region, region->data, capacity, max_capacity);
  }

  template <MemoryKind kKind>
  [[nodiscard]] [[gnu::always_inline]] ByteBuf try_make(std::size_t capacity,
                                                        std::size_t max_capacity) noexcept {
    if (capacity > max_capacity) [[unlikely]]
      return {};
    pool::Region* const region =
        core_ != nullptr ? core_->take<0>(capacity, kKind) : take_unpooled(capacity, kKind);
    if (region == nullptr) [[unlikely]]
      return {};
    return detail::ByteBufAccess::make(region, region->data, capacity, max_capacity);
  }

  /// A region that no pool keeps, refs 1. @returns null when memory is refused.
  [[nodiscard]] pool::Region* take_unpooled(std::size_t size, MemoryKind kind) noexcept;
  [[noreturn, gnu::cold]] static void throw_bad_alloc();

  pool::PoolCore* core_ = nullptr;  // of a PooledAllocator: its usual path needs no virtual call
  const Form form_ = Form::users;
};

/// Buffers and plain memory from arenas, through a cache in each thread.
///
/// A thread's first allocation binds it to the arena of each kind that has the fewest thread
/// caches, ties to the lowest index, one thread at a time; its end unbinds it. Of a class, a thread
/// gets the region back first that it released last. Memory may be released by any thread, in any
/// order, also during and after thread exit. Buffers may outlive the allocator: the memory goes
/// with the last one.
///
/// Thread safety: every member, from any thread.
class PooledAllocator final : public Allocator {
 public:
  /// @errors std::invalid_argument naming option, value and range; std::bad_alloc.
  explicit PooledAllocator(
      PooledAllocatorOptions options = PooledAllocatorOptions::from_environment());
  /// @pre no thread is inside a member or will call one; plain memory has been given back. Buffers
  /// may be out.
  ~PooledAllocator() override;

  /// The process's own, made at the first call with the environment's settings; never destroyed.
  [[nodiscard]] static PooledAllocator& shared();

  /// Plain memory of at least `size` bytes, without a handle; 0 is like 1. Indeterminate bytes.
  ///
  /// @errors std::bad_alloc; std::invalid_argument when `alignment` is not a power of two up to the
  ///         chunk.
  /// @complexity usual path as buffer(), and a call for an alignment above 16 that is not known
  /// when compiling; the arena's lock for one above 4096.
  [[nodiscard]] [[gnu::always_inline]] void* allocate(std::size_t size,
                                                      std::size_t alignment = kMinAlignment,
                                                      MemoryKind kind = MemoryKind::direct) {
    if (!is_small_alignment(alignment)) [[unlikely]] {
      return __builtin_constant_p(alignment) ? take_aligned(size, alignment, kind)
                                             : allocate_aligned(size, alignment, kind);
    }
    pool::Region* const region = core_->take<pool::kPlainTag>(size, kind);
    if (region == nullptr) [[unlikely]]
      throw_bad_alloc();
    return region->data;
  }

  /// Gives plain memory back, in any thread, before the allocator is destroyed; null: nothing.
  ///
  /// Memory that is not live, or of another size class than `size` and `alignment` say, is reported
  /// with its address and what is known, and ends the program: in release builds too.
  [[gnu::always_inline]] void deallocate(void* memory, std::size_t size,
                                         std::size_t alignment = kMinAlignment) noexcept {
    if (is_small_alignment(alignment)) [[likely]] {
      core_->give_plain(memory, size);
    } else if (__builtin_constant_p(alignment)) {
      core_->give_aligned(memory, size, alignment);
    } else {
      deallocate_aligned(memory, size, alignment);
    }
  }

  /// Changes the size of plain memory, which may move; its kind and the first min(old, new) bytes
  /// stay.
  ///
  /// In place when both sizes are of one class; also when it grows from four pages or more (32 KiB
  /// by default) and the pages behind it are free. What has to move to grow to such a size is put
  /// where it can grow again, so that doubling moves it once. Null: allocates direct memory. The
  /// rules for `memory`, `old_size` and `alignment` are those of deallocate(), with the same
  /// consequence.
  /// @errors std::bad_alloc, when `memory` stays as it was; std::invalid_argument as allocate().
  /// @complexity for memory that this thread took not long ago, and below four pages: some 70
  /// instructions within a class, 150 and the copy to another, no lock or read-modify-write as long
  /// as the thread's cache has one of the new class and room for the old. Growth to four pages or
  /// more takes an arena's lock; what moves is copied.
  [[nodiscard]] void* reallocate(void* memory, std::size_t old_size, std::size_t new_size,
                                 std::size_t alignment = kMinAlignment);

  /// Gives up everything that this thread's cache holds. @returns false when it has none.
  bool trim_current_thread_cache();
  /// Gives up everything that any thread's cache holds or has been returned to it, also of threads
  /// that sleep, and gives back to the system what is free then: the arenas' empty chunks, and free
  /// pages of the others. @returns bytes that caches gave up.
  /// @complexity a system call a cache that holds anything, and some a chunk with free pages; 0.2
  /// to 0.7 ms a MiB that goes.
  std::size_t trim_all();

  /// The settings in force.
  [[nodiscard]] const PooledAllocatorOptions& options() const noexcept;
  /// A snapshot. Exact when no other thread is inside the allocator. @errors std::bad_alloc.
  [[nodiscard]] PooledAllocatorStats stats() const;

 protected:
  [[nodiscard]] void* do_allocate(std::size_t size, std::size_t alignment,
                                  MemoryKind kind) override;
  void do_deallocate(void* memory, std::size_t size, std::size_t alignment,
                     MemoryKind kind) noexcept override;

 private:
  friend struct detail::AllocatorAccess;

  static constexpr std::size_t kMinAlignment = 16;  // every region's

  PooledAllocator(const PooledAllocatorOptions& options, const platform::MemorySource& source,
                  const platform::MemorySource& metadata);

  [[nodiscard]] static constexpr bool is_small_alignment(std::size_t alignment) noexcept {
    return alignment - 1 < kMinAlignment && (alignment & (alignment - 1)) == 0;
  }
  [[nodiscard]] static constexpr bool is_near_alignment(std::size_t alignment) noexcept {
    return alignment <= pool::PoolCore::kNearAlignment && base::is_power_of_two(alignment);
  }
  [[nodiscard]] void* take_aligned(std::size_t size, std::size_t alignment, MemoryKind kind) {
    if (!is_near_alignment(alignment)) [[unlikely]]
      check_alignment(alignment);
    pool::Region* const region = core_->take_aligned(size, alignment, kind);
    if (region == nullptr) [[unlikely]]
      throw_bad_alloc();
    return region->data;
  }
  // Out of line, for alignments that are not known when compiling: who asks for 16 or less pays
  // nothing for them.
  [[nodiscard]] void* allocate_aligned(std::size_t size, std::size_t alignment, MemoryKind kind);
  void deallocate_aligned(void* memory, std::size_t size, std::size_t alignment) noexcept;
  /// @errors std::invalid_argument when it is no power of two, or above the chunk.
  [[gnu::cold]] void check_alignment(std::size_t alignment) const;
};

/// Every buffer straight from the system, and straight back.
///
/// Thread safety: every member, from any thread.
class UnpooledAllocator final : public Allocator {
 public:
  UnpooledAllocator() noexcept : Allocator(Form::unpooled) {}

  /// The process's own; never destroyed.
  [[nodiscard]] static UnpooledAllocator& shared();

 protected:
  [[nodiscard]] void* do_allocate(std::size_t size, std::size_t alignment,
                                  MemoryKind kind) override;
  void do_deallocate(void* memory, std::size_t size, std::size_t alignment,
                     MemoryKind kind) noexcept override;
};

/// A pool as a std::pmr::memory_resource. Equal: the same allocator and kind.
///
/// Thread safety: as the allocator's, which must outlive it.
class PoolResource final : public std::pmr::memory_resource {
 public:
  explicit PoolResource(PooledAllocator& allocator = PooledAllocator::shared(),
                        MemoryKind kind = MemoryKind::heap) noexcept
      : allocator_(&allocator), kind_(kind) {}

  [[nodiscard]] PooledAllocator& allocator() const noexcept { return *allocator_; }
  [[nodiscard]] MemoryKind kind() const noexcept { return kind_; }

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return allocator_->allocate(bytes, alignment, kind_);
  }
  void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override {
    allocator_->deallocate(memory, bytes, alignment);
  }
  [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override;

  PooledAllocator* allocator_;
  MemoryKind kind_;
};

}  // namespace tarn
