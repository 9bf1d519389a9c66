// SPDX-License-Identifier: Apache-2.0
// What waits in a thread's outbox: batches by owner, their bounds and counts.
#include "tarn/detail/pool/outbox.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace tarn::pool {
namespace {

/// An outbox for less than 1000 bytes, and homes of regions whose owners are only compared.
class OutboxTest : public testing::Test {
 protected:
  /// A stock of regions of `size` bytes and category `category` of owner `owner`.
  class Home {
   public:
    Home(std::size_t owner, std::size_t size, std::uint8_t category = 0) {
      cache_.describe(destination(owner), owner,
                      {.category = category, .max_size = 1, .region_size = size});
    }
    [[nodiscard]] const RegionCache& operator*() const { return cache_; }

   private:
    RegionCache cache_;
  };

  OutboxTest() { outbox_.set_limit(1000); }
  [[nodiscard]] Outbox& outbox() { return outbox_; }
  [[nodiscard]] Region* region(std::size_t i) { return &regions_.at(i); }
  [[nodiscard]] static ThreadCache& destination(std::size_t owner) {
    return *reinterpret_cast<ThreadCache*>((owner + 1) * 4096);
  }
  /// Gives a home's place to its owner.
  Outbox::Batch& open(const Home& home) {
    Outbox::Batch& batch = outbox_.place_of(*home);
    batch.destination = &(*home).cache();
    return batch;
  }

 private:
  std::array<Region, Outbox::kMaxRegions + 1> regions_;
  Outbox outbox_;
};

TEST_F(OutboxTest, HoldsABatchForAnOwnerNewestFirst) {
  const Home small(1, 10, 0);
  const Home large(1, 20, 1);
  EXPECT_FALSE(outbox().try_add(region(0), *small)) << "no owner's place yet";
  Outbox::Batch& batch = open(small);
  EXPECT_TRUE(outbox().try_add(region(0), *small));
  EXPECT_TRUE(outbox().try_add(region(2), *large));
  EXPECT_EQ(outbox().bytes(), 30U);
  EXPECT_EQ(batch.bytes, 30U);
  EXPECT_EQ(outbox().released(0), 1U);
  EXPECT_EQ(outbox().released(1), 1U);
  const RegionList list = outbox().take(batch);
  EXPECT_EQ(list.count, 2U);
  EXPECT_EQ(list.first, region(2));
  EXPECT_EQ(list.last, region(0));
  EXPECT_EQ(next_region(list.first), list.last);
  EXPECT_EQ(next_region(list.last), nullptr);
  EXPECT_EQ(outbox().bytes(), 0U);
  EXPECT_EQ(batch.list.first, nullptr);
}

// So that whoever takes the batch over need not look at its regions.
TEST_F(OutboxTest, KnowsTheHomeThatAllOfABatchHave) {
  const Home home(1, 10);
  const Home other(1, 20);
  Outbox::Batch& batch = open(home);
  EXPECT_TRUE(outbox().try_add(region(0), *home));
  EXPECT_TRUE(outbox().try_add(region(1), *home));
  EXPECT_EQ(batch.only_home, &*home);
  EXPECT_TRUE(outbox().try_add(region(2), *other));
  EXPECT_EQ(batch.only_home, nullptr);
  EXPECT_TRUE(outbox().try_add(region(3), *home));
  EXPECT_EQ(batch.only_home, nullptr) << "one of them is not";
  static_cast<void>(outbox().take(batch));
  EXPECT_TRUE(outbox().try_add(region(4), *other));
  EXPECT_EQ(batch.only_home, &*other);
}

TEST_F(OutboxTest, GoesOnForTheOwnerOfABatchThatWasTaken) {
  const Home home(1, 10);
  Outbox::Batch& batch = open(home);
  EXPECT_TRUE(outbox().try_add(region(0), *home));
  static_cast<void>(outbox().take(batch));
  EXPECT_TRUE(outbox().try_add(region(1), *home));
  const RegionList list = outbox().take(batch);
  EXPECT_EQ(list.first, region(1));
  EXPECT_EQ(list.last, region(1));
  EXPECT_EQ(list.count, 1U);
}

TEST_F(OutboxTest, KeepsAsManyOwnersApartAsItHasPlaces) {
  for (std::size_t owner = 0; owner < Outbox::kBatches; ++owner) open(Home(owner, 10));
  for (std::size_t i = 0; i < 2 * Outbox::kBatches; ++i) {
    const Home home(i % Outbox::kBatches, 10);
    ASSERT_TRUE(outbox().try_add(region(i), *home));
  }
  for (std::size_t owner = 0; owner < Outbox::kBatches; ++owner) {
    Outbox::Batch& batch = outbox().place_of(*Home(owner, 10));
    EXPECT_EQ(batch.destination, &destination(owner));
    EXPECT_EQ(outbox().take(batch).count, 2U);
  }
  EXPECT_EQ(outbox().bytes(), 0U);
}

TEST_F(OutboxTest, RefusesAnOwnerWhosePlaceIsAnothers) {
  const Home first(0, 10);
  const Home rival(Outbox::kBatches, 10);
  open(first);
  EXPECT_FALSE(outbox().try_add(region(0), *rival));
  EXPECT_TRUE(outbox().try_add(region(0), *first));
  EXPECT_EQ(outbox().bytes(), 10U);
}

TEST_F(OutboxTest, LeavesTheOneThatFillsABatchToWhoHandsOver) {
  const Home home(1, 1);
  Outbox::Batch& batch = open(home);
  for (std::size_t i = 0; i + 1 < Outbox::kMaxRegions; ++i) {
    ASSERT_TRUE(outbox().try_add(region(i), *home));
  }
  EXPECT_FALSE(outbox().try_add(region(Outbox::kMaxRegions), *home));
  EXPECT_EQ(batch.list.count, Outbox::kMaxRegions - 1);
}

TEST_F(OutboxTest, HoldsLessThanItsLimitOfBytesInAllBatches) {
  const Home most(1, 999);
  const Home least(2, 1);
  const Home too_large(2, 1000);
  const Home nothing(2, 0);
  Outbox::Batch& batch = open(most);
  open(least);
  EXPECT_TRUE(outbox().try_add(region(0), *most));
  EXPECT_FALSE(outbox().try_add(region(1), *least));
  static_cast<void>(outbox().take(batch));
  EXPECT_FALSE(outbox().try_add(region(2), *too_large));
  EXPECT_TRUE(outbox().try_add(region(2), *least));
  outbox().set_limit(0);
  EXPECT_FALSE(outbox().try_add(region(3), *nothing)) << "revoked";
  EXPECT_FALSE(outbox().owner_is_inside());
}

}  // namespace
}  // namespace tarn::pool
