// SPDX-License-Identifier: Apache-2.0
// Tests of DirtyPages. Layer: pool.
#include "pool/dirty_pages.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

namespace tarn::pool {
namespace {

using Ranges = std::vector<std::pair<std::size_t, std::size_t>>;

struct Fixture {
  explicit Fixture(std::size_t pages)
      : storage(DirtyPages::footprint(pages) / sizeof(std::uint64_t), ~std::uint64_t{0}),
        dirty(storage.data(), pages) {}

  /// Ranges that one age purges: at most `most` pages, at least `least` together.
  Ranges age(std::size_t most = 1000, std::size_t least = 1) {
    Ranges ranges;
    const std::size_t purged = dirty.age(most, least, [&](std::size_t page, std::size_t pages) {
      ranges.emplace_back(page, pages);
    });
    std::size_t sum = 0;
    for (const auto& [page, pages] : ranges) sum += pages;
    EXPECT_EQ(purged, sum);
    return ranges;
  }

  std::vector<std::uint64_t> storage;
  DirtyPages dirty;
};

TEST(DirtyPages, PurgesWhatStayedFreeForAWholeInterval) {
  Fixture f(128);
  EXPECT_EQ(f.age(), Ranges{});
  f.dirty.give(3, 4);
  EXPECT_EQ(f.age(), Ranges{}) << "freed within this interval";
  f.dirty.give(10, 1);
  EXPECT_EQ(f.age(), (Ranges{{3, 4}}));
  EXPECT_EQ(f.age(), (Ranges{{10, 1}}));
  EXPECT_EQ(f.age(), Ranges{}) << "each is purged once";
}

TEST(DirtyPages, SparesWhatIsTakenAgain) {
  Fixture f(64);
  f.dirty.give(0, 8);
  EXPECT_EQ(f.age(), Ranges{});
  f.dirty.take(2, 3);
  EXPECT_FALSE(f.dirty.is_dirty(2));
  EXPECT_TRUE(f.dirty.is_dirty(1));
  EXPECT_EQ(f.age(), (Ranges{{5, 3}, {0, 2}}));
}

TEST(DirtyPages, ARangeIsDirtyWhenAllOfItIsOfWhicheverAge) {
  Fixture f(256);
  f.dirty.give(60, 70);  // three words
  EXPECT_EQ(f.age(), Ranges{});
  f.dirty.give(130, 3);
  EXPECT_TRUE(f.dirty.are_dirty(60, 73)) << "old ones and fresh ones";
  EXPECT_TRUE(f.dirty.are_dirty(64, 64));
  EXPECT_TRUE(f.dirty.are_dirty(132, 1));
  EXPECT_FALSE(f.dirty.are_dirty(59, 2));
  EXPECT_FALSE(f.dirty.are_dirty(132, 2));
  f.dirty.take(100, 1);
  EXPECT_FALSE(f.dirty.are_dirty(60, 73)) << "a gap within";
  EXPECT_TRUE(f.dirty.are_dirty(60, 40));
  EXPECT_TRUE(f.dirty.are_dirty(101, 32));
  EXPECT_EQ(f.dirty.bits_of(0), 0xF000'0000'0000'0000U);
  EXPECT_EQ(f.dirty.bits_of(1), ~(std::uint64_t{1} << (100 - 64)));
  EXPECT_EQ(f.dirty.bits_of(2), 0b11111U) << "of both ages";
  EXPECT_EQ(f.dirty.bits_of(3), 0U);
}

TEST(DirtyPages, JoinsRangesAcrossWords) {
  Fixture f(256);
  f.dirty.give(60, 140);
  f.dirty.give(255, 1);
  EXPECT_EQ(f.age(), Ranges{});
  EXPECT_EQ(f.age(), (Ranges{{255, 1}, {60, 140}}));
}

TEST(DirtyPages, PurgesTheHighestWhenNotAllHaveTo) {
  Fixture f(256);
  f.dirty.give(60, 10);
  f.dirty.give(120, 10);
  EXPECT_EQ(f.age(0), Ranges{});
  f.dirty.give(200, 1);
  EXPECT_EQ(f.age(0), Ranges{});
  EXPECT_EQ(f.age(13), (Ranges{{200, 1}, {120, 10}, {68, 2}}));
  EXPECT_EQ(f.dirty.count(), 8U);
  EXPECT_EQ(f.age(3), (Ranges{{65, 3}})) << "what was left is old still";
  EXPECT_EQ(f.age(), (Ranges{{60, 5}}));
}

TEST(DirtyPages, LeavesRangesThatAreTooShort) {
  Fixture f(256);
  f.dirty.give(61, 4);  // across words
  f.dirty.give(100, 3);
  f.dirty.give(110, 8);
  f.dirty.give(253, 3);
  EXPECT_EQ(f.age(1000, 4), Ranges{});
  EXPECT_EQ(f.age(1000, 5), (Ranges{{110, 8}}));
  f.dirty.give(120, 9);
  EXPECT_EQ(f.age(1000, 4), (Ranges{{61, 4}})) << "what was given just now is too young";
  EXPECT_EQ(f.age(3, 4), Ranges{}) << "a part that is too short is left as well";
  EXPECT_EQ(f.age(5, 4), (Ranges{{124, 5}}));
  EXPECT_EQ(f.dirty.count(), 10U);
  EXPECT_EQ(f.age(), (Ranges{{253, 3}, {120, 4}, {100, 3}})) << "they were old all the while";
}

// Goal: exactly the pages that were free at two ages in a row, and never taken between, are purged,
// where enough of them lie together.
// Method: random runs against two bits a page.
TEST(DirtyPages, AgreesWithTwoBitsAPage) {
  constexpr std::size_t kPages = 200;
  std::minstd_rand random(static_cast<unsigned>(testing::UnitTest::GetInstance()->random_seed()) +
                          1);
  Fixture f(kPages);
  std::vector<int> age(kPages, 0);  // 0 used or purged, 1 fresh, 2 old
  for (int step = 0; step < 5000; ++step) {
    const std::size_t page = random() % kPages;
    const std::size_t pages = 1 + random() % (kPages - page);
    ASSERT_EQ(f.dirty.are_dirty(page, pages),
              std::all_of(age.begin() + static_cast<std::ptrdiff_t>(page),
                          age.begin() + static_cast<std::ptrdiff_t>(page + pages),
                          [](int is) { return is != 0; }));
    switch (random() % 5) {
      case 0:
        // Only what is used can be given.
        f.dirty.take(page, pages);
        f.dirty.give(page, pages);
        for (std::size_t i = page; i < page + pages; ++i) age[i] = 1;
        break;
      case 1:
      case 2:
        f.dirty.take(page, pages);
        for (std::size_t i = page; i < page + pages; ++i) age[i] = 0;
        break;
      case 3:
        f.dirty.bring_in(page, pages);
        for (std::size_t i = page; i < page + pages; ++i) age[i] = age[i] == 0 ? 1 : age[i];
        break;
      default:
        std::vector<int> purged(kPages, 0);
        const std::size_t most = random() % (2 * kPages);
        const std::size_t least = random() % 6;
        std::size_t left = most;
        std::size_t last = kPages;
        for (const auto& [first, count] : f.age(most, least)) {
          ASSERT_LT(first + count, last + (last == kPages ? 1 : 0)) << "whole ranges, falling";
          last = first;
          ASSERT_GT(count, 0U);
          for (std::size_t i = first; i < first + count; ++i) ++purged[i];
        }
        for (std::size_t end = kPages; end > 0;) {
          std::size_t begin = end;
          while (begin > 0 && age[begin - 1] == 2) --begin;
          const std::size_t going = std::min(end - begin, left);
          const bool goes = going != 0 && going >= least;
          for (std::size_t i = begin; i < end; ++i) {
            const bool gone = goes && i >= end - going;
            ASSERT_EQ(purged[i], gone ? 1 : 0) << "page " << i << ", step " << step;
            if (gone) age[i] = 0;
          }
          if (goes) left -= going;
          if (begin > 0) {
            --begin;
            ASSERT_EQ(purged[begin], 0) << "page " << begin << ", step " << step;
            if (age[begin] != 0) age[begin] = 2;
          }
          end = begin;
        }
    }
    std::size_t dirty = 0;
    for (std::size_t i = 0; i < kPages; ++i) {
      ASSERT_EQ(f.dirty.is_dirty(i), age[i] != 0);
      if (age[i] != 0) ++dirty;
    }
    ASSERT_EQ(f.dirty.count(), dirty);
  }
}

}  // namespace
}  // namespace tarn::pool
