// SPDX-License-Identifier: Apache-2.0
// The huge regions of a pool. Layer: pool.
#include "pool/huge.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "tarn/detail/pool/core.hpp"

namespace tarn::pool {

HugeTable::~HugeTable() {
  const sync::LockGuard guard(lock_);
  TARN_CHECK(regions_.empty());
  while (unused_ != nullptr) {
    delete std::exchange(unused_, static_cast<HugeRegion*>(next_region(unused_)));
  }
}

HugeRegion* HugeTable::take_block() noexcept {
  {
    const sync::LockGuard guard(lock_);
    if (unused_ != nullptr) {
      return std::exchange(unused_, static_cast<HugeRegion*>(next_region(unused_)));
    }
  }
  return new (std::nothrow) HugeRegion;
}

void HugeTable::give_block(HugeRegion* region) noexcept {
  const sync::LockGuard guard(lock_);
  set_next_region(region, unused_);
  unused_ = region;
}

HugeRegion* HugeTable::take(std::size_t size, std::size_t alignment, MemoryKind kind,
                            std::uintptr_t tag) noexcept {
  HugeRegion* const region = take_block();
  if (region == nullptr) return nullptr;
  region->requested = std::max<std::size_t>(size, 1);
  region->alignment = std::max<std::size_t>(alignment, 16);
  // Of a kind without arenas small pieces come here too: a mapping each would waste most of a page.
  region->mapped_as = region->requested < platform::system_page_size() ? MemoryKind::heap : kind;
  void* const memory =
      source_.map(source_.context, region->requested, region->alignment, region->mapped_as);
  if (memory == nullptr) {
    give_block(region);
    return nullptr;
  }
  region->data = static_cast<std::byte*>(memory);
  region->link = foreign_home() | tag;
  region->kind = RegionKind::huge;
  region->memory_kind = kind;
  region->capacity = region->requested;
  region->core = &core_;
  region->dispose = [](ForeignRegion* self) noexcept {
    auto* const huge = static_cast<HugeRegion*>(self);
    huge->core->give_huge(huge);
  };
  region->take_like = [](const ForeignRegion* self, std::size_t wanted) {
    return static_cast<const HugeRegion*>(self)->core->take_like(self->memory_kind, wanted);
  };
  try {
    const sync::LockGuard guard(lock_);
    regions_.emplace(memory, region);
    bytes_.add(region->requested);
    ++allocations_;
  } catch (...) {
    source_.unmap(source_.context, memory, region->requested, region->alignment, region->mapped_as);
    give_block(region);
    return nullptr;
  }
  return region;
}

void HugeTable::give(HugeRegion* region) noexcept {
  {
    const sync::LockGuard guard(lock_);
    regions_.erase(region->data);
    bytes_.subtract(region->requested);
    ++deallocations_;
  }
  source_.unmap(source_.context, region->data, region->requested, region->alignment,
                region->mapped_as);
  give_block(region);
}

HugeRegion* HugeTable::find(const void* memory) const noexcept {
  const sync::LockGuard guard(lock_);
  const auto found = regions_.find(memory);
  return found == regions_.end() ? nullptr : found->second;
}

std::size_t HugeTable::live_regions() const noexcept {
  const sync::LockGuard guard(lock_);
  return regions_.size();
}

void HugeTable::add_to(PooledAllocatorStats& stats) const noexcept {
  const sync::LockGuard guard(lock_);
  stats.huge_bytes = bytes_.load();
  stats.huge = {allocations_, deallocations_, allocations_ - deallocations_};
}

}  // namespace tarn::pool
