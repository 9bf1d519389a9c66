// SPDX-License-Identifier: Apache-2.0
// Tests of sharing a region: one end, at the last release, by any thread.
#include "tarn/detail/buffer/ref_count.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tarn/byte_buf.hpp"

namespace tarn::detail {
namespace {

/// A region that counts its ends and is never given back.
struct CountedRegion : pool::ForeignRegion {
  CountedRegion() {
    describe_foreign(*this, bytes, sizeof(bytes));
    dispose = [](pool::ForeignRegion* self) noexcept {
      static_cast<CountedRegion*>(self)->ends.fetch_add(1);
    };
  }
  std::byte bytes[16]{};
  std::atomic<int> ends{0};
};

TEST(RefCount, EndsOnceAfterTheLastShare) {
  CountedRegion region;
  share(&region);
  share(&region);
  EXPECT_FALSE(is_only_share(&region));
  unshare(&region);
  unshare(&region);
  EXPECT_TRUE(is_only_share(&region));
  EXPECT_EQ(region.ends, 0);
  unshare(&region);
  EXPECT_EQ(region.ends, 1);
}

TEST(RefCount, RefusesASharerTooMany) {
  CountedRegion region;
  region.refs.store_relaxed(kMaxSharers - 1);
  share(&region);
  EXPECT_EQ(region.refs.load_relaxed(), kMaxSharers);
  EXPECT_THROW(share(&region), std::length_error);
  EXPECT_EQ(region.refs.load_relaxed(), kMaxSharers) << "nothing has changed";
}

TEST(RefCount, RefusesACopyOfAByteBufTooMany) {
  CountedRegion region;
  ByteBuf buf = ByteBufAccess::make(&region, region.bytes, 16, 16);
  region.refs.store_relaxed(kMaxSharers);
  EXPECT_THROW(ByteBuf copy(buf), std::length_error);
  EXPECT_THROW(static_cast<void>(buf.slice(0, 1)), std::length_error);
  EXPECT_EQ(buf.ref_count(), kMaxSharers);
  region.refs.store_relaxed(1);
}

TEST(RefCountDeathTest, ReportsAReleaseTooMany) {
  CountedRegion region;
  unshare(&region);
  EXPECT_DEATH(unshare(&region), "fatal: released a buffer twice at 0x");
}

TEST(RefCountDeathTest, ReportsAShareOfWhatWasReleased) {
  CountedRegion region;
  unshare(&region);
  EXPECT_DEATH(share(&region), "fatal: shared a buffer that was released at 0x");
}

// Goal: the handle's bytes copied behind the library's back, both released. Method: the region
// stays, as a pooled one does.
TEST(RefCountDeathTest, ReportsTheSecondReleaseOfACopiedHandle) {
  CountedRegion region;
  ByteBuf buf = ByteBufAccess::make(&region, region.bytes, 16, 16);
  alignas(ByteBuf) unsigned char stolen[sizeof(ByteBuf)];
  std::memcpy(stolen, static_cast<const void*>(&buf), sizeof(buf));
  buf.release();
  EXPECT_DEATH(reinterpret_cast<ByteBuf*>(stolen)->release(), "released a buffer twice");
}

// Goal: what sharers wrote is seen by whoever finds itself alone. Method: threads write their own
// byte through their own share and let go; the owner waits for is_unique() and reads all. A missing
// order is a race for ThreadSanitizer.
TEST(RefCount, PublishesTheWritesOfFormerSharers) {
  constexpr int kThreads = 4;
  for (int round = 0; round < 200; ++round) {
    ByteBuf buf = ByteBuf::wrap_copy("0123");
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([share = buf, i]() mutable {
        share.set_u8(static_cast<std::size_t>(i), static_cast<std::uint8_t>('a' + i));
        ByteBuf gone = std::move(share);
      });
    }
    while (!buf.is_unique()) std::this_thread::yield();
    for (int i = 0; i < kThreads; ++i) {
      EXPECT_EQ(buf.get_u8(static_cast<std::size_t>(i)), 'a' + i);
    }
    for (std::thread& thread : threads) thread.join();
  }
}

// The same, where the last to go ends the region.
TEST(RefCount, TheLastOfManyThreadsEndsIt) {
  for (int round = 0; round < 200; ++round) {
    CountedRegion region;
    {
      ByteBuf buf = ByteBufAccess::make(&region, region.bytes, 16, 16);
      std::vector<std::thread> threads;
      for (int i = 0; i < 3; ++i) {
        threads.emplace_back([share = buf, i]() mutable {
          const ByteBuf part = share.slice(static_cast<std::size_t>(i), 1);
          share.set_u8(static_cast<std::size_t>(i), 1);
          share.release();
        });
      }
      buf.release();
      for (std::thread& thread : threads) thread.join();
    }
    EXPECT_EQ(region.ends, 1);
    EXPECT_EQ(region.refs.load_relaxed(), 0U);
  }
}

}  // namespace
}  // namespace tarn::detail
