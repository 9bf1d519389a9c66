// SPDX-License-Identifier: Apache-2.0
// Which free pages an arena keeps, and which go back to the system.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "pool/arena.hpp"
#include "support/own_arena.hpp"
#include "tarn/detail/base/units.hpp"

namespace tarn::pool {
namespace {

using base::kKiB;
using base::kMiB;
using test::fake_now_ms;
using test::OwnArena;

constexpr std::size_t kRun = 32 * kKiB;

/// Written runs of an arena, and what of them is still there after they were given back: a page
/// that went back to the system reads as 0.
class Load {
 public:
  explicit Load(OwnArena& own) : own_(own) {}

  void grow(std::size_t bytes) {
    for (Region* const region : own_.take(kRun, bytes / kRun)) {
      std::memset(region->data, 0xEE, kRun);
      live_.push_back(region);
    }
  }
  /// Gives back the newest runs, one at a time.
  void shrink(std::size_t bytes) {
    for (std::size_t i = 0; i < bytes / kRun; ++i) {
      given_.push_back(live_.back()->data);
      own_.give(live_.back());
      live_.pop_back();
    }
  }
  /// Gives back all runs but each sixteenth, so that no chunk gets empty.
  void thin_out() {
    std::vector<Region*> kept;
    for (std::size_t i = 0; i < live_.size(); ++i) {
      if (i % 16 == 0) {
        kept.push_back(live_[i]);
      } else {
        given_.push_back(live_[i]->data);
        own_.give(live_[i]);
      }
    }
    live_ = std::move(kept);
  }
  /// Of what was given back: bytes that are still resident. @pre nothing was taken since.
  [[nodiscard]] std::size_t resident() const {
    std::size_t bytes = 0;
    for (const std::byte* const run : given_) {
      for (std::size_t at = 0; at < kRun; at += 4096) {
        if (run[at] == std::byte{0xEE}) bytes += 4096;
      }
    }
    return bytes;
  }
  void forget_given() { given_.clear(); }
  void end() {
    own_.give(live_);
    live_.clear();
    own_.arena.audit();
  }

