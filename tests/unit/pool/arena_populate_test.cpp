// SPDX-License-Identifier: Apache-2.0
// Which fresh runs an arena populates at once.
#include <gtest/gtest.h>

#include <cstddef>
#include <vector>

#include "pool/arena.hpp"
#include "support/own_arena.hpp"
#include "support/resident_pages.hpp"
#include "tarn/detail/base/units.hpp"

namespace tarn::pool {
namespace {

using base::kKiB;
using base::kMiB;
using test::OwnArena;
using test::resident_pages;

constexpr std::size_t kSlot = 1280;          // bytes; 32 in a run
constexpr std::size_t kSlotRun = 40 * kKiB;  // bytes

/// Pages of the run that the first region of a new subpage lies in which are resident, though
/// nobody has written to them.
[[nodiscard]] std::size_t resident_of_a_new_run(OwnArena& own, std::size_t slot, std::size_t run) {
  const RegionList list = own.arena.take(OwnArena::class_for(slot), 1);
  const std::size_t pages = resident_pages(list.first->data, run);
  own.arena.give(list.first);
  return pages;
}

class ArenaPopulate : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::can_populate()) GTEST_SKIP() << "this kernel has no MADV_POPULATE_WRITE";
  }
  void TearDown() override {
    own.give(large);
    own.arena.audit();
  }
  /// Has so much in use, which nobody writes to.
  void use(std::size_t bytes) {
    for (Region* const region : own.take(kMiB, bytes / kMiB)) large.push_back(region);
  }

  OwnArena own;
  std::vector<Region*> large;
};

TEST_F(ArenaPopulate, AFreshRunOfSmallSlotsComesInAtOnce) {
  use(256 * kSlotRun);
  EXPECT_EQ(resident_of_a_new_run(own, kSlot, kSlotRun), kSlotRun / platform::system_page_size());
}

TEST_F(ArenaPopulate, SeveralRunsComeInTogether) {
  use(256 * kSlotRun);
  const std::vector<Region*> regions = own.take(kSlot, 64);
  EXPECT_EQ(resident_pages(regions.front()->data, 2 * kSlotRun),
            2 * kSlotRun / platform::system_page_size());
  own.give(regions);
}

TEST_F(ArenaPopulate, ARunThatIsMuchOfWhatIsInUseDoesNot) {
  use(256 * kSlotRun - kMiB);
  EXPECT_EQ(resident_of_a_new_run(own, kSlot, kSlotRun), 0U);
}

// A slot of more than a page may be used without being written to the end.
TEST_F(ArenaPopulate, ARunOfLargeSlotsDoesNot) {
  use(16 * kMiB);
  EXPECT_EQ(resident_of_a_new_run(own, 5 * kKiB, 40 * kKiB), 0U);
  EXPECT_EQ(resident_of_a_new_run(own, 20 * kKiB, 40 * kKiB), 0U);
  Region* const between = own.take(5 * kKiB);  // where those were
  EXPECT_EQ(resident_of_a_new_run(own, 4 * kKiB, 8 * kKiB), 2U);
  own.give(between);
}

// What was used before and is still there costs no page fault, and no system call here.
TEST_F(ArenaPopulate, ARunThatMayBeResidentIsLeftAlone) {
  use(256 * kSlotRun);
  Region* const run = own.take(kSlotRun);
  std::byte* const memory = run->data;
  own.give(run);
  Region* const slot = own.take(kSlot);
  ASSERT_EQ(slot->data, memory);
  EXPECT_EQ(resident_pages(memory, kSlotRun), 0U) << "never written to, but it could have been";
  own.give(slot);
}

TEST_F(ArenaPopulate, ADirtyRunIsLeftAlone) {
  use(256 * kSlotRun);
  const std::vector<Region*> runs = own.take(kSlotRun, 2);
  large.push_back(runs[1]);
  const std::byte* const place = runs[0]->data;
  own.give(runs[0]);
  const RegionList list = own.arena.take(OwnArena::class_for(kSlot), 1);
  EXPECT_EQ(list.first->data, place);
  EXPECT_EQ(resident_pages(list.first->data, kSlotRun), 0U);
  own.arena.give(list.first);
}
}  // namespace
}  // namespace tarn::pool
