// SPDX-License-Identifier: Apache-2.0
// Lists of regions, joined and cut: which regions they have then, in which order.
#include "pool/region_list.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace tarn::pool {
namespace {

using Regions = std::vector<const Region*>;

/// Six regions without memory.
class RegionListTest : public testing::Test {
 protected:
  /// A list of some of them, in this order.
  RegionList list_of(const std::vector<std::size_t>& places) {
    RegionList list;
    for (const std::size_t place : places) append(list, at(place));
    return list;
  }
  Region* at(std::size_t place) { return &regions_.at(place); }

  /// The regions of a null-terminated list.
  static Regions walk(const Region* first) {
    Regions all;
    for (; first != nullptr && all.size() < 10; first = next_region(first)) all.push_back(first);
    return all;
  }
  /// What a list has, after a look at its end and count.
  static Regions regions_of(const RegionList& list) {
    Regions all;
    for (const Region* region = list.first; all.size() < list.count; region = next_region(region)) {
      all.push_back(region);
    }
    EXPECT_EQ(list.last, all.empty() ? nullptr : all.back());
    return all;
  }

 private:
  std::array<Region, 6> regions_;
};

TEST_F(RegionListTest, AppendsBehindTheLast) {
  RegionList list;
  append(list, at(0));
  EXPECT_EQ(regions_of(list), (Regions{at(0)}));
  append(list, at(2));
  append(list, at(1));
  EXPECT_EQ(regions_of(list), (Regions{at(0), at(2), at(1)}));
  EXPECT_EQ(walk(list.first), regions_of(list)) << "null-terminated";
}

TEST_F(RegionListTest, PrependsInFrontOfTheFirst) {
  RegionList to = list_of({0, 1});
  prepend(RegionList{}, to);
  EXPECT_EQ(walk(to.first), (Regions{at(0), at(1)}));
  prepend(list_of({2}), to);
  prepend(list_of({4, 3}), to);
  EXPECT_EQ(walk(to.first), (Regions{at(4), at(3), at(2), at(0), at(1)}));
  EXPECT_EQ(to.count, 5U);
  EXPECT_EQ(to.last, at(1));
  RegionList empty;
  prepend(list_of({5, 0}), empty);
  EXPECT_EQ(walk(empty.first), (Regions{at(5), at(0)}));
  EXPECT_EQ(empty.count, 2U);
}

TEST_F(RegionListTest, CutsOffThoseThatAreLikeTheFirst) {
  at(2)->size_class = at(3)->size_class = 7;
  at(3)->memory_kind = MemoryKind::direct;
  at(4)->size_class = 7;
  Region* rest = list_of({0, 1, 2, 3, 4, 5}).first;
  EXPECT_EQ(regions_of(cut_like_ones(rest)), (Regions{at(0), at(1)}));
  EXPECT_EQ(regions_of(cut_like_ones(rest)), (Regions{at(2)})) << "the next is of another kind";
  EXPECT_EQ(regions_of(cut_like_ones(rest)), (Regions{at(3)}));
  EXPECT_EQ(regions_of(cut_like_ones(rest)), (Regions{at(4)}));
  EXPECT_EQ(rest, at(5));
  EXPECT_EQ(regions_of(cut_like_ones(rest)), (Regions{at(5)}));
  EXPECT_EQ(rest, nullptr);
}

TEST_F(RegionListTest, MovesWhatIsTooMuchToAnotherList) {
  for (const std::size_t keep : {0U, 1U, 3U}) {
    Region* to = list_of({5}).first;
    RegionList from = list_of({0, 1, 2, 3});
    move_past(from, keep, to);
    const Regions all{at(0), at(1), at(2), at(3)};
    const auto cut = all.begin() + static_cast<std::ptrdiff_t>(keep);
    EXPECT_EQ(regions_of(from), Regions(all.begin(), cut)) << keep;
    Regions moved(cut, all.end());
    moved.push_back(at(5));
    EXPECT_EQ(walk(to), moved) << keep;
  }
}

}  // namespace
}  // namespace tarn::pool