 private:
  OwnArena& own_;
  std::vector<Region*> live_;
  std::vector<const std::byte*> given_;
};

TEST(ArenaDirtyPages, KeepsAFewWhateverIsInUse) {
  OwnArena own;
  Load load(own);
  load.grow(kMiB);
  load.shrink(DirtyBound::kBytes);
  EXPECT_EQ(load.resident(), DirtyBound::kBytes);
  load.end();
}

// The bound holds from the second look on: what was free at both, and not taken between, goes.
TEST(ArenaDirtyPages, KeepsWhatIsResidentBelowTheMostThatWasInUse) {
  OwnArena own;
  Load load(own);
  load.grow(3 * kMiB);
  load.shrink(2 * kMiB);
  // 1 MiB in use, three quarters of 3 MiB resident at most, and what is given between two looks.
  EXPECT_LE(load.resident(), 5 * kMiB / 4 + kMiB / 16);
  EXPECT_GE(load.resident(), kMiB) << "no more than has to";
  own.arena.audit();
  load.end();
}

// The list that is asked first has a chunk with room, but its pages were never used.
TEST(ArenaDirtyPages, TakesWhatIsResidentBeforeWhatIsNot) {
  OwnArena own(sizing::Geometry{4096, 4});
  const std::size_t page = own.geometry.page_size();
  Region* const fuller = own.take(12 * page);  // its last four pages were never used
  Region* const emptier = own.take(7 * page);
  Region* const used = own.take(7 * page);
  const std::byte* const place = used->data;
  ASSERT_EQ(own.map.find(place), own.map.find(emptier->data));
  own.give(used);
  ASSERT_EQ(own.lists(), (std::vector<std::size_t>{0, 0, 1, 1, 0, 0})) << "fuller is asked first";
  Region* const again = own.take(4 * page);
  EXPECT_EQ(again->data, place);
  own.arena.audit();
  Region* const more = own.take(4 * page);
  EXPECT_EQ(own.map.find(more->data), own.map.find(fuller->data))
      << "three resident pages are left";
  own.arena.audit();
  own.give({fuller, emptier, again, more});
}

TEST(ArenaDirtyPages, TriesSixteenRunsInAllForADirtyOne) {
  for (const std::size_t others : {15U, 16U}) {
    OwnArena own(sizing::Geometry{4096, 6});
    const std::size_t page = own.geometry.page_size();
    std::vector<Region*> live{own.take(56 * page), own.take(4 * page)};
    Region* const used = own.take(4 * page);
    const std::byte* const place = used->data;
    std::vector<Region*> gaps;
    for (std::size_t i = 0; i < others; ++i) {
      // Four pages of which only the first was used before, and four that were, but apart.
      live.push_back(own.take(48 * page));
      gaps.push_back(own.take(2 * page));
      live.push_back(own.take(page));
      gaps.push_back(own.take(2 * page));
      live.push_back(own.take(7 * page));
      gaps.push_back(own.take(page));
    }
    own.give(used);
    for (Region* const gap : gaps) own.give(gap);
    live.push_back(own.take(4 * page));
    EXPECT_EQ(live.back()->data == place, others == 15) << others;
    own.give(live);
  }
}

TEST(ArenaDirtyPages, LooksIntoThirtyTwoChunksForADirtyRun) {
  for (const std::size_t others : {31U, 32U}) {
    OwnArena own(sizing::Geometry{4096, 6});
    const std::size_t page = own.geometry.page_size();
    std::vector<Region*> live;
    for (std::size_t i = 0; i < others; ++i) live.push_back(own.take(56 * page));  // 8 never used
    // One chunk more, which is asked last, as it is emptier.
    live.push_back(own.take(12 * page));
    Region* const used = own.take(10 * page);
    const std::byte* const place = used->data;
    live.push_back(own.take(10 * page));
    ASSERT_EQ(own.map.find(place), own.map.find(live.back()->data));
    own.give(used);
    live.push_back(own.take(5 * page));
    EXPECT_EQ(live.back()->data == place, others == 31) << others;
    own.give(live);
  }
}

TEST(ArenaDirtyPages, ShortGapsGoOnlyOnceInAPeriod) {
  OwnArena own;
  constexpr std::size_t kPage = 8 * kKiB;
  std::vector<Region*> regions = own.take(kPage, 1024);
  std::vector<Region*> kept;
  std::vector<const std::byte*> gaps;
  const auto resident = [&] {
    std::size_t bytes = 0;
    for (const std::byte* gap : gaps) bytes += gap[0] == std::byte{0xEE} ? kPage : 0;
    return bytes;
  };
  for (Region* const region : regions) std::memset(region->data, 0xEE, kPage);
  for (std::size_t i = 0; i < regions.size(); ++i) {
    if (i % 2 == 0 || i >= 960) {
      kept.push_back(regions[i]);
    } else {
      gaps.push_back(regions[i]->data);
      own.give(regions[i]);
    }
  }
  EXPECT_EQ(resident(), gaps.size() * kPage) << "though more than is allowed";
  fake_now_ms += DirtyBound::kShortRangesMs;
  for (int i = 0; i < 32; ++i) {
    gaps.push_back(kept.back()->data);
    own.give(kept.back());
    kept.pop_back();
  }
  EXPECT_LT(resident(), gaps.size() * kPage);
  own.give(kept);
}

TEST(ArenaDirtyPages, ALoadThatSwingsKeepsItsPages) {
  OwnArena own;
  Load load(own);
  load.grow(3 * kMiB);
  for (int swing = 0; swing < 20; ++swing) {
    load.forget_given();
    load.shrink(256 * kKiB);
    EXPECT_EQ(load.resident(), 256 * kKiB) << "swing " << swing;
    load.grow(256 * kKiB);
  }
  // Wider: as much of it as the bound allows.
  for (int swing = 0; swing < 20; ++swing) {
    load.forget_given();
    load.shrink(2 * kMiB);
    EXPECT_GE(load.resident(), kMiB) << "swing " << swing;
    load.grow(2 * kMiB);
  }
  load.end();
}

TEST(ArenaDirtyPages, ALoadThatHasGoneGivesItsPagesBack) {
  OwnArena own;
  Load load(own);
  load.grow(3 * kMiB);
  load.shrink(kMiB);
  ASSERT_GE(load.resident(), DirtyBound::kBytes);
  for (int i = 0; i < 24; ++i) {
    fake_now_ms += 64 * DirtyBound::kDecayMs;
    load.shrink(2 * kRun);
  }
  EXPECT_LE(load.resident(), DirtyBound::kBytes + 2 * (DirtyBound::kBytes / 4) + kRun);
  load.end();
}

TEST(ArenaDirtyPages, HalfOfTheExcessGoesInEachPeriod) {
  // 3.25 MiB in use, of which 2 MiB are given back before the clock moves, and 512 KiB after.
  std::size_t before = 0;
  for (const std::uint64_t periods : {0U, 1U, 2U, 20U}) {
    OwnArena own;
    Load load(own);
    load.grow(13 * kMiB / 4);
    load.shrink(2 * kMiB);
    fake_now_ms += periods * DirtyBound::kDecayMs;
    for (int i = 0; i < 8; ++i) load.shrink(2 * kRun);
    if (periods != 0) {
      EXPECT_LT(load.resident() + 64 * kKiB, before) << periods;
    }
    before = load.resident();
    load.end();
  }
}

TEST(ArenaDirtyPages, ALoadThatHasGoneAtOnceGivesItsPagesBackWhenVisited) {
  OwnArena own;
  Load load(own);
  load.grow(32 * kMiB);
  load.thin_out();
  const std::size_t before = load.resident();
  ASSERT_GE(before, 4 * kMiB) << "more than the budget of that moment";
  own.arena.release_idle();
  EXPECT_EQ(load.resident(), before) << "somebody has just looked";
  std::size_t visits = 0;
  for (std::size_t left = before; left > kMiB; left = load.resident()) {
    ASSERT_LT(++visits, 400U);
    fake_now_ms += DirtyBound::kOverdueMs - 1;
    own.arena.release_idle();
    EXPECT_EQ(load.resident(), left) << "too early";
    fake_now_ms += 1;
    own.arena.release_idle();
    EXPECT_GE(load.resident() + DirtyBound::kBurst, left) << "more than the budget";
    own.arena.audit();
  }
  load.end();
}

TEST(ArenaDirtyPages, AllFreePagesGoWhenAsked) {
  OwnArena own;
  Load load(own);
  load.grow(32 * kMiB);
  std::vector<Region*> gaps = own.take(8 * kKiB, 64);
  for (Region* const gap : gaps) std::memset(gap->data, 0xEE, 8 * kKiB);
  load.thin_out();
  std::vector<Region*> kept;
  std::vector<const std::byte*> places;
  for (std::size_t i = 0; i < gaps.size(); ++i) {
    if (i % 2 == 0) {
      kept.push_back(gaps[i]);
    } else {
      places.push_back(gaps[i]->data);
      own.give(gaps[i]);
    }
  }
  ASSERT_GT(load.resident(), 0U);
  EXPECT_EQ(own.arena.stats().dirty_bytes, load.resident() + places.size() * 8 * kKiB);
  own.arena.release_unused();
  own.arena.audit();
  EXPECT_EQ(own.arena.stats().dirty_bytes, 0U);
  EXPECT_EQ(load.resident(), 0U);
  for (const std::byte* const place : places) EXPECT_EQ(*place, std::byte{0}) << "a short gap";
  for (const Region* const region : kept) EXPECT_EQ(region->data[8 * kKiB - 1], std::byte{0xEE});
  own.give(kept);
  load.end();
}

// Huge regions are the pool's too: who holds 80 MiB may keep 5 MiB of free pages, and who held them
// lately as well.
TEST(ArenaDirtyPages, CountsWhatThePoolHoldsElsewhere) {
  for (const std::uint64_t still_held : {80 * kMiB, std::size_t{0}}) {
    OwnArena own;
    own.in_use_elsewhere.set(80 * kMiB);
    const RegionList list = own.arena.take(sizing::size_class_of(kRun), 100);
    ASSERT_EQ(list.count, 100U);
    own.in_use_elsewhere.set(still_held);
    Region* const kept = list.first;
    std::vector<Region*> given;
    for (Region* region = next_region(kept); region != nullptr; region = next_region(region)) {
      std::memset(region->data, 0xEE, kRun);
      given.push_back(region);
    }
    for (Region* const region : given) {
      set_next_region(region, nullptr);
      own.arena.give(region);
    }
    for (const Region* const region : given) EXPECT_EQ(region->data[0], std::byte{0xEE});
    set_next_region(kept, nullptr);
    own.arena.give(kept);
  }
}

}  // namespace
}  // namespace tarn::pool
