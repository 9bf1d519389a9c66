// SPDX-License-Identifier: Apache-2.0
// Tests of the atomic cells.
#include "tarn/detail/sync/atomic.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <thread>
#include <type_traits>
#include <vector>

namespace tarn::sync {
namespace {

// What the type is for: an access without an order does not compile.
template <class A>
concept ReadableWithoutOrder = requires(const A& cell) {
  static_cast<int>(cell);
};
template <class A>
concept WritableWithoutOrder = requires(A& cell) {
  cell = 1;
};
template <class A>
concept Incrementable = requires(A& cell) {
  ++cell;
};
template <class A>
concept Adds = requires(A& cell) {
  cell.fetch_add_relaxed({});
};

static_assert(!ReadableWithoutOrder<Atomic<int>>);
static_assert(!WritableWithoutOrder<Atomic<int>>);
static_assert(!Incrementable<Atomic<int>>);
static_assert(!std::is_copy_constructible_v<Atomic<int>>);
static_assert(!std::is_convertible_v<int, Atomic<int>>);
static_assert(Adds<Atomic<int>> && !Adds<Atomic<bool>> && !Adds<Atomic<int*>>);
static_assert(sizeof(Atomic<std::uint64_t>) == 8 && sizeof(Atomic<void*>) == sizeof(void*));

constinit Atomic<int> constant_initialised{7};

TEST(Atomic, StartsWithItsValueOrZero) {
  EXPECT_EQ(constant_initialised.load_relaxed(), 7);
  EXPECT_EQ(Atomic<int>().load_acquire(), 0);
  EXPECT_EQ(Atomic<int*>().load_relaxed(), nullptr);
}

TEST(Atomic, StoresAndLoads) {
  Atomic<int> cell{1};
  cell.store_relaxed(2);
  EXPECT_EQ(cell.load_acquire(), 2);
  cell.store_release(3);
  EXPECT_EQ(cell.load_relaxed(), 3);
}

TEST(Atomic, ExchangesReturnTheValueBefore) {
  Atomic<int> cell{1};
  EXPECT_EQ(cell.exchange_relaxed(2), 1);
  EXPECT_EQ(cell.exchange_acquire(3), 2);
  EXPECT_EQ(cell.exchange_release(4), 3);
  EXPECT_EQ(cell.exchange_acq_rel(5), 4);
  EXPECT_EQ(cell.load_relaxed(), 5);
}

/// Runs one kind of strong compare-exchange from a right and from a wrong expectation.
template <class Exchange>
void expect_strong(Exchange exchange) {
  Atomic<int> cell{1};
  int expected = 1;
  EXPECT_TRUE(exchange(cell, expected, 2));
  EXPECT_EQ(cell.load_relaxed(), 2);
  expected = 1;
  EXPECT_FALSE(exchange(cell, expected, 3));
  EXPECT_EQ(expected, 2) << "a failed exchange reports what is there";
  EXPECT_EQ(cell.load_relaxed(), 2);
}

TEST(Atomic, StrongCompareExchangeStoresOnlyWhenExpected) {
  expect_strong([](auto& c, int& e, int d) { return c.compare_exchange_strong_relaxed(e, d); });
  expect_strong([](auto& c, int& e, int d) { return c.compare_exchange_strong_acquire(e, d); });
  expect_strong([](auto& c, int& e, int d) { return c.compare_exchange_strong_release(e, d); });
  expect_strong([](auto& c, int& e, int d) { return c.compare_exchange_strong_acq_rel(e, d); });
}

/// The same for a weak one, which may fail for no reason.
template <class Exchange>
void expect_weak(Exchange exchange) {
  Atomic<int> cell{1};
  int expected = 1;
  while (!exchange(cell, expected, 2)) EXPECT_EQ(expected, 1);
  EXPECT_EQ(cell.load_relaxed(), 2);
  expected = 1;
  EXPECT_FALSE(exchange(cell, expected, 3));
  EXPECT_EQ(expected, 2);
}

TEST(Atomic, WeakCompareExchangeStoresOnlyWhenExpected) {
  expect_weak([](auto& c, int& e, int d) { return c.compare_exchange_weak_relaxed(e, d); });
  expect_weak([](auto& c, int& e, int d) { return c.compare_exchange_weak_acquire(e, d); });
  expect_weak([](auto& c, int& e, int d) { return c.compare_exchange_weak_release(e, d); });
  expect_weak([](auto& c, int& e, int d) { return c.compare_exchange_weak_acq_rel(e, d); });
}

TEST(Atomic, ArithmeticReturnsTheValueBefore) {
  Atomic<unsigned> cell{10};
  EXPECT_EQ(cell.fetch_add_relaxed(1), 10U);
  EXPECT_EQ(cell.fetch_add_acquire(1), 11U);
  EXPECT_EQ(cell.fetch_add_release(1), 12U);
  EXPECT_EQ(cell.fetch_add_acq_rel(1), 13U);
  EXPECT_EQ(cell.fetch_sub_relaxed(2), 14U);
  EXPECT_EQ(cell.fetch_sub_acquire(2), 12U);
  EXPECT_EQ(cell.fetch_sub_release(2), 10U);
  EXPECT_EQ(cell.fetch_sub_acq_rel(2), 8U);
  EXPECT_EQ(cell.fetch_or_relaxed(8), 6U);
  EXPECT_EQ(cell.fetch_and_relaxed(12), 14U);
  EXPECT_EQ(cell.load_relaxed(), 12U);
}

// Release and acquire carry plain writes along; ThreadSanitizer sees it when they do not.
TEST(Atomic, ReleasePublishesToAcquire) {
  constexpr int kRounds = 200;
  for (int round = 0; round < kRounds; ++round) {
    int plain = 0;
    Atomic<bool> ready{false};
    std::thread writer([&] {
      plain = round;
      ready.store_release(true);
    });
    while (!ready.load_acquire()) std::this_thread::yield();
    EXPECT_EQ(plain, round);
    writer.join();
  }
}

}  // namespace
}  // namespace tarn::sync
