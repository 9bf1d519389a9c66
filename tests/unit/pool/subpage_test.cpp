// SPDX-License-Identifier: Apache-2.0
// Which slot is handed out when, and what stays untouched.
#include "pool/subpage.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <vector>

#include "support/pool_parts.hpp"

namespace tarn::pool {
namespace {

constexpr std::size_t kSlotSize = 48;

/// A subpage over memory that nobody reads.
class OwnSubpage {
 public:
  explicit OwnSubpage(std::uint32_t slots, std::size_t capacity = 0)
      : memory_(slots * kSlotSize),
        storage_(Subpage::footprint(std::bit_ceil(capacity != 0 ? capacity : slots))),
        subpage_(
            Subpage::lay_out(storage_.get(), std::bit_ceil(capacity != 0 ? capacity : slots))) {
    start(slots);
  }
  void start(std::uint32_t slots, std::size_t slot_size = kSlotSize) {
    subpage_->start({.size_class = sizing::SizeClass{2},
                     .memory_kind = MemoryKind::direct,
                     .slot_count = slots,
                     .slot_size = slot_size},
                    nullptr, 0, memory_.data());
  }
  Subpage* operator->() { return subpage_; }

  /// Takes up to `count`; returns the slots in the order of the list.
  std::vector<std::size_t> take(std::size_t count) {
    RegionList list;
    EXPECT_EQ(subpage_->take(list, count), list.count);
    std::vector<std::size_t> slots;
    for (const Region* region = list.first; region != nullptr; region = next_region(region)) {
      EXPECT_TRUE(subpage_->is_live(region));
      EXPECT_EQ(region->refs.load_relaxed(), 0U);
      EXPECT_EQ(region->size_class, 2U);
      EXPECT_EQ(region->kind, RegionKind::pooled);
      EXPECT_EQ(region->memory_kind, MemoryKind::direct);
      slots.push_back(static_cast<std::size_t>(region->data - memory_.data()) /
                      subpage_->slot_size());
      EXPECT_EQ(region, subpage_->regions() + slots.back());
    }
    EXPECT_EQ(slots.size(), list.count);
    return slots;
  }
  void give(std::size_t slot) {
    ASSERT_TRUE(subpage_->try_give(subpage_->regions() + slot)) << "slot " << slot;
  }

