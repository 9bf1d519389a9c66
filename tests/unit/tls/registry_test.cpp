// SPDX-License-Identifier: Apache-2.0
// Tests of the registry of threads and keys.
#include "tls/registry.hpp"

#include <gtest/gtest.h>

#include <latch>
#include <thread>
#include <type_traits>
#include <vector>

namespace tarn::tls {
namespace {

static_assert(std::is_trivially_destructible_v<Registry>, "used after static destruction");

void ignore(void*, void*) {}
int value;

// Netty: a map that expands to an index near 2^30 gets no negative size.
TEST(Registry, SlotArraysArePowersOfTwoFrom32) {
  EXPECT_EQ(slots_for(0), 32U);
  EXPECT_EQ(slots_for(31), 32U);
  EXPECT_EQ(slots_for(32), 64U);
  EXPECT_EQ(slots_for(63), 64U);
  EXPECT_EQ(slots_for(64), 128U);
  EXPECT_EQ(slots_for(KeyTable::kMaxKeys - 1), KeyTable::kMaxKeys);
  EXPECT_EQ(slots_for((std::size_t{1} << 30) - 1), std::size_t{1} << 30);
  EXPECT_EQ(slots_for(std::size_t{1} << 30), std::size_t{1} << 31);
}

TEST(Registry, KnowsAThreadFromItsFirstValueToItsEnd) {
  Key key(ignore, nullptr);
  const std::size_t before = registry().thread_count();
  std::latch used(1);
  std::latch counted(1);
  std::thread thread([&] {
    EXPECT_EQ(current_record(), nullptr);
    EXPECT_EQ(key.get(), nullptr);
    EXPECT_EQ(current_record(), nullptr) << "reading makes no slots";
    key.set(&value);
    EXPECT_NE(current_record(), nullptr);
    used.count_down();
    counted.wait();
  });
  used.wait();
  EXPECT_EQ(registry().thread_count(), before + 1);
  registry().audit();
  counted.count_down();
  thread.join();
  EXPECT_EQ(registry().thread_count(), before);
}

TEST(Registry, KeepsTheListWhenThreadsEndInAnyOrder) {
  constexpr std::size_t kThreads = 9;
  Key key(ignore, nullptr);
  const std::size_t before = registry().thread_count();
  std::vector<std::unique_ptr<std::latch>> go;
  std::latch used(kThreads);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    go.push_back(std::make_unique<std::latch>(1));
    threads.emplace_back([&, latch = go.back().get()] {
      key.set(&value);
      used.count_down();
      latch->wait();
    });
  }
  used.wait();
  std::size_t left = kThreads;
  for (const std::size_t i : {4U, 0U, 8U, 1U, 7U, 2U, 6U, 3U, 5U}) {
    go[i]->count_down();
    threads[i].join();
    registry().audit();
    std::size_t visited = 0;
    key.for_each([&](void*) { ++visited; });
    EXPECT_EQ(visited, --left);
  }
  EXPECT_EQ(registry().thread_count(), before);
}

}  // namespace
}  // namespace tarn::tls
