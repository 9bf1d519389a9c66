// SPDX-License-Identifier: Apache-2.0
// Free runs by class and offset, against std::set and Netty's IntPriorityQueueTest.
#include "pool/run_set.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>
#include <vector>

#include "support/pool_parts.hpp"

namespace tarn::pool {
namespace {

/// A RunSet with bitmaps of its own.
class OwnRunSet {
 public:
  OwnRunSet(std::size_t pages, std::size_t classes)
      : storage_(RunSet::footprint(pages, classes)),
        set_(static_cast<std::uint64_t*>(storage_.get()), pages, classes) {}
  RunSet& operator*() { return set_; }
  RunSet* operator->() { return &set_; }

 private:
  test::Storage storage_;
  RunSet set_;
};

std::uint32_t poll(RunSet& set, std::size_t page_class) {
  const std::uint32_t page = set.lowest(page_class);
  if (page != RunSet::kNone) set.erase(page_class, page);
  return page;
}

// IntPriorityQueueTest.mustThrowWhenAddingNoValue: there the "no value" is -1, here kNone.
TEST(RunSetDeathTest, RefusesWhatIsNoPage) {
  OwnRunSet set(100, 4);
  EXPECT_DEATH(set->insert(0, RunSet::kNone), "page < page_count_");
  EXPECT_DEATH(set->insert(0, 100), "page < page_count_");
  EXPECT_DEATH(set->insert(4, 0), "page_class < class_count_");
  EXPECT_DEATH(set->erase(4, 0), "page_class < class_count_");
}

// IntPriorityQueueTest.mustReturnNoValueWhenQueueIsEmpty.
TEST(RunSet, AnEmptyClassHasNoLowestPage) {
  OwnRunSet set(512, 32);
  EXPECT_TRUE(set->empty());
  EXPECT_EQ(set->lowest(0), RunSet::kNone);
  EXPECT_EQ(set->first_class(0), RunSet::kMaxClasses);
  set->insert(3, 511);
  EXPECT_EQ(poll(*set, 3), 511U);
  EXPECT_EQ(poll(*set, 3), RunSet::kNone);
  EXPECT_TRUE(set->empty());
}

// IntPriorityQueueTest.mustRetrieveSmallestValue, mustReturnItemsInOrder.
TEST(RunSet, PagesComeInAscendingOrder) {
  OwnRunSet set(16384, 52);
  const std::array<std::uint32_t, 9> pages{5, 16383, 64, 0, 4095, 63, 4096, 8192, 1};
  for (const std::uint32_t page : pages) set->insert(7, page);
  std::uint32_t before = poll(*set, 7);
  EXPECT_EQ(before, 0U);
  for (std::size_t i = 1; i < pages.size(); ++i) {
    const std::uint32_t page = poll(*set, 7);
    EXPECT_GT(page, before);
    before = page;
  }
  EXPECT_EQ(before, 16383U);
  EXPECT_TRUE(set->empty());
}

// IntPriorityQueueTest.internalRemoveOfAllElements, internalRemoveMustPreserveOrder.
TEST(RunSet, AnyPageCanBeErasedAndTheOrderStays) {
  OwnRunSet set(512, 8);
  for (const std::uint32_t page : {10U, 200U, 300U, 400U, 500U}) set->insert(2, page);
  set->erase(2, 300);
  set->erase(2, 10);
  EXPECT_FALSE(set->contains(2, 300));
  EXPECT_EQ(poll(*set, 2), 200U);
  EXPECT_EQ(poll(*set, 2), 400U);
  EXPECT_EQ(poll(*set, 2), 500U);
  EXPECT_EQ(poll(*set, 2), RunSet::kNone);
}

// Where Netty's queue holds duplicates, a run that is free twice is a broken chunk.
TEST(RunSetDeathTest, NoRunIsFreeTwiceOrErasedTwice) {
  OwnRunSet set(512, 8);
  set->insert(2, 7);
  EXPECT_DEATH(set->insert(2, 7), "word");
  set->erase(2, 7);
  EXPECT_DEATH(set->erase(2, 7), "word");
}

TEST(RunSet, ClassesAreApart) {
  OwnRunSet set(512, 32);
  set->insert(31, 0);
  set->insert(4, 9);
  EXPECT_EQ(set->first_class(0), 4U);
  EXPECT_EQ(set->first_class(4), 4U);
  EXPECT_EQ(set->first_class(5), 31U);
  EXPECT_EQ(set->first_class(32), RunSet::kMaxClasses);
  EXPECT_EQ(set->first_class(RunSet::kMaxClasses), RunSet::kMaxClasses);
  set->erase(4, 9);
  EXPECT_EQ(set->first_class(0), 31U);
}

// Goal: the set is a set, with every query right. Method: random insertions and removals against
// std::set, every structure audited after each, for sizes around words and summary words.
TEST(RunSet, IsASortedSet) {
  constexpr std::array<std::pair<std::size_t, std::size_t>, 6> kSizes{
      {{1, 1}, {4, 4}, {63, 3}, {64, 18}, {512, 32}, {16384, 52}}};
  for (const auto& [pages, classes] : kSizes) {
    test::Random random;
    OwnRunSet set(pages, classes);
    std::vector<std::set<std::uint32_t>> model(classes);
    const std::size_t crowd = pages < 512 ? pages : 512;  // so that pages are met twice
    for (int step = 0; step < 2000; ++step) {
      const std::size_t c =
          random.below(classes < 5 ? classes : 5) * (classes < 5 ? 1 : 10) % classes;
      const auto page = static_cast<std::uint32_t>(random.below(crowd) * (pages / crowd));
      ASSERT_EQ(set->contains(c, page), model[c].contains(page));
      if (model[c].contains(page)) {
        set->erase(c, page);
        model[c].erase(page);
      } else {
        set->insert(c, page);
        model[c].insert(page);
      }
      if (step % (pages > 512 ? 50 : 1) == 0) set->audit();
      const auto from = static_cast<std::uint32_t>(random.below(pages));
      const auto next = model[c].lower_bound(from);
      ASSERT_EQ(set->lowest_from(c, from), next == model[c].end() ? RunSet::kNone : *next);
      // Among the pages whose word and place in it are both odd, or both even.
      const auto is_among = [](std::uint32_t p) { return (p / 64) % 2 == p % 2; };
      const auto pages_of = [](std::size_t w) { return 0x5555'5555'5555'5555U << (w % 2); };
      const auto among = std::find_if(next, model[c].end(), is_among);
      ASSERT_EQ(set->lowest_among(c, from, pages_of),
                among == model[c].end() ? RunSet::kNone : *among);
      ASSERT_EQ(set->lowest(c), model[c].empty() ? RunSet::kNone : *model[c].begin());
      const std::size_t wanted = random.below(classes);
      std::size_t first = wanted;
      while (first < classes && model[first].empty()) ++first;
      ASSERT_EQ(set->first_class(wanted), first == classes ? RunSet::kMaxClasses : first);
    }
  }
}

}  // namespace
}  // namespace tarn::pool
