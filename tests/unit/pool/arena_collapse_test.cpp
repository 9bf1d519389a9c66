// SPDX-License-Identifier: Apache-2.0
// Which chunks of an arena get huge pages, and when.
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
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
using test::fake_now_ms;
using test::resident_pages;

constexpr std::size_t kRun = 64 * kKiB;
constexpr std::size_t kChunk = 4 * kMiB;
constexpr std::size_t kHuge = 2 * kMiB;

/// A system that is asked for huge pages, notes where, and takes its time.
struct FakeSystem {
  std::vector<std::byte*> asked;
  std::uint64_t takes_us = 0;
  std::uint64_t now_us = 0;
  bool refuses = false;
  void (*meanwhile)() = [] {};
};
FakeSystem fake;

bool fake_collapse(void* memory, std::size_t size) noexcept {
  EXPECT_EQ(size, kHuge);
  fake.asked.push_back(static_cast<std::byte*>(memory));
  fake.now_us += fake.takes_us;
  fake.meanwhile();
  return !fake.refuses;
}

/// A chunk that fills up by runs, one page of each written, in a pool that has so much in use
/// besides.
class Filling {
 public:
  struct How {
    std::size_t page_size = sizing::Geometry::kDefaultPageSize;
    unsigned max_order = sizing::Geometry::kDefaultMaxOrder;
    CollapsePace* pace = nullptr;
    bool (*collapse)(void* memory, std::size_t size) noexcept = fake_collapse;
  };
  Filling(std::uint64_t in_use_elsewhere, const How& how)
      : elsewhere_(in_use_elsewhere),
        geometry_(how.page_size, how.max_order),
        arena_(geometry_, MemoryKind::direct, payload_.source(), map_, 0,
               {.now_ms = []() noexcept { return fake_now_ms.load(); },
                .in_use_elsewhere = &elsewhere_,
                .collapse = how.collapse,
                .now_us = []() noexcept { return fake.now_us; },
                .collapse_pace = how.pace}) {
    fake = {};
  }
  explicit Filling(std::uint64_t in_use_elsewhere) : Filling(in_use_elsewhere, How{}) {}
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
  /// Lets go of all, and takes as much again.
  void refill() {
    const std::size_t bytes = runs_.size() * kRun;
    while (!runs_.empty()) shrink();
    grow(bytes);
  }
  /// Grows until `huge_pages` were asked for. @returns to how many bytes; nothing beyond `most`.
  std::size_t grow_until(std::size_t huge_pages, std::size_t most) {
    while (fake.asked.size() < huge_pages && runs_.size() * kRun < most) grow(kRun);
    return fake.asked.size() < huge_pages ? 0 : runs_.size() * kRun;
  }
  /// Where a huge page lies in the chunk.
  [[nodiscard]] std::byte* huge_page(std::size_t number) const {
    return runs_.front()->data + number * kHuge;
  }
  /// Bytes of the chunk that are resident, between two places.
  [[nodiscard]] std::size_t resident(std::size_t from, std::size_t to) const {
    return resident_pages(runs_.front()->data + from, to - from) * platform::system_page_size();
  }
  [[nodiscard]] const std::vector<Region*>& runs() const { return runs_; }
  [[nodiscard]] Arena& arena() { return arena_; }

 private:
  sync::Counter elsewhere_;
  test::FakeMemory payload_;
  sizing::Geometry geometry_;
  ChunkMap map_{geometry_.chunk_size()};
  Arena arena_;
  std::vector<Region*> runs_;
};

TEST(ArenaCollapse, AHugePageComesWhenASixteenthOfWhatIsInUseIsFree) {
  Filling chunk(8 * kMiB);
  // 2 MiB less x with x = (8 MiB + 2 MiB - x) / 16 is 1.41 MiB.
  const std::size_t first = chunk.grow_until(1, kChunk);
  EXPECT_EQ(first, 1472 * kKiB);
  EXPECT_EQ(fake.asked, (std::vector{chunk.huge_page(0)}));
  // 4 MiB less (8 MiB + 4 MiB - x) / 16 is 3.29 MiB.
  EXPECT_EQ(chunk.grow_until(2, kChunk), 3392 * kKiB);
  EXPECT_EQ(fake.asked, (std::vector{chunk.huge_page(0), chunk.huge_page(1)})) << "one at a time";
}

TEST(ArenaCollapse, AHalfOfItIsNeverFree) {
  Filling chunk(1024 * kMiB);
  EXPECT_EQ(chunk.grow_until(1, kChunk), kHuge / 2);
  EXPECT_EQ(chunk.grow_until(2, kChunk), kHuge + kHuge / 2);
}

TEST(ArenaCollapse, ASmallPoolsChunksGetNone) {
  Filling chunk(8 * kMiB - kChunk);
  EXPECT_EQ(chunk.grow_until(1, kChunk), kChunk) << "with all of it 8 MiB are in use";
}

TEST(ArenaCollapse, ASmallChunkGetsNone) {
  Filling chunk(64 * kMiB, {.max_order = 7});
  chunk.grow(4 * kMiB);
  EXPECT_TRUE(fake.asked.empty());
}

