// SPDX-License-Identifier: Apache-2.0
// What a PoolCore has besides its inline paths.
#include "pool/core_parts.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

#include "pool/region_list.hpp"
#include "support/resident_pages.hpp"
#include "tarn/detail/base/units.hpp"
#include "tarn/detail/platform/clock.hpp"
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

/// Bytes of the first MiB from there on that are resident.
std::size_t resident_of(const std::byte* memory) {
  return test::resident_pages(memory, base::kMiB) * platform::system_page_size();
}

void give(Arena& arena, Region* region) {
  set_next_region(region, nullptr);
  static_cast<void>(arena.give(region));
}

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

TEST(CoreParts, ItsArenasTakeTurnsAtHugePages) {
  if (!test::can_collapse()) GTEST_SKIP() << "this system has no huge pages to give";
  const Parts parts(1, 1);
  const std::uint64_t now = platform::coarse_monotonic_ms();
  ASSERT_TRUE(parts->collapse_pace.try_start(now)) << "somebody has the turn";
  for (Arena* const arena : {parts->heap_pointers[0], parts->direct_pointers[0]}) {
    std::vector<Region*> runs;
    const auto take = [&] {
      runs.push_back(arena->take(sizing::size_class_of(base::kMiB), 1).first);
      runs.back()->data[0] = std::byte{1};
    };
    while (runs.size() < 16) take();
    // The first of a chunk that was filled while more than enough was in use.
    const std::byte* const first = runs[12]->data;
    EXPECT_LT(resident_of(first), base::kMiB / 2);
    if (arena->kind() == MemoryKind::direct) {
      parts->collapse_pace.finish(now, 0);
      // In that chunk.
      give(*arena, std::exchange(runs[13], nullptr));
      take();
      EXPECT_EQ(resident_of(first), base::kMiB);
    }
    for (Region* const run : runs) {
      if (run != nullptr) give(*arena, run);
    }
  }
}

}  // namespace
}  // namespace tarn::pool
