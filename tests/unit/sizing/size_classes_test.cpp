// SPDX-License-Identifier: Apache-2.0
// Every size against the table that Netty computes, for several geometries.
#include "tarn/detail/sizing/size_classes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace tarn::sizing {
namespace {

struct SubpageRow {
  std::size_t size;
  std::size_t run_pages;
  std::size_t elements;
};

// NETTY.md 1.7a, page 8192: the small classes with the runs they are cut from.
constexpr SubpageRow kSmall[] = {
    {16, 1, 512},  {32, 1, 256},  {48, 3, 512},  {64, 1, 128},  {80, 5, 512},  {96, 3, 256},
    {112, 7, 512}, {128, 1, 64},  {160, 5, 256}, {192, 3, 128}, {224, 7, 256}, {256, 1, 32},
    {320, 5, 128}, {384, 3, 64},  {448, 7, 128}, {512, 1, 16},  {640, 5, 64},  {768, 3, 32},
    {896, 7, 64},  {1024, 1, 8},  {1280, 5, 32}, {1536, 3, 16}, {1792, 7, 32}, {2048, 1, 4},
    {2560, 5, 16}, {3072, 3, 8},  {3584, 7, 16}, {4096, 1, 2},  {5120, 5, 8},  {6144, 3, 4},
    {7168, 7, 8},  {8192, 1, 1},  {10240, 5, 4}, {12288, 3, 2}, {14336, 7, 4}, {16384, 2, 1},
    {20480, 5, 2}, {24576, 3, 1}, {28672, 7, 2}};

// The normal classes, up to a chunk of 4 MiB and on to one of 16 MiB.
constexpr std::size_t kNormal[] = {
    32768,   40960,   49152,   57344,    65536,    81920,    98304,   114688,  131072,  163840,
    196608,  229376,  262144,  327680,   393216,   458752,   524288,  655360,  786432,  917504,
    1048576, 1310720, 1572864, 1835008,  2097152,  2621440,  3145728, 3670016, 4194304, 5242880,
    6291456, 7340032, 8388608, 10485760, 12582912, 14680064, 16777216};

std::vector<std::size_t> all_sizes() {
  std::vector<std::size_t> sizes;
  for (const SubpageRow& row : kSmall) sizes.push_back(row.size);
  sizes.insert(sizes.end(), std::begin(kNormal), std::end(kNormal));
  return sizes;
}

SizeClass class_at(std::size_t index) { return SizeClass::from_index(index); }

constexpr Geometry kDefault;
static_assert(kDefault.page_size() == 8192 && kDefault.page_shift() == 13);
static_assert(kDefault.chunk_size() == 4 * base::kMiB && kDefault.chunk_pages() == 512);
static_assert(kDefault.class_count() == 68 && kDefault.small_count() == 39);
static_assert(kDefault.page_classes() == 32);

constexpr Geometry kLargeChunk{8192, 11};
static_assert(kLargeChunk.chunk_size() == 16 * base::kMiB);
static_assert(kLargeChunk.class_count() == 76 && kLargeChunk.small_count() == 39);
static_assert(kLargeChunk.page_classes() == 40);

constexpr Geometry kSmallPage{4096, 10};
static_assert(kSmallPage.chunk_size() == 4 * base::kMiB);
static_assert(kSmallPage.class_count() == 68 && kSmallPage.small_count() == 35);
static_assert(kSmallPage.page_classes() == 36);
static_assert(size_of(SizeClass{34}) == 14336);

/// All geometries whose chunks are at most 1 GiB.
std::vector<Geometry> all_geometries() {
  std::vector<Geometry> all;
  for (std::size_t page = 4096; page <= base::kGiB; page *= 2) {
    for (unsigned order = 0; Geometry::is_valid(page, order); ++order)
      all.emplace_back(page, order);
  }
  return all;
}

// PoolArenaTest.testSizeIdx2size.
TEST(SizeClasses, SizesAreTheTable) {
  const std::vector<std::size_t> sizes = all_sizes();
  ASSERT_EQ(sizes.size(), kLargeChunk.class_count());
  for (std::size_t i = 0; i < sizes.size(); ++i) EXPECT_EQ(size_of(class_at(i)), sizes[i]) << i;
}

// PoolArenaTest.testSize2SizeIdx: every size from 0 to 16 MiB.
TEST(SizeClasses, ClassOfIsTheSmallestThatHoldsTheSize) {
  const std::vector<std::size_t> sizes = all_sizes();
  std::size_t expected = 0;
  for (std::size_t size = 0; size <= 16 * base::kMiB; ++size) {
    while (sizes[expected] < size) ++expected;
    if (class_of(size) != expected) {
      FAIL() << "size " << size << " has class " << class_of(size) << ", not " << expected;
    }
  }
}

// The tables are one way to the answer, the arithmetic another; above 16 MiB there is no list.
TEST(SizeClasses, AgreeWithArithmeticAroundEveryClassThereIs) {
  for (std::size_t i = 0; i < kRepresentableClasses; ++i) {
    const std::size_t size = size_of(class_at(i));
    EXPECT_EQ(class_of(size), i) << size;
    EXPECT_EQ(detail::class_of_by_arithmetic(size), i) << size;
    EXPECT_EQ(class_of(size + 1), i + 1) << size;
    EXPECT_EQ(detail::class_of_by_arithmetic(size + 1), i + 1) << size;
  }
  EXPECT_EQ(size_of(class_at(kRepresentableClasses - 1)), std::size_t{1} << 63);
  EXPECT_LE(class_of(SIZE_MAX), 255U) << "the class of any size fits a SizeClass";
  EXPECT_EQ(class_of(0), 0U);
  EXPECT_EQ(detail::class_of_by_arithmetic(0), 0U);
}

TEST(SizeClasses, RoundingUpWastesLessThanAFifthAboveTheQuantum) {
  for (std::size_t i = 4; i < kRepresentableClasses; ++i) {
    const std::size_t below = size_of(class_at(i - 1));
    EXPECT_LE(size_of(class_at(i)) - below, below / 4) << below;
  }
}

// PoolArenaTest.testNormalizeCapacity, and the rows of NETTY.md 1.7.
TEST(SizeClasses, NormaliseLikeNetty) {
  const auto normalised = [](std::size_t size) { return size_of(size_class_of(size)); };
  const std::pair<std::size_t, std::size_t> rows[] = {
      {0, 16},    {15, 16},   {510, 512},    {1024, 1024},   {1023, 1024},  {1025, 1280},
      {513, 640}, {800, 896}, {8193, 10240}, {28673, 32768}, {65537, 81920}};
  for (const auto& [size, expected] : rows) EXPECT_EQ(normalised(size), expected) << size;
}

std::size_t aligned_class(std::size_t size, std::size_t alignment) {
  return class_of(base::align_up(std::max<std::size_t>(size, 1), alignment));
}

// PoolArenaTest.testNormalizeAlignedCapacity.
TEST(SizeClasses, NormaliseAlignedLikeNetty) {
  const std::pair<std::size_t, std::size_t> rows[] = {{0, 64},      {15, 64},     {510, 512},
                                                      {1024, 1024}, {1023, 1024}, {1025, 1280}};
  for (const auto& [size, expected] : rows) {
    EXPECT_EQ(size_of(class_at(aligned_class(size, 64))), expected) << size;
  }
}

// The class of a size that is a multiple of a power of two is one too: the elements of its subpage
// are then aligned, since its run starts at a page.
TEST(SizeClasses, AlignedSizesHaveAlignedClasses) {
  for (std::size_t alignment = 16; alignment <= 1 * base::kMiB; alignment *= 2) {
    for (std::size_t size = 0; size <= 4 * base::kMiB; size += 1 + size / 64) {
      const std::size_t rounded = size_of(class_at(aligned_class(size, alignment)));
      ASSERT_GE(rounded, size);
      ASSERT_EQ(rounded % alignment, 0U) << size << " to " << alignment;
    }
  }
}

// NETTY.md 1.7a.
TEST(Geometry, CutsSubpagesLikeNetty) {
  ASSERT_EQ(std::size(kSmall), kDefault.small_count());
  for (std::size_t i = 0; i < std::size(kSmall); ++i) {
    const SizeClass size_class = class_at(i);
    EXPECT_TRUE(kDefault.is_subpage(size_class));
    EXPECT_EQ(kDefault.run_pages(size_class), kSmall[i].run_pages) << kSmall[i].size;
    EXPECT_EQ(kDefault.elements(size_class), kSmall[i].elements) << kSmall[i].size;
  }
}

TEST(Geometry, RunsAreWholePagesForOneRegion) {
  EXPECT_EQ(size_of(kDefault.smallest_run_class()), 32768U);
  for (std::size_t i = kDefault.small_count(); i < kDefault.class_count(); ++i) {
    const SizeClass size_class = class_at(i);
    EXPECT_FALSE(kDefault.is_subpage(size_class));
    EXPECT_EQ(kDefault.elements(size_class), 1U);
    EXPECT_EQ(kDefault.run_pages(size_class) * 8192, size_of(size_class));
    EXPECT_EQ(
        slot_in_run(kDefault.run_pages(size_class) * 8192 - 1, kDefault.reciprocal(size_class)),
        0U);
  }
}

TEST(Geometry, HasTheOldCategories) {
  const auto category = [](std::size_t size) { return kDefault.category(size_class_of(size)); };
  EXPECT_EQ(category(0), Category::tiny);
  EXPECT_EQ(category(448), Category::tiny);
  EXPECT_EQ(category(449), Category::small);  // rounded to 512
  EXPECT_EQ(category(28672), Category::small);
  EXPECT_EQ(category(28673), Category::normal);
  EXPECT_EQ(category(4 * base::kMiB), Category::normal);
  EXPECT_EQ(category(4 * base::kMiB + 1), Category::huge);
  EXPECT_EQ(category(SIZE_MAX), Category::huge);
}

// PoolArenaTest.testPages2PageIdx, and its floor: every page count of every chunk.
TEST(Geometry, PageClassesAreTheNearestAboveAndBelow) {
  for (const Geometry& geometry : all_geometries()) {
    const std::size_t last = geometry.page_classes() - 1;
    ASSERT_EQ(geometry.idx2pages(last), geometry.chunk_pages());
    std::size_t ceil = 0;
    for (std::size_t pages = 1; pages <= geometry.chunk_pages(); ++pages) {
      while (geometry.idx2pages(ceil) < pages) ++ceil;
      ASSERT_EQ(geometry.pages2idx(pages), ceil) << pages;
      const std::size_t floor = geometry.idx2pages(ceil) == pages ? ceil : ceil - 1;
      ASSERT_EQ(geometry.pages2idx_floor(pages), floor) << pages;
    }
  }
}

// PoolArenaTest.testPageIdx2size; 1.7a: 1, 2, 3, 4 pages, then the normal classes.
TEST(Geometry, PageClassesAreTheTable) {
  std::vector<std::size_t> sizes = {8192, 16384, 24576};
  sizes.insert(sizes.end(), std::begin(kNormal), std::end(kNormal));
  ASSERT_EQ(sizes.size(), kLargeChunk.page_classes());
  for (std::size_t i = 0; i < sizes.size(); ++i)
    EXPECT_EQ(kLargeChunk.idx2pages(i) * 8192, sizes[i]);
}

// The properties that the pool builds on, for every page size and order there can be.
TEST(Geometry, IsConsistentWhateverItsPageAndOrder) {
  for (const Geometry& geometry : all_geometries()) {
    SCOPED_TRACE(testing::Message() << geometry.page_size() << " << " << geometry.max_order());
    ASSERT_LE(geometry.class_count(), Geometry::kMaxClassCount);
    ASSERT_EQ(size_of(class_at(geometry.class_count() - 1)), geometry.chunk_size());
    for (std::size_t i = 0; i < geometry.class_count(); ++i) {
      const SizeClass size_class = class_at(i);
      const std::size_t size = size_of(size_class);
      const std::size_t run = geometry.run_pages(size_class) * geometry.page_size();
      ASSERT_EQ(geometry.is_subpage(size_class), size < 4 * geometry.page_size());
      ASSERT_LE(run, geometry.chunk_size()) << size;
      ASSERT_GE(geometry.elements(size_class), 1U) << size;
      ASSERT_LE(geometry.elements(size_class), geometry.page_size() / 16) << size;
      ASSERT_LE(geometry.elements(size_class) * size, run) << size;
      if (geometry.chunk_pages() >= 8) {
        ASSERT_EQ(geometry.elements(size_class) * size, run) << size << ": a rest is wasted";
      }
    }
  }
}

// Every offset there is in a run, with the geometries whose pages are at most 8 KiB.
TEST(Geometry, SlotsAreExactForEveryOffsetOfUsualPages) {
  for (const Geometry& geometry : {kDefault, kLargeChunk, kSmallPage, Geometry{4096, 0}}) {
    for (std::size_t i = 0; i < geometry.small_count(); ++i) {
      const SizeClass size_class = class_at(i);
      const std::size_t size = size_of(size_class);
      const std::size_t run = geometry.run_pages(size_class) * geometry.page_size();
      for (std::size_t offset = 0; offset < run; ++offset) {
        ASSERT_EQ(slot_in_run(offset, geometry.reciprocal(size_class)), offset / size)
            << size << " at " << offset;
      }
    }
  }
}

// With any page: exact where regions start, and never past the one dead slot elsewhere.
TEST(Geometry, SlotsAreExactWhereRegionsStartForAnyPage) {
  for (const Geometry& geometry : all_geometries()) {
    for (std::size_t i = 0; i < geometry.small_count(); ++i) {
      const SizeClass size_class = class_at(i);
      const std::size_t size = size_of(size_class);
      const std::size_t elements = geometry.elements(size_class);
      const std::uint32_t reciprocal = geometry.reciprocal(size_class);
      const std::size_t step = elements / 1000 + 1;  // samples, the first and the last among them
      for (std::size_t slot = 0; slot < elements; slot += step) {
        ASSERT_EQ(slot_in_run(slot * size, reciprocal), slot) << size;
      }
      ASSERT_EQ(slot_in_run((elements - 1) * size, reciprocal), elements - 1) << size;
      const std::size_t end = elements * size - 1;
      ASSERT_GE(slot_in_run(end, reciprocal), elements - 1) << size;
      ASSERT_LE(slot_in_run(end, reciprocal), elements) << size;
    }
  }
}

TEST(Geometry, KnowsWhatItCanBeMadeOf) {
  EXPECT_TRUE(Geometry::is_valid(4096, 0));
  EXPECT_TRUE(Geometry::is_valid(4096, 14));
  EXPECT_TRUE(Geometry::is_valid(65536, 14));  // 1 GiB
  EXPECT_TRUE(Geometry::is_valid(base::kGiB, 0));
  EXPECT_FALSE(Geometry::is_valid(131072, 14));
  EXPECT_FALSE(Geometry::is_valid(base::kGiB, 1));
  EXPECT_FALSE(Geometry::is_valid(8192, 15));
  EXPECT_FALSE(Geometry::is_valid(8192, SIZE_MAX));
  EXPECT_FALSE(Geometry::is_valid(4095, 9));
  EXPECT_FALSE(Geometry::is_valid(5000, 9));
  EXPECT_FALSE(Geometry::is_valid(2048, 9));
  EXPECT_FALSE(Geometry::is_valid(0, 9));
}

TEST(GeometryDeathTest, RefusesWhatItCannotBeMadeOf) {
  EXPECT_DEATH(Geometry(5000, 9), "check failed: is_valid");
}

}  // namespace
}  // namespace tarn::sizing
