// SPDX-License-Identifier: Apache-2.0
// An arena over fake memory and a clock that moves when told, for tests of the pool.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "pool/arena.hpp"
#include "pool/region_list.hpp"
#include "support/fake_memory.hpp"
#include "tarn/detail/pool/chunk_map.hpp"
#include "tarn/detail/sizing/size_classes.hpp"
#include "tarn/detail/sync/counter.hpp"

namespace tarn::test {

/// The clock of every OwnArena, in milliseconds.
inline std::atomic<std::uint64_t> fake_now_ms{0};

/// An arena with all it needs. At its end nothing may be mapped any more.
struct OwnArena {
  explicit OwnArena(const sizing::Geometry& shape = sizing::Geometry{},
                    MemoryKind kind = MemoryKind::direct)
      : geometry(shape),
        map(shape.chunk_size()),
        arena(geometry, kind, payload.source(), map, 0,
              {.metadata = metadata.source(),
               .now_ms = []() noexcept { return fake_now_ms.load(); },
               .in_use_elsewhere = &in_use_elsewhere}) {}

  [[nodiscard]] static sizing::SizeClass class_for(std::size_t size) {
    return sizing::size_class_of(size);
  }
  [[nodiscard]] pool::Region* take(std::size_t size) {
    return arena.take(class_for(size), 1).first;
  }
  /// `count` regions, in as many takes as that needs.
  [[nodiscard]] std::vector<pool::Region*> take(std::size_t size, std::size_t count) {
    std::vector<pool::Region*> regions;
    while (regions.size() < count) {
      const pool::RegionList list = arena.take(class_for(size), count - regions.size());
      if (list.count == 0) ADD_FAILURE() << "refused at " << regions.size();
      if (list.count == 0) return regions;
      for (pool::Region* r = list.first; r != nullptr; r = pool::next_region(r)) {
        regions.push_back(r);
      }
    }
    return regions;
  }
  void give(pool::Region* region) {
    pool::set_next_region(region, nullptr);
    arena.give(region);
  }
  void give(const std::vector<pool::Region*>& regions) {
    pool::RegionList list;
    for (pool::Region* const region : regions) pool::append(list, region);
    arena.give(list.first);
  }
  /// Chunks in the lists init, 0, 25, 50, 75, 100.
  [[nodiscard]] std::vector<std::size_t> lists() const {
    std::vector<std::size_t> chunks;
    for (const ChunkListStats& list : arena.stats().chunk_lists) chunks.push_back(list.chunks);
    return chunks;
  }

  FakeMemory payload;
  FakeMemory metadata;
  const sizing::Geometry geometry;
  pool::ChunkMap map;
  sync::Counter in_use_elsewhere;  // bytes in use in the pool, outside of the arena
  pool::Arena arena;
};

}  // namespace tarn::test
