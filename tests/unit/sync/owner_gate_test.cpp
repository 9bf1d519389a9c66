// SPDX-License-Identifier: Apache-2.0
// Tests of the owner gate; tests/model/owner_gate_model.cpp explores its interleavings.
#include "tarn/detail/sync/owner_gate.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include "tarn/detail/platform/asymmetric_fence.hpp"

namespace tarn::sync {
namespace {

static_assert(sizeof(OwnerGate) == 2, "one lies in every region cache");

void no_fence() {}  // enough where one thread plays both sides

TEST(OwnerGate, LetsItsOwnerInAndOut) {
  OwnerGate gate;
  EXPECT_FALSE(gate.is_inside());
  ASSERT_TRUE(gate.try_enter());
  EXPECT_TRUE(gate.is_inside());
  gate.leave();
  EXPECT_FALSE(gate.is_inside());
}

TEST(OwnerGate, KeepsItsOwnerOutWhileRevoked) {
  OwnerGate gate;
  gate.revoke(no_fence);
  EXPECT_TRUE(gate.is_revoked());
  EXPECT_FALSE(gate.try_enter());
  EXPECT_FALSE(gate.is_inside()) << "a refused owner is outside";
  gate.restore();
  EXPECT_FALSE(gate.is_revoked());
  EXPECT_TRUE(gate.try_enter());
  gate.leave();
}

TEST(OwnerGate, EnterDoesNotAskForTheRight) {
  OwnerGate gate;
  gate.forbid();
  gate.enter();
  EXPECT_TRUE(gate.is_inside());
  gate.leave();
}

TEST(OwnerGate, RunsTheHeavyFenceOnceARevocation) {
  OwnerGate gate;
  int fences = 0;
  gate.revoke([&] { ++fences; });
  gate.wait_until_outside([&] { ++fences; });
  EXPECT_EQ(fences, 2);
}

TEST(OwnerGate, WaitsNoLongerThanTheDeadline) {
  using Clock = std::chrono::steady_clock;
  OwnerGate gate;
  gate.enter();
  EXPECT_FALSE(gate.try_wait_outside(no_fence, Clock::now() + std::chrono::milliseconds(5)));
  EXPECT_FALSE(gate.try_wait_outside(no_fence, Clock::now()));
  gate.leave();
  EXPECT_TRUE(gate.try_wait_outside(no_fence, Clock::now())) << "outside: nothing to wait for";
}

TEST(OwnerGate, ARevokerWaitsForTheOwnerToLeave) {
  platform::heavy_fence();  // the first, which registers with the kernel, may outlast the owner
  OwnerGate gate;
  std::atomic<bool> inside{false};
  bool left = false;
  std::thread owner([&] {
    gate.enter();
    inside = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    left = true;  // plain: leave() publishes it
    gate.leave();
  });
  while (!inside) std::this_thread::yield();
  gate.revoke(platform::heavy_fence);
  EXPECT_TRUE(left);
  owner.join();
}

#ifndef NDEBUG
TEST(OwnerGateDeathTest, EnteringTwiceIsFatalInDebugBuilds) {
  OwnerGate gate;
  gate.enter();
  EXPECT_DEATH(gate.enter(), "inside_");
}
#endif

// An owner and two revokers change plain data that has an invariant; ThreadSanitizer watches.
TEST(OwnerGateStress, NeverLetsTwoIn) {
  constexpr int kRevocations = 300;
  OwnerGate gate;
  std::mutex revokers;
  std::array<unsigned, 8> data{};  // all equal, when nobody is inside
  const auto work = [&data] {
    const unsigned next = data[0] + 1;
    for (unsigned& cell : data) {
      ASSERT_EQ(cell, next - 1);
      cell = next;
    }
  };
  std::atomic<bool> stop{false};
  unsigned by_owner = 0;
  std::thread owner([&] {
    while (!stop.load()) {
      if (gate.try_enter()) {
        work();
        gate.leave();
        ++by_owner;
      } else {
        const std::lock_guard wait(revokers);  // the slow path
      }
    }
  });
  const auto revoke = [&] {
    for (int i = 0; i < kRevocations; ++i) {
      const std::lock_guard lock(revokers);
      gate.revoke(platform::heavy_fence);
      work();
      gate.restore();
    }
  };
  std::thread other(revoke);
  revoke();
  other.join();
  stop = true;
  owner.join();
  EXPECT_EQ(data[0], by_owner + 2 * kRevocations);
}

}  // namespace
}  // namespace tarn::sync
