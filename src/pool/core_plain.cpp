// SPDX-License-Identifier: Apache-2.0
// Plain memory of a pool: checking what comes back, and regions that grow. Layer: pool.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "pool/core_parts.hpp"
#include "tarn/detail/base/check.hpp"
#include "tarn/detail/pool/core.hpp"

namespace tarn::pool {

using sizing::SizeClass;

Region* PoolCore::plain_region(void* memory, std::size_t size,
                               std::size_t alignment) const noexcept {
  Region* const region = chunks_.region_at(memory);
  if (region != nullptr && (region->link & kPlainTag) != 0 && alignment <= kNearAlignment &&
      reinterpret_cast<const RegionCache*>(region->link - kPlainTag)
          ->fits(near_size(size, alignment))) [[likely]] {
    return region;
  }
  return plain_region_slow(region, memory, size, alignment);
}

Region* PoolCore::plain_region_slow(Region* region, void* memory, std::size_t size,
                                    std::size_t alignment) const noexcept {
  char detail[160];
  if (region == nullptr) {
    HugeRegion* const huge = parts_->huge.find(memory);
    if (huge == nullptr) {
      std::snprintf(detail, sizeof detail,
                    "(%zu bytes): not from this allocator, or released already", size);
      base::fatal("deallocate of memory that is not live", memory, detail);
    }
    if ((huge->link & kPlainTag) == 0) {
      std::snprintf(detail, sizeof detail, "(%zu bytes): it belongs to a live buffer",
                    huge->requested);
      base::fatal("deallocate of memory that is not live", memory, detail);
    }
    if (huge->requested != std::max<std::size_t>(size, 1)) {
      std::snprintf(detail, sizeof detail, "with size %zu, allocated with size %zu", size,
                    huge->requested);
      base::fatal("deallocate with another size", memory, detail);
    }
    return huge;
  }
  const std::size_t own_size = sizing::size_of(SizeClass::from_index(region->size_class));
  if ((region->link & kPlainTag) == 0) {
    std::snprintf(
        detail, sizeof detail, "(size class %u, %zu bytes): %s", region->size_class, own_size,
        region->refs.load_relaxed() != 0 ? "it belongs to a live buffer" : "released already");
    base::fatal("deallocate of memory that is not live", memory, detail);
  }
  const std::size_t needed = rounded(size, alignment, region->memory_kind);
  if (needed == 0 || sizing::class_of(needed) != region->size_class) {
    std::snprintf(detail, sizeof detail,
                  "with size %zu and alignment %zu, allocated in size class %u (%zu bytes)", size,
                  std::max(alignment, kSmallAlignment), region->size_class, own_size);
    base::fatal("deallocate with another size", memory, detail);
  }
  return region;
}

void* PoolCore::resize_near(void* memory, std::size_t size, std::size_t new_size,
                            std::size_t alignment) noexcept {
  if (alignment > kNearAlignment) [[unlikely]]
    return nullptr;
  RegionCache* home = nullptr;
  Region* region = nullptr;
  if (!find_recent(memory, near_size(size, alignment), home, region)) return nullptr;
  const std::size_t needed = near_size(new_size, alignment);
  if (home->fits(needed)) return memory;
  // What grows as a run may grow where it is, or wants room for the next time.
  if (new_size > size && needed > largest_slot_) return nullptr;
  const Region* const fresh = take_near<kPlainTag>(needed, home->memory_kind());
  if (fresh == nullptr) [[unlikely]]
    return nullptr;
  std::memcpy(fresh->data, memory, std::min(size, new_size));
  if (!home->push_own(region)) [[unlikely]]
    home->cache().keep_slow(region, *home);
  return fresh->data;
}

bool PoolCore::resize_plain(Region* region, std::size_t size, std::size_t alignment,
                            std::size_t new_size) noexcept {
  if (region->kind != RegionKind::pooled) return std::max<std::size_t>(new_size, 1) == size;
  const std::size_t needed = rounded(new_size, alignment, region->memory_kind);
  if (needed == 0 || needed > geometry_.chunk_size()) return false;
  const std::size_t size_class = sizing::class_of(needed);
  if (size_class == region->size_class) return true;
  return needed > largest_slot_ && try_grow_to_class(region, size_class);
}

bool PoolCore::try_grow(Region* region, std::size_t size) noexcept {
  if (size <= largest_slot_) return false;
  const std::size_t needed = rounded(size, 1, region->memory_kind);
  return needed != 0 && needed <= geometry_.chunk_size() &&
         try_grow_to_class(region, sizing::class_of(needed));
}

bool PoolCore::try_grow_to_class(Region* region, std::size_t size_class) noexcept {
  if (size_class < region->size_class || category(size_class) != category(region->size_class)) {
    return false;
  }
  const auto to = SizeClass::from_index(size_class);
  if (!chunks_.find(region->data)->arena().try_grow(region, to)) return false;
  // The same thread's, whoever grows it. In both stocks' counts it is neither taken nor given, as
  // when it stays in its class.
  const std::uintptr_t tag = region->link & kPlainTag;
  auto& home = *reinterpret_cast<RegionCache*>(region->link - tag);
  RegionCache& new_home = home.cache().region_cache(region->memory_kind, size_class);
  set_link(region, reinterpret_cast<std::uintptr_t>(&new_home) | tag);
  return true;
}

Region* PoolCore::take_growable_run(std::size_t size, std::size_t alignment, MemoryKind kind,
                                    std::uintptr_t tag) noexcept {
  trim_by_time();
  const std::size_t needed = rounded(size, alignment, kind);
  if (needed == 0 || needed > geometry_.chunk_size() || alignment > geometry_.page_size()) {
    return nullptr;
  }
  ThreadCache* const cache = parts_->caches.bound();
  Arena* const arena = cache == nullptr ? nullptr : cache->arena(kind);
  if (arena == nullptr) return nullptr;
  const std::size_t size_class = sizing::class_of(needed);
  Region* const region = arena->take_growable(SizeClass::from_index(size_class));
  if (region == nullptr) return nullptr;
  cache->adopt(region, cache->region_cache(kind, size_class), tag);
  cache->count_miss();
  if (tag == kPlainTag) {
    cache->remember(region);
  } else {
    // Relaxed: nobody else knows the region yet.
    region->refs.store_relaxed(1);
  }
  return region;
}

void PoolCore::give_plain_slow(void* memory, std::size_t size, std::size_t alignment) noexcept {
  if (memory != nullptr) give_plain_region(plain_region(memory, size, alignment));
}

void PoolCore::give_plain_region(Region* region) noexcept {
  if (region->kind != RegionKind::pooled) return give_huge(static_cast<HugeRegion*>(region));
  auto& home = *reinterpret_cast<RegionCache*>(region->link - kPlainTag);
  if (home.owner() != tls::thread_token()) return send(region, home);
  if (!home.push_own(region)) home.cache().keep_slow(region, home);
}

}  // namespace tarn::pool