TEST(ArenaCollapse, APageThatIsLargerGetsNone) {
  Filling chunk(1024 * kMiB, {.page_size = 2 * kHuge, .max_order = 1});
  chunk.grow(4 * kHuge);
  EXPECT_TRUE(fake.asked.empty());
}

TEST(ArenaCollapse, WhatComesInWithAHugePageIsDirty) {
  Filling chunk(1024 * kMiB);
  chunk.grow(kHuge / 2 - kRun);
  ASSERT_EQ(chunk.arena().stats().dirty_bytes, 0U);
  chunk.grow(kRun);
  ASSERT_EQ(fake.asked.size(), 1U);
  EXPECT_EQ(chunk.arena().stats().dirty_bytes, kHuge / 2);
}

TEST(ArenaCollapse, NothingIsDirtyWhereNoneHasCome) {
  Filling chunk(1024 * kMiB);
  fake.refuses = true;
  chunk.grow(kHuge / 2);
  ASSERT_EQ(fake.asked.size(), 1U);
  EXPECT_EQ(chunk.arena().stats().dirty_bytes, 0U);
}

// The system takes long enough for all free pages to be purged, and to be brought in after that.
TEST(ArenaCollapse, WhatIsPurgedMeanwhileIsDirtyAgain) {
  static Arena* arena;
  Filling chunk(1024 * kMiB);
  arena = &chunk.arena();
  fake.meanwhile = [] { arena->release_unused(); };
  chunk.grow(kHuge / 2);
  ASSERT_EQ(fake.asked.size(), 1U);
  EXPECT_EQ(chunk.arena().stats().dirty_bytes, kHuge / 2);
  chunk.arena().release_unused();
  EXPECT_EQ(chunk.arena().stats().dirty_bytes, 0U);
}

TEST(ArenaCollapse, AHugePageComesOnceInAChunksLife) {
  Filling chunk(64 * kMiB);
  chunk.grow(kChunk);
  ASSERT_EQ(fake.asked.size(), 2U);
  chunk.refill();
  EXPECT_EQ(fake.asked.size(), 2U);
}

TEST(ArenaCollapse, OthersAreServedMeanwhile) {
  static Arena* arena;
  Filling chunk(64 * kMiB);
  arena = &chunk.arena();
  fake.meanwhile = [] { std::thread([] { static_cast<void>(arena->stats()); }).join(); };
  EXPECT_NE(chunk.grow_until(1, kChunk), 0U);
}

TEST(ArenaCollapse, WhatThePoolSpendsOnItIsBounded) {
  CollapsePace pace;
  // 4 chunks of 16 MiB: 32 huge pages, of which 9 MiB make up a burst and one.
  Filling chunks(64 * kMiB, {.max_order = 11, .pace = &pace});
  fake.takes_us = 900;
  chunks.grow(64 * kMiB);
  ASSERT_EQ(fake.asked.size(), 9U);
  chunks.grow(kRun);
  EXPECT_EQ(fake.asked.size(), 9U);
  // 9 * 900 are 100 more than a burst, and that is paid for in 50 times as long. Then those come
  // that were put off, where memory is taken.
  fake_now_ms += 5;
  chunks.shrink();
  chunks.shrink();
  chunks.grow(kRun);
  EXPECT_EQ(fake.asked.size(), 10U);
  chunks.grow(kRun);
  EXPECT_EQ(fake.asked.size(), 10U);
}

TEST(ArenaCollapse, ARefusalEndsTheTurn) {
  CollapsePace pace;
  Filling chunk(64 * kMiB, {.pace = &pace});
  fake.refuses = true;
  chunk.grow(kChunk);
  EXPECT_EQ(fake.asked.size(), 2U);
}

TEST(ArenaCollapse, AfterASlowOneThereIsALongRest) {
  CollapsePace pace;
  Filling chunk(64 * kMiB, {.pace = &pace});
  fake.takes_us = 5000;
  chunk.grow(kChunk);
  ASSERT_EQ(fake.asked.size(), 1U);
  fake_now_ms += 4500;
  chunk.shrink();
  chunk.grow(kRun);
  EXPECT_EQ(fake.asked.size(), 1U);
  fake_now_ms += 200;
  chunk.shrink();
  chunk.grow(kRun);
  EXPECT_EQ(fake.asked.size(), 2U);
}

TEST(ArenaCollapse, TheSystemsHugePagesLieWhereMemoryIsUsed) {
  if (!test::can_collapse()) GTEST_SKIP() << "this system has no huge pages to give";
  Filling chunk(64 * kMiB, {.collapse = platform::collapse});
  chunk.grow(kHuge / 2 - kRun);
  EXPECT_LT(chunk.resident(0, kHuge), kHuge / 8);
  chunk.grow(kRun);
  EXPECT_EQ(chunk.resident(0, kHuge), kHuge);
  EXPECT_EQ(chunk.resident(kHuge, kChunk), 0U) << "that nobody has used yet";
  chunk.grow(kHuge);
  EXPECT_EQ(chunk.resident(0, kChunk), kChunk);
  for (const Region* const run : chunk.runs()) EXPECT_EQ(run->data[0], std::byte{0xEE});
}

}  // namespace
}  // namespace tarn::pool
