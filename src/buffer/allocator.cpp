// SPDX-License-Identifier: Apache-2.0
// The slow half of every allocator but PooledAllocator. Layer: buffer.
#include "tarn/allocator.hpp"

#include <new>

#include "buffer/allocator_access.hpp"
#include "tarn/detail/buffer/extent.hpp"
#include "tarn/detail/buffer/foreign.hpp"
#include "tarn/detail/buffer/next_capacity.hpp"

namespace tarn {
namespace {

/// A region of a user's allocator.
struct UsersRegion : detail::ForeignBlock {
  Allocator* allocator = nullptr;
};

}  // namespace

// --- Allocator -----------------------------------------------------------------------------------

std::size_t Allocator::next_capacity(std::size_t min_new, std::size_t max) const {
  return detail::next_capacity(min_new, max);
}

void Allocator::throw_bad_alloc() { throw std::bad_alloc(); }

pool::Region* Allocator::take_unpooled(std::size_t size, MemoryKind kind) noexcept {
  try {
    if (form_ == Form::unpooled) return detail::make_unpooled_region(size);
    return detail::AllocatorAccess::take_of_user(*this, size, kind);
  } catch (...) {
    return nullptr;
  }
}

namespace detail {

pool::Region* AllocatorAccess::take_of_user(Allocator& allocator, std::size_t size,
                                            MemoryKind kind) {
  // Not asked of the user: aligned operator new may round such a size up to nothing, and succeed.
  if (size > Extent::kMost) throw std::bad_alloc();
  auto* const region = new UsersRegion;
  region->capacity = size == 0 ? 1 : size;
  region->memory_kind = kind;
  region->allocator = &allocator;
  region->dispose = [](pool::ForeignRegion* self) noexcept {
    auto* const users = static_cast<UsersRegion*>(self);
    users->allocator->do_deallocate(users->data, users->capacity, kAlignment, users->memory_kind);
    delete users;
  };
  region->take_like = [](const pool::ForeignRegion* self, std::size_t wanted) {
    return take_of_user(*static_cast<const UsersRegion*>(self)->allocator, wanted,
                        self->memory_kind);
  };
  try {
    region->data =
        static_cast<std::byte*>(allocator.do_allocate(region->capacity, kAlignment, kind));
  } catch (...) {
    delete region;
    throw;
  }
  region->refs.store_relaxed(1);  // nobody else has the address yet
  return region;
}

}  // namespace detail

// --- UnpooledAllocator, PoolResource -------------------------------------------------------------

UnpooledAllocator& UnpooledAllocator::shared() {
  static UnpooledAllocator& allocator = *new UnpooledAllocator;
  return allocator;
}

void* UnpooledAllocator::do_allocate(std::size_t size, std::size_t alignment, MemoryKind /*kind*/) {
  return ::operator new (size, std::align_val_t{alignment});
}

void UnpooledAllocator::do_deallocate(void* memory, std::size_t /*size*/, std::size_t alignment,
                                      MemoryKind /*kind*/) noexcept {
  ::operator delete (memory, std::align_val_t{alignment});
}

bool PoolResource::do_is_equal(const std::pmr::memory_resource& other) const noexcept {
  const auto* const pool = dynamic_cast<const PoolResource*>(&other);
  return pool != nullptr && pool->allocator_ == allocator_ && pool->kind_ == kind_;
}

}  // namespace tarn
