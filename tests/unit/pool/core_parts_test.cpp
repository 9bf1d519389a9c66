// SPDX-License-Identifier: Apache-2.0
// What a PoolCore has besides its inline paths.
#include "pool/core_parts.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "tarn/detail/platform/memory.hpp"

namespace tarn::pool {
namespace {

/// Parts beside a core's own, which only a thread's first use would ask for theirs.
class Parts {
 public:
  Parts(std::size_t heap_arenas, std::size_t direct_arenas)
      : core_(PoolCore::create(PooledAllocatorOptions{}, platform::system_memory())) {
    PooledAllocatorOptions options;
    options.heap_arenas = heap_arenas;
    options.direct_arenas = direct_arenas;
    parts_ = std::make_unique<CoreParts>(*core_, options, geometry_, platform::system_memory(),
                                         platform::system_memory(), map_);
  }
  ~Parts() {
    parts_.reset();
    core_->close();
  }
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;

  CoreParts* operator->() const { return parts_.get(); }

 private:
  PoolCore* core_;
  sizing::Geometry geometry_;
  ChunkMap map_{geometry_.chunk_size()};
  std::unique_ptr<CoreParts> parts_;
};

TEST(CoreParts, HasTheArenasOfEachKindThatWereAskedFor) {
  const Parts parts(3, 2);
  ASSERT_EQ(parts->arenas(MemoryKind::heap).size(), 3U);
  ASSERT_EQ(parts->arenas(MemoryKind::direct).size(), 2U);
  for (const MemoryKind kind : {MemoryKind::heap, MemoryKind::direct}) {
    unsigned index = 0;
    for (const Arena* const arena : parts->arenas(kind)) {
      EXPECT_EQ(arena->kind(), kind);
      EXPECT_EQ(arena->index(), index++);
    }
  }
  std::vector<const Arena*> visited;
  parts->for_each_arena([&](const Arena& arena) { visited.push_back(&arena); });
  EXPECT_EQ(visited.size(), 5U);
}

TEST(CoreParts, MayHaveNoArenas) {
  const Parts parts(0, 0);
  EXPECT_TRUE(parts->arenas(MemoryKind::heap).empty());
  EXPECT_TRUE(parts->arenas(MemoryKind::direct).empty());
  parts->for_each_arena([](const Arena&) { FAIL(); });
}

}  // namespace
}  // namespace tarn::pool
