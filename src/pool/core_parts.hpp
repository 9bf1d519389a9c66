// SPDX-License-Identifier: Apache-2.0
// What a PoolCore has that only its slow paths need. Layer: pool.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "pool/arena.hpp"
#include "pool/collapse_pace.hpp"
#include "pool/huge.hpp"
#include "pool/thread_caches.hpp"
#include "tarn/detail/pool/core.hpp"
#include "tarn/detail/sync/atomic.hpp"
#include "tarn/detail/sync/counter.hpp"

namespace tarn::pool {

/// Arenas, huge regions, thread caches, and counts of what threads did past those. One a PoolCore.
///
/// Thread safety: the members'.
struct CoreParts {
  /// @pre all references outlive this. @errors std::bad_alloc.
  CoreParts(PoolCore& core, const PooledAllocatorOptions& options, const sizing::Geometry& geometry,
            const platform::MemorySource& source, const platform::MemorySource& metadata,
            ChunkMap& map);

  [[nodiscard]] const std::vector<Arena*>& arenas(MemoryKind kind) const noexcept {
    return kind == MemoryKind::heap ? heap_pointers : direct_pointers;
  }
  template <class F>
  void for_each_arena(F&& f) const {
    for (Arena* const arena : heap_pointers) f(*arena);
    for (Arena* const arena : direct_pointers) f(*arena);
  }

  sync::Counter huge_bytes;  ///< In use, outside of any arena; what arenas may keep depends on it.
  CollapsePace collapse_pace;
  std::vector<std::unique_ptr<Arena>> heap;
  std::vector<std::unique_ptr<Arena>> direct;
  std::vector<Arena*> heap_pointers;
  std::vector<Arena*> direct_pointers;
  HugeTable huge;
  ThreadCaches caches;
  // What threads did past any cache, by category: tiny, small, normal.
  std::array<sync::SharedCounter, 3> uncached_taken;
  std::array<sync::SharedCounter, 3> uncached_given;
  sync::Atomic<std::uint64_t> last_sweep_ms{0};
  sync::Atomic<std::uint32_t> next_visited{0};  ///< Arena that visit_next_arena() looks at next.
};

// Inline, because every region of another thread goes through it.
inline void PoolCore::send(Region* region, const RegionCache& home) noexcept {
  // The outbox's limit is 0 when nothing may be pending, and once the core is closed.
  ThreadCache* const mine = near_cache();
  if (mine == nullptr || !home.cache().is_bound() || !mine->outbox.try_add(region, home))
      [[unlikely]]
    send_to_owner(region, home);
}

}  // namespace tarn::pool
