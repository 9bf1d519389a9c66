// SPDX-License-Identifier: Apache-2.0
// Tests of ReturnBox. Layer: recycler.
#include "recycler/return_box.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace tarn::recycler {
namespace {

std::size_t length(const Slot* slot) {
  std::size_t count = 0;
  for (; slot != nullptr; slot = slot->next) ++count;
  return count;
}

/// An object with its slot in front.
struct Stub {
  Slot slot{};
  std::uint64_t object = 0;
};

/// What is taken out of cells, and how many of it were marked.
struct Taken {
  std::vector<void*> objects;
  std::size_t marked = 0;

  void operator()(Returned returned) {
    objects.push_back(returned.object());
    marked += returned.is_marked() ? 1U : 0U;
  }
};

// S4-7, S4-13: blocking or not, the same.
TEST(ReturnBox, KeepsItsBoundBlockingOrNot) {
  for (const bool blocking : {false, true}) {
    SCOPED_TRACE(blocking);
    ReturnBox box(2, blocking);
    Stub stubs[4] = {};
    EXPECT_EQ(box.put(&stubs[0].slot), PutResult::stored);
    EXPECT_EQ(box.put(&stubs[1].slot), PutResult::stored);
    EXPECT_EQ(box.put(&stubs[2].slot), PutResult::full);
    EXPECT_EQ(box.waiting(), 2U);
    Taken cells;
    box.take_cells(9, std::ref(cells));
    const std::size_t listed = length(box.take_list());
    EXPECT_EQ(cells.objects.size(), blocking ? 0U : 1U);
    EXPECT_EQ(cells.objects.size() + listed, 2U);
    EXPECT_EQ(box.waiting(), listed) << "taken over, not forgotten";
    box.forget(listed);
    EXPECT_EQ(box.put(&stubs[2].slot), PutResult::stored);
    EXPECT_EQ(length(box.close(std::ref(cells))), blocking ? 1U : 0U);
    EXPECT_EQ(box.put(&stubs[3].slot), PutResult::closed);
    EXPECT_EQ(box.take_list(), nullptr);
    EXPECT_EQ(box.take_cells(9, std::ref(cells)), 0U);
    EXPECT_EQ(box.entered(), 3U);
  }
}

TEST(ReturnBox, PutsIntoTheListWhatCellsHaveNoRoomFor) {
  constexpr std::size_t kBound = 9;  // 4 cells, 5 in the list
  ReturnBox box(kBound, false);
  Stub stubs[kBound + 1] = {};
  for (std::size_t i = 0; i < kBound; ++i) {
    EXPECT_EQ(box.put(&stubs[i].slot), PutResult::stored);
    EXPECT_EQ(box.waiting(), i + 1);
  }
  EXPECT_EQ(box.put(&stubs[kBound].slot), PutResult::full);
  Taken cells;
  EXPECT_EQ(box.take_cells(3, std::ref(cells)), 3U) << "no more than asked for";
  EXPECT_EQ(cells.objects,
            (std::vector<void*>{&stubs[0].object, &stubs[1].object, &stubs[2].object}))
      << "the oldest first";
  EXPECT_EQ(cells.marked, 3U);
  EXPECT_EQ(length(box.take_list()), 5U);
  EXPECT_EQ(box.reserve(1), 0U) << "the list's part of the bound is used until it is forgotten";
  EXPECT_EQ(box.put(&stubs[kBound].slot), PutResult::stored);
  box.forget(5);
  EXPECT_EQ(box.reserve(9), 5U);
}

TEST(ReturnBox, PutsUnmarkedObjectsIntoCellsOnly) {
  ReturnBox box(4, false);
  Stub stubs[3] = {};
  EXPECT_EQ(box.put_unmarked(&stubs[0].object), PutResult::stored);
  EXPECT_EQ(box.put(&stubs[1].slot), PutResult::stored);
  EXPECT_EQ(box.put_unmarked(&stubs[2].object), PutResult::full);
  EXPECT_EQ(box.waiting(), 2U);
  Taken cells;
  EXPECT_EQ(box.take_cells(9, std::ref(cells)), 2U);
  EXPECT_EQ(cells.objects, (std::vector<void*>{&stubs[0].object, &stubs[1].object}));
  EXPECT_EQ(cells.marked, 1U);

  ReturnBox blocking(4, true);
  EXPECT_EQ(blocking.put_unmarked(&stubs[0].object), PutResult::full) << "it has no cells";
}

TEST(ReturnBox, MarksWhatIsUnmarkedAndTakesInNoMoreOfIt) {
  ReturnBox box(8, false);
  Stub stubs[5] = {};
  ASSERT_EQ(box.put_unmarked(&stubs[0].object), PutResult::stored);
  ASSERT_EQ(box.put(&stubs[1].slot), PutResult::stored);
  ASSERT_EQ(box.put_unmarked(&stubs[2].object), PutResult::stored);
  std::vector<void*> asked;
  box.end_unmarked([&](void* object) {
    asked.push_back(object);
    return object != &stubs[2].object;
  });
  EXPECT_EQ(asked, (std::vector<void*>{&stubs[0].object, &stubs[2].object}));
  EXPECT_NE(box.put_unmarked(&stubs[3].object), PutResult::stored);
  EXPECT_EQ(box.put(&stubs[4].slot), PutResult::stored);
  Taken cells;
  EXPECT_EQ(box.take_cells(9, std::ref(cells)), 4U);
  EXPECT_EQ(cells.marked, 3U) << "the one that mark() refused stays as it was";
}

TEST(ReturnBox, ShowsAllThatWaits) {
  ReturnBox box(4, false);
  Stub stubs[3] = {};
  ASSERT_EQ(box.put_unmarked(&stubs[0].object), PutResult::stored);
  ASSERT_EQ(box.put(&stubs[1].slot), PutResult::stored);
  ASSERT_EQ(box.put(&stubs[2].slot), PutResult::stored);
  Taken cells;
  std::vector<Slot*> listed;
  box.for_each(std::ref(cells), [&](Slot* slot) { listed.push_back(slot); });
  EXPECT_EQ(cells.objects, (std::vector<void*>{&stubs[0].object, &stubs[1].object}));
  EXPECT_EQ(listed, std::vector<Slot*>{&stubs[2].slot});
  EXPECT_EQ(box.waiting(), 3U);
}

}  // namespace
}  // namespace tarn::recycler
