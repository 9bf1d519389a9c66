// SPDX-License-Identifier: Apache-2.0
// Tests of slots and their state. Layer: recycler.
#include "tarn/detail/recycler/slot.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "support/sanitizers.hpp"

namespace tarn::recycler {
namespace {

// S4-36.
TEST(SlotState, LetsOneRecycleThrough) {
  SlotState state;
  EXPECT_TRUE(state.recycle_guarded());
  EXPECT_TRUE(state.is_waiting());
  EXPECT_FALSE(state.recycle_guarded());
  EXPECT_FALSE(state.recycle_unguarded());
  EXPECT_TRUE(state.take());
  EXPECT_FALSE(state.take());
  EXPECT_TRUE(state.recycle_unguarded());
  EXPECT_FALSE(state.recycle_unguarded());
}

// S4-36: N racing recyclers, N - 1 refusals. Threads that go along one row of states meet at many
// of them: whoever is behind finds the states that it reads in the other's cache, and catches up.
TEST(SlotState, LetsExactlyOneOfRacingGuardedRecyclesThrough) {
  constexpr int kThreads = 4;
  constexpr std::size_t kStates = 20'000;
  for (int round = 0; round < 30; ++round) {
    std::vector<SlotState> states(kStates);
    std::vector<std::atomic<int>> passed(kStates);
    std::atomic<int> ready{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        ++ready;
        while (ready < kThreads) std::this_thread::yield();
        for (std::size_t at = 0; at < kStates; ++at) {
          if (states[at].recycle_guarded()) ++passed[at];
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const std::atomic<int>& times : passed) ASSERT_EQ(times, 1);
  }
}

TEST(SlotLayout, AlignsTheObjectAndLeadsBackToItsSlot) {
  for (const bool checked : {false, true}) {
    for (const std::size_t alignment : {1U, 8U, 16U, 64U, 256U}) {
      const SlotLayout layout = SlotLayout::of(100, alignment, checked);
      void* const object = layout.allocate(nullptr, checked);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(object) % alignment, 0U);
      EXPECT_EQ(object_of(slot_of(object)), object);
      EXPECT_EQ(slot_of(object)->next, nullptr);
      if (checked) {
        EXPECT_FALSE(state_of(object).is_waiting());
      }
      layout.deallocate(object);
    }
  }
}

TEST(SlotLayout, UncheckedSlotsCarryNoState) {
  EXPECT_LT(SlotLayout::of(64, 8, false).size, SlotLayout::of(64, 8, true).size);
}

TEST(SlotList, LinksTheNewestInFront) {
  Slot slots[3] = {};
  SlotList list;
  for (Slot& slot : slots) list.push(&slot);
  EXPECT_EQ(list.count, 3U);
  EXPECT_EQ(list.first, &slots[2]);
  EXPECT_EQ(slots[2].next, &slots[1]);
  EXPECT_EQ(slots[0].next, nullptr);
}

TEST(IsSame, ComparesWithWhatIsStored) {
  int objects[2];
  int* stored = &objects[0];
  EXPECT_TRUE(is_same(&objects[0], stored));
  EXPECT_FALSE(is_same(&objects[1], stored));
  stored = nullptr;
  EXPECT_FALSE(is_same(&objects[0], stored));
  EXPECT_TRUE(is_same(static_cast<int*>(nullptr), stored));
}

// The first that is read of an object by its handle.
TEST(IsSameDeathTest, IsSeenByASanitizer) {
  if (TARN_UNDER_ASAN == 0) GTEST_SKIP() << "nobody is looking";
  auto stored = std::make_unique<int*>(nullptr);
  int** const gone = stored.get();
  stored.reset();
  EXPECT_DEATH(static_cast<void>(is_same(static_cast<int*>(nullptr), *gone)), "use-after-free");
}

}  // namespace
}  // namespace tarn::recycler
