// SPDX-License-Identifier: Apache-2.0
// What a pool shows of itself: statistics, and the walk that checks it. Layer: pool.
#include <array>
#include <vector>

#include "pool/core_parts.hpp"
#include "tarn/detail/base/check.hpp"
#include "tarn/detail/pool/core.hpp"

namespace tarn::pool {
namespace {

void count_into(CategoryStats& category, std::uint64_t allocations, std::uint64_t deallocations) {
  category.allocations += allocations;
  category.deallocations += deallocations;
  // While threads run, a release may be counted before its allocation is seen.
  category.active = category.allocations > category.deallocations
                        ? category.allocations - category.deallocations
                        : 0;
}

}  // namespace

PooledAllocatorStats PoolCore::stats() const {
  PooledAllocatorStats stats;
  std::array<std::uint64_t, 3> taken{};
  std::array<std::uint64_t, 3> given{};
  for (std::size_t i = 0; i < taken.size(); ++i) {
    taken[i] = parts_->uncached_taken[i].load();
    given[i] = parts_->uncached_given[i].load();
    stats.cache_misses += taken[i];
  }
  parts_->caches.for_each([&](ThreadCache& cache) {
    stats.thread_caches += cache.is_bound() ? 1U : 0U;
    stats.cached_bytes += cache.cached_bytes();
    stats.pending_bytes += cache.pending_bytes();
    for (unsigned i = 0; i < given.size(); ++i) given[i] += cache.outbox.released(i);
    cache.for_each_region_cache([&](const RegionCache& stock) {
      if (stock.size_class() >= geometry_.class_count()) return;
      const unsigned kind = category(stock.size_class());
      stats.cache_hits += stock.hits();
      stats.cache_misses += stock.misses();
      taken[kind] += stock.hits() + stock.misses();
      given[kind] += stock.pushes();
    });
  });
  count_into(stats.tiny, taken[0], given[0]);
  count_into(stats.small, taken[1], given[1]);
  count_into(stats.normal, taken[2], given[2]);
  std::uint64_t out = 0;
  const auto add = [&](const Arena& arena, std::vector<ArenaStats>& list) {
    list.push_back(arena.stats());
    stats.mapped_bytes += list.back().mapped_bytes;
    stats.free_bytes += list.back().free_bytes;
    stats.dirty_bytes += list.back().dirty_bytes;
    out += list.back().in_use_bytes;
    stats.chunks_mapped += arena.chunks_mapped();
    stats.chunks_unmapped += arena.chunks_unmapped();
  };
  for (const Arena* const arena : parts_->heap_pointers) add(*arena, stats.heap_arenas);
  for (const Arena* const arena : parts_->direct_pointers) add(*arena, stats.direct_arenas);
  const std::uint64_t held = stats.cached_bytes + stats.pending_bytes;
  stats.in_use_bytes = out > held ? out - held : 0;
  stats.trimmed_regions = trimmed_regions_.load();
  parts_->huge.add_to(stats);
  return stats;
}

void PoolCore::audit() noexcept {
  std::uint64_t references = parts_->huge.live_regions() + (is_closed() ? 0U : 1U);
  parts_->for_each_arena([&references](Arena& arena) {
    arena.audit();
    references += arena.live_regions() != 0 ? 1U : 0U;
  });
  TARN_CHECK(references == references_.load_relaxed());
  parts_->caches.for_each([](ThreadCache& cache) { cache.audit(); });
}

}  // namespace tarn::pool
