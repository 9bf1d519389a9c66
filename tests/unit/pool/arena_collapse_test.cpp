// SPDX-License-Identifier: Apache-2.0
// Which chunks of an arena get huge pages, and when.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <vector>

#include "pool/arena.hpp"
#include "support/own_arena.hpp"
#include "support/resident_pages.hpp"
#include "tarn/detail/base/units.hpp"
#include "tarn/detail/sync/counter.hpp"

namespace tarn::pool {
namespace {

using base::kKiB;
using base::kMiB;
using test::resident_pages;

constexpr std::size_t kRun = 64 * kKiB;
constexpr std::size_t kChunk = 4 * kMiB;
constexpr std::size_t kHuge = 2 * kMiB;

/// A chunk that fills up by written runs, in a pool that has so much in use besides.
class Filling {
 public:
  explicit Filling(std::uint64_t in_use_elsewhere) : elsewhere_(in_use_elsewhere) {}
  ~Filling() {
    while (!runs_.empty()) shrink();
  }
  Filling(const Filling&) = delete;
  Filling& operator=(const Filling&) = delete;

  void grow(std::size_t bytes) {
    for (std::size_t i = 0; i < bytes / kRun; ++i) {
      runs_.push_back(arena_.take(sizing::size_class_of(kRun), 1).first);
      // One page of it: what else is resident has come in by itself.
      runs_.back()->data[0] = std::byte{0xEE};
      arena_.audit();
    }
  }
  void shrink() {
    set_next_region(runs_.back(), nullptr);
    arena_.give(runs_.back());
    runs_.pop_back();
    arena_.audit();
  }
  /// Bytes of the chunk that are resident, between two places.
  [[nodiscard]] std::size_t resident(std::size_t from, std::size_t to) const {
    return resident_pages(runs_.front()->data + from, to - from) * platform::system_page_size();
  }
  [[nodiscard]] const std::vector<Region*>& runs() const { return runs_; }

 private:
  sync::Counter elsewhere_;
  test::FakeMemory payload_;
  sizing::Geometry geometry_;
  ChunkMap map_{geometry_.chunk_size()};
  Arena arena_{geometry_,
               MemoryKind::direct,
               payload_.source(),
               map_,
               0,
               {.now_ms = []() noexcept { return test::fake_now_ms.load(); },
                .in_use_elsewhere = &elsewhere_}};
  std::vector<Region*> runs_;
};

class ArenaCollapse : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::can_collapse()) GTEST_SKIP() << "this system has no huge pages to give";
  }
};

TEST_F(ArenaCollapse, AChunkThatIsHalfFullGetsThemWhereItIsUsed) {
  Filling chunk(8 * kMiB);
  chunk.grow(kHuge - kRun);
  EXPECT_LT(chunk.resident(0, kHuge), kHuge / 8) << "more than a half is free";
  chunk.grow(kRun);
  EXPECT_EQ(chunk.resident(0, kHuge), kHuge);
  EXPECT_EQ(chunk.resident(kHuge, kChunk), 0U) << "that nobody has used yet";
  for (const Region* const run : chunk.runs()) EXPECT_EQ(run->data[0], std::byte{0xEE});
}

TEST_F(ArenaCollapse, AChunkThatIsNearlyFullGetsTheOthers) {
  Filling chunk(8 * kMiB);
  chunk.grow(kChunk - kChunk / 16 - kRun);
  EXPECT_LT(chunk.resident(kHuge, kChunk), kHuge / 8);
  chunk.grow(kRun);
  EXPECT_EQ(chunk.resident(0, kChunk), kChunk);
}

TEST_F(ArenaCollapse, ASmallPoolsChunksGetNone) {
  Filling chunk(8 * kMiB - kChunk);
  chunk.grow(kChunk - kRun);
  EXPECT_LT(chunk.resident(0, kChunk), kChunk / 8);
  chunk.grow(kRun);
  EXPECT_EQ(chunk.resident(0, kHuge), kHuge) << "with it 8 MiB are in use";
}

TEST_F(ArenaCollapse, AChunkGetsThemTwiceAtMost) {
  Filling chunk(8 * kMiB);
  chunk.grow(kChunk);
  ASSERT_EQ(chunk.resident(0, kChunk), kChunk);
  const std::byte* const page = chunk.runs().back()->data + kRun - 4096;
  chunk.shrink();
  platform::purge(const_cast<std::byte*>(page), 4096);
  chunk.grow(kRun);
  EXPECT_EQ(resident_pages(page, 4096), 0U) << "it is full again, and that costs nothing now";
}

}  // namespace
}  // namespace tarn::pool
