// SPDX-License-Identifier: Apache-2.0
// A pool of tiny chunks over a counting memory source, and what tests of the pool's upper half ask
// of it. Test support.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

#include "support/fake_memory.hpp"
#include "tarn/detail/pool/core.hpp"
#include "tarn/detail/pool/options.hpp"
#include "tarn/detail/pool/stats.hpp"
#include "tarn/detail/pool/thread_cache.hpp"
#include "tarn/detail/tls/slots.hpp"

namespace tarn::test {

/// Chunks of 32 KiB in pages of 4 KiB, one arena of each kind, caches of a few regions: everything
/// that happens in a large pool after a while happens here at once.
inline PooledAllocatorOptions small_options() {
  PooledAllocatorOptions options;
  options.heap_arenas = 1;
  options.direct_arenas = 1;
  options.page_size = 4096;
  options.max_order = 3;
  options.tiny_cache_size = 4;
  options.small_cache_size = 4;
  options.normal_cache_size = 4;
  options.cache_trim_interval = 0;
  return options;
}

/// What holds of any statistics while no thread is inside the pool.
inline void expect_adds_up(const PooledAllocatorStats& stats) {
  EXPECT_EQ(stats.mapped_bytes,
            stats.in_use_bytes + stats.cached_bytes + stats.pending_bytes + stats.free_bytes);
  for (const CategoryStats* c : {&stats.tiny, &stats.small, &stats.normal, &stats.huge}) {
    EXPECT_EQ(c->active, c->allocations - c->deallocations);
  }
  EXPECT_EQ(stats.cache_hits + stats.cache_misses,
            stats.tiny.allocations + stats.small.allocations + stats.normal.allocations);
  std::uint64_t mapped = 0;
  std::uint64_t chunks = 0;
  std::uint64_t dirty = 0;
  for (const auto* arenas : {&stats.heap_arenas, &stats.direct_arenas}) {
    std::size_t thread_caches = 0;
    for (const ArenaStats& arena : *arenas) {
      EXPECT_EQ(arena.in_use_bytes + arena.free_bytes, arena.mapped_bytes);
      EXPECT_LE(arena.dirty_bytes, arena.free_bytes);
      dirty += arena.dirty_bytes;
      mapped += arena.mapped_bytes;
      chunks += arena.chunks;
      thread_caches += arena.thread_caches;
    }
    EXPECT_TRUE(arenas->empty() || thread_caches == stats.thread_caches);
  }
  EXPECT_EQ(mapped, stats.mapped_bytes);
  EXPECT_EQ(dirty, stats.dirty_bytes);
  EXPECT_EQ(chunks, stats.chunks_mapped - stats.chunks_unmapped);
}

/// Runs `body` in a thread of its own, to its end.
template <class F>
void in_thread(F body) {
  std::thread(std::move(body)).join();
}

/// A core over FakeMemory, closed at the end; what is not given back by then ends the program.
class SmallPool {
 public:
  explicit SmallPool(const PooledAllocatorOptions& options = small_options())
      : core_(pool::PoolCore::create(options, memory_.source())) {}

  [[nodiscard]] pool::PoolCore& core() const { return *core_; }
  [[nodiscard]] FakeMemory& memory() { return memory_; }
  [[nodiscard]] PooledAllocatorStats stats() const { return core_->stats(); }
  /// Closes the core before this object's end.
  void close() { core_.reset(); }

  /// The calling thread's cache; null when it has none.
  [[nodiscard]] pool::ThreadCache* cache() const { return core_->near_cache(); }
  /// The stock of the class that `size` rounds to.
  [[nodiscard]] pool::RegionCache& stock(std::size_t size, MemoryKind kind) const {
    return cache()->region_cache(kind, sizing::class_of(size));
  }

  /// A buffer's region.
  [[nodiscard]] pool::Region* take(std::size_t size, MemoryKind kind = MemoryKind::direct) {
    return core_->take<0>(size, kind);
  }
  /// What the last ByteBuf of a region does.
  static void give(pool::Region* region) {
    ASSERT_EQ(region->refs.load_relaxed(), 1U);
    region->refs.store_relaxed(0);
    pool::release_region(region);
  }
  [[nodiscard]] void* take_plain(std::size_t size, MemoryKind kind = MemoryKind::direct) {
    pool::Region* const region = core_->take<pool::kPlainTag>(size, kind);
    return region == nullptr ? nullptr : region->data;
  }
  void give_plain(void* memory, std::size_t size) { core_->give_plain(memory, size); }

  /// `count` regions at once.
  [[nodiscard]] std::vector<pool::Region*> take_many(std::size_t count, std::size_t size,
                                                     MemoryKind kind = MemoryKind::direct) {
    std::vector<pool::Region*> regions;
    for (std::size_t i = 0; i < count; ++i) regions.push_back(take(size, kind));
    return regions;
  }
  static void give_all(const std::vector<pool::Region*>& regions) {
    for (pool::Region* const region : regions) give(region);
  }

  /// Audits the pool and its sums. Only while no other thread is inside.
  void check() const {
    core_->audit();
    expect_adds_up(stats());
  }

 private:
  struct Close {
    void operator()(pool::PoolCore* core) const { core->close(); }
  };

  FakeMemory memory_;
  std::unique_ptr<pool::PoolCore, Close> core_;
};

}  // namespace tarn::test
