// SPDX-License-Identifier: Apache-2.0
// Memory that no pool has cut: wrapped and unpooled control blocks. Layer: buffer.
#include "tarn/detail/buffer/foreign.hpp"

#include <cstddef>
#include <limits>
#include <new>

#include "tarn/allocator.hpp"
#include "tarn/detail/buffer/blocks.hpp"

namespace tarn::detail {
namespace {

// Distance from an unpooled region's control block to its memory. A cache line, so that the first
// bytes of a buffer don't share theirs with the reference count that other threads write.
constexpr std::size_t kHeaderSize = 64;
static_assert(sizeof(pool::ForeignRegion) <= kHeaderSize);

constexpr std::size_t kMaxObject = std::numeric_limits<std::ptrdiff_t>::max();

}  // namespace

void describe_foreign(pool::ForeignRegion& region, void* data, std::size_t size) noexcept {
  region.data = static_cast<std::byte*>(data);
  region.link = pool::foreign_home();
  region.refs.store_relaxed(1);  // nobody else has the address yet
  region.kind = pool::RegionKind::foreign;
  region.capacity = size;
  region.take_like = [](const pool::ForeignRegion*, std::size_t more) {
    return take_own_region(more);
  };
}

pool::Region* make_unpooled_region(std::size_t size) {
  // No object is larger; a sanitizer's operator new would not throw but report.
  if (size > kMaxObject - kHeaderSize) throw std::bad_alloc();
  void* const memory = ::operator new (kHeaderSize + size, std::align_val_t{kHeaderSize});
  auto* const region = ::new (memory) pool::ForeignRegion;
  describe_foreign(*region, static_cast<std::byte*>(memory) + kHeaderSize, size);
  region->take_like = [](const pool::ForeignRegion*, std::size_t more) {
    return make_unpooled_region(more);
  };
  region->dispose = [](pool::ForeignRegion* self) noexcept {
    self->~ForeignRegion();
    ::operator delete (self, std::align_val_t{kHeaderSize});
  };
  return region;
}

pool::Region* take_own_region(std::size_t size) {
  return ByteBufAccess::detach(PooledAllocator::shared().buffer(size));
}

void* ForeignBlock::operator new(std::size_t size) { return take_block(size); }
void* ForeignBlock::operator new(std::size_t size, std::align_val_t alignment) {
  return PooledAllocator::shared().allocate(size, static_cast<std::size_t>(alignment),
                                            MemoryKind::heap);
}
void ForeignBlock::operator delete(void* block, std::size_t size) noexcept {
  give_block(block, size);
}
void ForeignBlock::operator delete(void* block, std::size_t size,
                                   std::align_val_t alignment) noexcept {
  PooledAllocator::shared().deallocate(block, size, static_cast<std::size_t>(alignment));
}

pool::Region* make_wrapped_region(std::byte* data, std::size_t size) {
  auto* const region = new ForeignBlock;
  describe_foreign(*region, data, size);
  region->dispose = [](pool::ForeignRegion* self) noexcept {
    delete static_cast<ForeignBlock*>(self);
  };
  return region;
}

}  // namespace tarn::detail
