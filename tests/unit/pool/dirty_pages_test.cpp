// SPDX-License-Identifier: Apache-2.0
// Tests of DirtyPages. Layer: pool.
#include "pool/dirty_pages.hpp"

#include <gtest/gtest.h>

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

  Ranges age() {
    Ranges ranges;
    dirty.age([&](std::size_t page, std::size_t pages) { ranges.emplace_back(page, pages); });
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
  EXPECT_EQ(f.age(), (Ranges{{0, 2}, {5, 3}}));
}

TEST(DirtyPages, JoinsRangesAcrossWords) {
  Fixture f(256);
  f.dirty.give(60, 140);
  f.dirty.give(255, 1);
  EXPECT_EQ(f.age(), Ranges{});
  EXPECT_EQ(f.age(), (Ranges{{60, 140}, {255, 1}}));
}

// Goal: exactly the pages that were free at two ages in a row, and never taken between, are purged.
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
    switch (random() % 4) {
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
      default:
        std::vector<int> purged(kPages, 0);
        for (const auto& [first, count] : f.age()) {
          ASSERT_GT(count, 0U);
          for (std::size_t i = first; i < first + count; ++i) ++purged[i];
        }
        for (std::size_t i = 0; i < kPages; ++i) {
          ASSERT_EQ(purged[i], age[i] == 2 ? 1 : 0) << "page " << i << ", step " << step;
          age[i] = age[i] == 1 ? 2 : 0;
        }
    }
    for (std::size_t i = 0; i < kPages; ++i) ASSERT_EQ(f.dirty.is_dirty(i), age[i] != 0);
  }
}

}  // namespace
}  // namespace tarn::pool
