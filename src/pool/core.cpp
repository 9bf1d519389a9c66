// SPDX-License-Identifier: Apache-2.0
// The slow half of a pool: its beginning and end, regions past any cache, trims. Layer: pool.
#include "tarn/detail/pool/core.hpp"

#include <algorithm>
#include <new>
#include <vector>

#include "pool/core_parts.hpp"
#include "tarn/detail/base/bits.hpp"
#include "tarn/detail/base/check.hpp"
#include "tarn/detail/platform/clock.hpp"

namespace tarn::pool {
namespace {

using sizing::SizeClass;

constinit RegionCache nobodys_home;  // of all foreign regions; never owned, so never written

ClassTables make_class_tables(std::size_t alignment) noexcept {
  ClassTables tables{};
  for (std::size_t i = 0; i < tables.small.size(); ++i) {
    tables.small[i] =
        static_cast<std::uint8_t>(sizing::class_of(base::align_up((i + 1) * 16, alignment)));
  }
  for (std::size_t i = 0; i < tables.large.size(); ++i) {
    const std::size_t largest = (i + 1) << sizing::kLargeTableShift;
    tables.large[i] =
        static_cast<std::uint8_t>(sizing::class_of(base::align_up(largest, alignment)));
  }
  return tables;
}

std::size_t alignment_of(const PooledAllocatorOptions& options, MemoryKind kind) noexcept {
  return kind == MemoryKind::direct ? std::max(options.direct_alignment, kSmallAlignment)
                                    : kSmallAlignment;
}

/// Bytes of the largest class whose regions are slots of a subpage.
std::size_t largest_slot(const sizing::Geometry& geometry) noexcept {
  std::size_t slots = geometry.small_count();
  while (slots > 0 && geometry.elements(SizeClass::from_index(slots - 1)) == 1) --slots;
  return slots == 0 ? 0 : sizing::size_of(SizeClass::from_index(slots - 1));
}

[[nodiscard]] PoolCore& core_of(const Region* pooled) noexcept {
  return reinterpret_cast<const RegionCache*>(pooled->link & ~kPlainTag)->cache().core();
}

}  // namespace

std::uintptr_t foreign_home() noexcept { return reinterpret_cast<std::uintptr_t>(&nobodys_home); }

Region* take_like(const Region* old, std::size_t size) {
  if (old->kind != RegionKind::pooled) {
    const auto* const foreign = static_cast<const ForeignRegion*>(old);
    if (foreign->take_like == nullptr) throw std::bad_alloc();
    return foreign->take_like(foreign, size);
  }
  return core_of(old).take_like(old->memory_kind, size);
}

Region* take_larger(const Region* old, std::size_t size) {
  if (old->kind != RegionKind::pooled) return take_like(old, size);
  return core_of(old).take_larger(old->memory_kind, size);
}

bool try_grow(Region* region, std::size_t size) noexcept {
  return region->kind == RegionKind::pooled && core_of(region).try_grow(region, size);
}

std::size_t region_capacity(const Region* region) noexcept {
  if (region->kind != RegionKind::pooled)
    return static_cast<const ForeignRegion*>(region)->capacity;
  return sizing::size_of(SizeClass::from_index(region->size_class));
}

// --- beginning and end ---------------------------------------------------------------------------

PoolCore* PoolCore::create(const PooledAllocatorOptions& options,
                           const platform::MemorySource& source,
                           const platform::MemorySource& metadata) {
  return new PoolCore(options, source, metadata);
}

PoolCore::PoolCore(const PooledAllocatorOptions& options, const platform::MemorySource& source,
                   const platform::MemorySource& metadata)
    : class_tables_{make_class_tables(alignment_of(options, MemoryKind::heap)),
                    make_class_tables(alignment_of(options, MemoryKind::direct))},
      to_heap_stock_(alignment_of(options, MemoryKind::direct) ==
                             alignment_of(options, MemoryKind::heap)
                         ? ThreadCache::kToHeapStock
                         : 0),
      chunks_(options.page_size << options.max_order, metadata),
      options_(options),
      geometry_(options.page_size, options.max_order),
      largest_slot_(largest_slot(geometry_)),
      source_(source),
      parts_(new CoreParts(*this, options_, geometry_, source_, metadata, chunks_)) {
  const std::size_t index = parts_->caches.key_index();
  if (index < tls::kNearSlots) near_index_ = index;
  parts_->last_sweep_ms.store_relaxed(platform::coarse_monotonic_ms());
}

PoolCore::~PoolCore() { delete parts_; }

void PoolCore::close() noexcept {
  // [sync: core-close] Release: pairs with is_closed(). Who still sees it open finds its cache, or
  // the registry, closed and takes the uncached path too.
  closed_.store_release(true);
  parts_->caches.close_all();
  parts_->for_each_arena([](Arena& arena) { arena.release_unused(); });
  drop_references(1);
}

void PoolCore::drop_references(std::uint64_t count) noexcept {
  // [sync: core-end] Every use of the core comes before the end of it by the last one.
  if (references_.fetch_sub_acq_rel(count) == count) delete this;
}

// --- taking --------------------------------------------------------------------------------------

std::uint32_t PoolCore::max_cached(std::size_t size_class) const noexcept {
  if (size_class >= geometry_.class_count()) return 0;
  if (sizing::size_of(SizeClass::from_index(size_class)) > options_.max_cached_buffer_capacity) {
    return 0;
  }
  const std::size_t sizes[] = {options_.tiny_cache_size, options_.small_cache_size,
                               options_.normal_cache_size};
  return static_cast<std::uint32_t>(sizes[category(size_class)]);
}

RegionCache::Description PoolCore::stock_description(MemoryKind kind,
                                                     std::size_t size_class) const noexcept {
  const auto size = [](std::size_t index) { return sizing::size_of(SizeClass::from_index(index)); };
  const std::size_t alignment = alignment_of(options_, kind);
  // A class serves the sizes that, rounded up to the alignment, are above the class before.
  const std::size_t before = size_class == 0 ? 0 : size(size_class - 1);
  return {.memory_kind = kind,
          .size_class = static_cast<std::uint8_t>(size_class),
          .category = static_cast<std::uint8_t>(category(size_class)),
          .max_size = max_cached(size_class),
          .region_size = size(size_class),
          .below_smallest = base::align_down(before, alignment),
          .largest = base::align_down(size(size_class), alignment)};
}

unsigned PoolCore::category(std::size_t size_class) const noexcept {
  return static_cast<unsigned>(geometry_.category(SizeClass::from_index(size_class)));
}

std::size_t PoolCore::rounded(std::size_t size, std::size_t alignment,
                              MemoryKind kind) const noexcept {
  const std::size_t wanted = std::max(alignment, alignment_of(options_, kind));
  size = std::max<std::size_t>(size, 1);
  return base::can_align_up(size, wanted) ? base::align_up(size, wanted) : 0;
}

Region* PoolCore::take_slow(std::size_t size, std::size_t alignment, MemoryKind kind,
                            std::uintptr_t tag) noexcept {
  trim_by_time();
  const std::size_t needed = rounded(size, alignment, kind);
  if (needed == 0) return nullptr;
  Region* region = nullptr;
  if (needed > geometry_.chunk_size() || parts_->arenas(kind).empty()) {
    region = parts_->huge.take(size, std::max(alignment, alignment_of(options_, kind)), kind, tag);
    // Relaxed: the caller keeps the core alive.
    if (region != nullptr) static_cast<void>(references_.fetch_add_relaxed(1));
  } else {
    region = take_from(parts_->caches.bound(), sizing::class_of(needed), alignment, kind, tag);
  }
  // Relaxed: nobody else knows the region yet.
  if (region != nullptr && tag == 0) region->refs.store_relaxed(1);
  return region;
}

Region* PoolCore::take_from(ThreadCache* cache, std::size_t size_class, std::size_t alignment,
                            MemoryKind kind, std::uintptr_t tag) noexcept {
  if (cache == nullptr) return take_uncached(size_class, alignment, kind, tag);
  RegionCache& stock = cache->region_cache(kind, size_class);
  Region* region = nullptr;
  if (alignment > geometry_.page_size()) {
    // Regions are aligned to pages at most, so a cached one may not do.
    region = take_one(*cache->arena(kind), static_cast<std::uint8_t>(size_class), alignment);
    if (region != nullptr) {
      cache->adopt(region, stock, tag);
      cache->count_miss();
    }
  } else {
    bool lease_is_over = false;
    region = stock.pop(tag, lease_is_over);
    if (lease_is_over) cache->end_lease(stock);
    if (region == nullptr) {
      region = cache->take_slow(stock, tag);
      if (region != nullptr) cache->count_miss();
    }
  }
  if (region != nullptr && tag == kPlainTag) cache->remember(region);
  return region;
}

Region* PoolCore::take_uncached(std::size_t size_class, std::size_t alignment, MemoryKind kind,
                                std::uintptr_t tag) noexcept {
  const std::vector<Arena*>& arenas = parts_->arenas(kind);
  // Threads without a cache are bound to no arena: spread by where their thread-locals lie.
  const auto token = reinterpret_cast<std::uintptr_t>(tls::thread_token());
  constexpr std::uintptr_t kSpread = 0x9E3779B97F4A7C15;  // golden ratio: neighbours part
  Arena& arena = *arenas[((token * kSpread) >> 32) % arenas.size()];
  Region* const region = take_one(arena, static_cast<std::uint8_t>(size_class), alignment);
  if (region == nullptr) return nullptr;
  set_link(region, reinterpret_cast<std::uintptr_t>(
                       &parts_->caches.nobodys().region_cache(kind, size_class)) |
                       tag);
  parts_->uncached_taken[category(size_class)].add(1);
  return region;
}

Region* PoolCore::take_one(Arena& arena, std::uint8_t size_class, std::size_t alignment) noexcept {
  if (alignment <= geometry_.page_size()) return take_from_arena(arena, size_class, 1).first;
  return arena.take_aligned(SizeClass{size_class}, alignment);
}

RegionList PoolCore::take_from_arena(Arena& arena, std::uint8_t size_class,
                                     std::size_t count) noexcept {
  return arena.take(SizeClass{size_class}, count);
}

Region* PoolCore::take_larger(MemoryKind kind, std::size_t size) {
  Region* const region = take_growable(size, 1, kind, 0);
  return region != nullptr ? region : take_like(kind, size);
}

Region* PoolCore::take_like(MemoryKind kind, std::size_t size) {
  Region* const region = take<0>(size, kind);
  if (region == nullptr) throw std::bad_alloc();
  return region;
}

// --- giving back ---------------------------------------------------------------------------------

void PoolCore::give_to_arenas(Region* first) noexcept {
  std::uint64_t emptied = 0;
  while (first != nullptr) {
    const Chunk* const chunk = chunks_.find(first->data);
    if (chunk == nullptr) base::fatal("release of a region that no chunk holds", first->data);
    Arena& arena = chunk->arena();
    Region* last = first;
    Region* rest = next_region(first);
    for (; rest != nullptr; rest = next_region(rest)) {
      const Chunk* const other = chunks_.find(rest->data);
      if (other == nullptr || &other->arena() != &arena) break;
      last = rest;
    }
    set_next_region(last, nullptr);
    // What is still to be given keeps the core alive, and an arena that this has emptied.
    if (arena.give(first)) ++emptied;
    first = rest;
  }
  if (emptied != 0) [[unlikely]]
    drop_references(emptied);
}

void PoolCore::release_uncached(Region* region) noexcept {
  parts_->uncached_given[category(region->size_class)].add(1);
  set_next_region(region, nullptr);
  give_to_arenas(region);
}

void PoolCore::give_huge(HugeRegion* region) noexcept {
  parts_->huge.give(region);
  drop_references(1);
}

void PoolCore::release_slow(Region* region) noexcept {
  if (region->kind != RegionKind::pooled) {
    auto* const foreign = static_cast<ForeignRegion*>(region);
    foreign->dispose(foreign);
    return;
  }
  auto& home = *reinterpret_cast<RegionCache*>(region->link & ~kPlainTag);
  if (home.owner() == tls::thread_token()) return home.cache().keep_slow(region, home);
  home.cache().core().send(region, home);
}

void PoolCore::send_to_owner(Region* region, const RegionCache& home) noexcept {
  const bool may_wait =
      !is_closed() && options_.max_pending_bytes_per_thread != 0 && home.cache().is_bound();
  ThreadCache* const mine = may_wait ? parts_->caches.opened() : nullptr;
  if (mine == nullptr) return release_uncached(region);
  mine->send_slow(region, home);
}

// --- trimming ------------------------------------------------------------------------------------

bool PoolCore::trim_current_thread_cache() noexcept {
  ThreadCache* const cache = parts_->caches.current();
  if (cache == nullptr || !cache->is_bound()) return false;
  static_cast<void>(cache->flush(true));
  return true;
}

std::size_t PoolCore::trim_all() noexcept {
  std::uint64_t bytes = 0;
  const ThreadCache* const mine = parts_->caches.current();
  parts_->caches.for_each([&](ThreadCache& cache) { bytes += cache.flush(&cache == mine); });
  parts_->for_each_arena([](Arena& arena) { arena.release_unused(); });
  return static_cast<std::size_t>(bytes);
}

void PoolCore::trim_by_time() noexcept {
  const auto period = static_cast<std::uint64_t>(options_.cache_trim_period.count());
  if (period == 0) return;
  const std::uint64_t now = platform::coarse_monotonic_ms();
  std::uint64_t last = parts_->last_sweep_ms.load_relaxed();
  // The clock that another thread has read since may be ahead of ours.
  if (now < last + period) return;
  // Relaxed: only decides which thread sweeps.
  if (!parts_->last_sweep_ms.compare_exchange_strong_relaxed(last, now)) return;
  const ThreadCache* const mine = parts_->caches.current();
  parts_->caches.for_each([&](ThreadCache& cache) { cache.trim(&cache == mine); });
  parts_->for_each_arena([](Arena& arena) { arena.release_idle(); });
}

void PoolCore::visit_next_arena() noexcept {
  const std::size_t heap = parts_->heap_pointers.size();
  const std::size_t all = heap + parts_->direct_pointers.size();
  if (all == 0) return;
  // Relaxed: two threads may well look at the same one.
  const std::size_t turn = parts_->next_visited.fetch_add_relaxed(1) % all;
  (turn < heap ? parts_->heap_pointers[turn] : parts_->direct_pointers[turn - heap])
      ->release_idle();
}

}  // namespace tarn::pool
