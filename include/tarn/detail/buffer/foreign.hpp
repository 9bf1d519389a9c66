// SPDX-License-Identifier: Apache-2.0
// Control blocks of memory that no pool has cut: adopted, wrapped, unpooled. Layer: buffer.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "tarn/detail/pool/region.hpp"

namespace tarn::detail {

/// A region of at least `size` bytes whose control block stands before its memory; refs 1.
/// Memory from operator new, 16-byte aligned. @errors std::bad_alloc.
[[nodiscard]] pool::Region* make_unpooled_region(std::size_t size);

/// A region of PooledAllocator::shared() of at least `size` bytes, for a buffer that has no
/// allocator; refs 1.
/// @errors std::bad_alloc.
[[nodiscard]] pool::Region* take_own_region(std::size_t size);

/// A region over `size` bytes at `data` that stay the caller's; refs 1. @errors std::bad_alloc.
[[nodiscard]] pool::Region* make_wrapped_region(std::byte* data, std::size_t size);

/// Fills in all of a new control block but `dispose`; refs 1, more memory from take_own_region.
void describe_foreign(pool::ForeignRegion& region, void* data, std::size_t size) noexcept;

/// Memory for a control block, from take_block() or, over-aligned, PooledAllocator::shared():
/// blocks are made and dropped at a rate, and one that is released twice is still readable when the
/// second release looks at its count.
struct ForeignBlock : pool::ForeignRegion {
  static void* operator new(std::size_t size);
  static void* operator new(std::size_t size, std::align_val_t alignment);
  static void operator delete(void* block, std::size_t size) noexcept;
  static void operator delete(void* block, std::size_t size, std::align_val_t alignment) noexcept;
};

/// A callable that can end adopted memory.
template <class D>
concept Deleter = std::move_constructible<D> &&
    (std::invocable<D&, void*, std::size_t> || std::invocable<D&, void*>);

/// Memory that a deleter ends, once, when the last share is gone.
template <class D>
struct AdoptedRegion : ForeignBlock {
  AdoptedRegion(void* memory, std::size_t size,
                D&& d) noexcept(std::is_nothrow_move_constructible_v<D>)
      : deleter(std::move(d)) {
    describe_foreign(*this, memory, size);
    dispose = [](pool::ForeignRegion* self) noexcept {
      auto* const region = static_cast<AdoptedRegion*>(self);
      call(region->deleter, region->data, region->capacity);
      delete region;
    };
  }

  static void call(D& deleter, void* memory, std::size_t size) noexcept {
    if constexpr (std::invocable<D&, void*, std::size_t>) {
      static_cast<void>(deleter(memory, size));
    } else {
      static_cast<void>(deleter(memory));
    }
  }

  D deleter;
};

/// An owner of memory, a std::string for example, that lives in the control block of what it owns.
///
/// Its bytes are found once it has reached its place: a short string holds them itself.
template <class Owner>
struct OwnerRegion : ForeignBlock {
  explicit OwnerRegion(Owner&& o) : owner(std::move(o)) {
    dispose = [](pool::ForeignRegion* self) noexcept { delete static_cast<OwnerRegion*>(self); };
  }

  Owner owner;
};

}  // namespace tarn::detail
