// SPDX-License-Identifier: Apache-2.0
// Making a pool's arenas and tables. Layer: pool.
#include "pool/core_parts.hpp"

#include <algorithm>

namespace tarn::pool {
namespace {

// The inline path indexes region caches by any class up to 1 MiB, also when chunks are smaller.
constexpr std::size_t kInlineClasses = sizing::class_of(sizing::kLargeTableLimit) + 1;

std::vector<std::unique_ptr<Arena>> make_arenas(std::size_t count, MemoryKind kind,
                                                const sizing::Geometry& geometry,
                                                const platform::MemorySource& source,
                                                const ArenaSeams& seams, ChunkMap& map) {
  std::vector<std::unique_ptr<Arena>> arenas;
  arenas.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    arenas.push_back(
        std::make_unique<Arena>(geometry, kind, source, map, static_cast<unsigned>(i), seams));
  }
  return arenas;
}

std::vector<Arena*> pointers_to(const std::vector<std::unique_ptr<Arena>>& arenas) {
  std::vector<Arena*> pointers;
  pointers.reserve(arenas.size());
  for (const auto& arena : arenas) pointers.push_back(arena.get());
  return pointers;
}

}  // namespace

CoreParts::CoreParts(PoolCore& core, const PooledAllocatorOptions& options,
                     const sizing::Geometry& geometry, const platform::MemorySource& source,
                     const platform::MemorySource& metadata, ChunkMap& map)
    : heap(make_arenas(options.heap_arenas, MemoryKind::heap, geometry, source,
                       {.metadata = metadata,
                        .in_use_elsewhere = &huge_bytes,
                        .references = &core.references(),
                        .collapse_pace = &collapse_pace},
                       map)),
      direct(make_arenas(options.direct_arenas, MemoryKind::direct, geometry, source,
                         {.metadata = metadata,
                          .in_use_elsewhere = &huge_bytes,
                          .references = &core.references(),
                          .collapse_pace = &collapse_pace},
                         map)),
      heap_pointers(pointers_to(heap)),
      direct_pointers(pointers_to(direct)),
      huge(core, source, huge_bytes),
      caches(core, heap_pointers, direct_pointers,
             std::max(geometry.class_count(), kInlineClasses)) {}

}  // namespace tarn::pool