 private:
  std::vector<std::byte> memory_;
  test::Storage storage_;
  Subpage* subpage_;
};

using Slots = std::vector<std::size_t>;

TEST(Subpage, HandsOutTheLowestSlotsInAddressOrder) {
  OwnSubpage subpage(70);
  EXPECT_EQ(subpage.take(3), (Slots{0, 1, 2}));
  EXPECT_EQ(subpage.take(1), (Slots{3}));
  EXPECT_EQ(subpage.take(100).size(), 66U);
  EXPECT_TRUE(subpage->is_full());
  EXPECT_EQ(subpage.take(1), Slots{});
  for (const std::size_t slot : {69U, 5U, 64U, 63U}) subpage.give(slot);
  EXPECT_EQ(subpage.take(3), (Slots{5, 63, 64}));
  EXPECT_EQ(subpage.take(3), (Slots{69}));
  subpage->audit();
}

// Netty's nextAvail: last in, first out, one deep.
TEST(Subpage, ASingleTakeGetsTheSlotThatWasFreedLast) {
  OwnSubpage subpage(8);
  subpage.take(8);
  subpage.give(1);
  subpage.give(6);
  EXPECT_EQ(subpage.take(1), (Slots{6}));
  EXPECT_EQ(subpage.take(1), (Slots{1}));
}

TEST(Subpage, ABatchForgetsTheHint) {
  OwnSubpage subpage(8);
  subpage.take(8);
  subpage.give(1);
  subpage.give(2);
  subpage.give(6);
  EXPECT_EQ(subpage.take(2), (Slots{1, 2}));
  subpage->audit();
  EXPECT_EQ(subpage.take(1), (Slots{6}));
}

TEST(Subpage, OnlyATakenSlotIsLive) {
  OwnSubpage subpage(4);
  subpage.take(4);
  Region* const region = subpage->regions() + 2;
  EXPECT_TRUE(subpage->is_live(region));
  subpage.give(2);
  EXPECT_FALSE(subpage->is_live(region));
  EXPECT_FALSE(subpage->is_live(subpage->regions() + 4));
  EXPECT_FALSE(subpage->is_live(subpage->regions() - 1));
  Region stranger;
  stranger.data = subpage->regions()[1].data;
  EXPECT_FALSE(subpage->is_live(&stranger));
}

// A free slot's control block is not even written: a subpage of 512 slots of which one is used
// costs one system page of metadata, not four.
TEST(Subpage, LeavesControlBlocksOfUnusedSlotsAlone) {
  OwnSubpage subpage(512);
  subpage.take(5);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_NE(subpage->regions()[i].data, nullptr);
  for (std::size_t i = 5; i < 512; ++i) EXPECT_EQ(subpage->regions()[i].data, nullptr);
}

TEST(Subpage, ANewLifeHasNothingOfTheOldOne) {
  OwnSubpage subpage(8);
  subpage.take(8);
  for (std::size_t slot = 8; slot-- > 0;) subpage.give(slot);
  EXPECT_TRUE(subpage->is_empty());
  subpage.start(6, 64);
  subpage->audit();
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(subpage->regions()[i].data, nullptr);
  EXPECT_EQ(subpage.take(10), (Slots{0, 1, 2, 3, 4, 5}));
  subpage->audit();
}

TEST(SubpageDeathTest, NoNewLifeWhileASlotIsTaken) {
  OwnSubpage subpage(8);
  subpage.take(1);
  EXPECT_DEATH(subpage.start(8), "is_empty");
}

TEST(SubpageDeathTest, MoreSlotsThanCapacityAreRefused) {
  OwnSubpage subpage(8);
  EXPECT_DEATH(subpage.start(9), "capacity");
}

// Goal: a live slot is never handed out again, and none is lost. Method: random takes, alone and in
// batches, and returns, against a vector of flags; everything audited after each.
TEST(Subpage, NeverHandsOutALiveSlot) {
  for (const std::uint32_t slots : {2U, 3U, 37U, 64U, 65U, 128U, 170U, 512U}) {
    test::Random random(slots);
    OwnSubpage subpage(slots, slots + random.below(2));
    std::vector<bool> live(slots, false);
    std::size_t live_count = 0;
    std::size_t last_freed = slots;
    for (int step = 0; step < 1500; ++step) {
      const std::size_t victim = random.below(slots);
      if (live[victim] && !random.one_in(3)) {
        subpage.give(victim);
        live[victim] = false;
        --live_count;
        last_freed = victim;
      } else {
        const std::size_t wanted = 1 + random.below(random.one_in(4) ? slots : 2);
        const Slots taken = subpage.take(wanted);
        ASSERT_EQ(taken.size(), std::min(wanted, slots - live_count));
        Slots expected;
        if (taken.size() == 1 && last_freed != slots) {
          expected = {last_freed};
        } else {
          for (std::size_t i = 0; expected.size() < taken.size(); ++i) {
            if (!live[i]) expected.push_back(i);
          }
        }
        ASSERT_EQ(taken, expected) << "step " << step << " of " << slots;
        for (const std::size_t slot : taken) live[slot] = true;
        live_count += taken.size();
        // A take of nothing, from a full subpage, had no hint to forget.
        last_freed = slots;
      }
      ASSERT_EQ(subpage->free_count(), slots - live_count);
      ASSERT_EQ(subpage->is_full(), live_count == slots);
      ASSERT_EQ(subpage->is_empty(), live_count == 0);
      subpage->audit();
    }
  }
}

TEST(SubpageList, IsAStackWithRemovalAnywhere) {
  OwnSubpage a(4);
  OwnSubpage b(4);
  OwnSubpage c(4);
  SubpageList list;
  EXPECT_EQ(list.first(), nullptr);
  list.push_front(a.operator->());
  EXPECT_TRUE(list.is_only(a.operator->()));
  list.push_front(b.operator->());
  list.push_front(c.operator->());
  EXPECT_EQ(list.first(), c.operator->());
  EXPECT_FALSE(list.is_only(c.operator->()));
  list.remove(b.operator->());
  list.remove(c.operator->());
  EXPECT_TRUE(list.is_only(a.operator->()));
  list.remove(a.operator->());
  EXPECT_EQ(list.first(), nullptr);
}

}  // namespace
}  // namespace tarn::pool
