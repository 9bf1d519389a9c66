// SPDX-License-Identifier: Apache-2.0
// Tests of the type-erased callable.
#include "tarn/detail/tls/callable.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <utility>

namespace tarn::tls {
namespace {

struct AddTo {
  template <class F>
  void operator()(F& f, void* argument) const {
    *static_cast<int*>(argument) += f();
  }
};

static_assert(!std::is_copy_constructible_v<Callable>);
static_assert(std::is_nothrow_move_constructible_v<Callable>);

int call(const Callable& callable) {
  int sum = 0;
  callable(&sum);
  return sum;
}

TEST(Callable, IsEmptyUntilGivenOne) {
  EXPECT_FALSE(static_cast<bool>(Callable()));
  EXPECT_TRUE(static_cast<bool>(Callable([] { return 1; }, AddTo{})));
}

TEST(Callable, CallsWithAndWithoutState) {
  EXPECT_EQ(call(Callable([] { return 3; }, AddTo{})), 3);
  EXPECT_EQ(call(Callable([four = 4] { return four; }, AddTo{})), 4);
}

TEST(Callable, CallsTheOneItKeepsNotACopy) {
  const Callable counter([n = 0]() mutable { return ++n; }, AddTo{});
  EXPECT_EQ(call(counter), 1);
  EXPECT_EQ(call(counter), 2);
}

TEST(Callable, TakesOnesThatOnlyMove) {
  auto five = std::make_unique<int>(5);
  EXPECT_EQ(call(Callable([p = std::move(five)] { return *p; }, AddTo{})), 5);
}

TEST(Callable, DestroysItsCallableOnce) {
  const auto alive = std::make_shared<int>(0);
  {
    Callable first([alive] { return 1; }, AddTo{});
    Callable second([alive] { return 2; }, AddTo{});
    EXPECT_EQ(alive.use_count(), 3);
    Callable third(std::move(first));
    EXPECT_FALSE(static_cast<bool>(first));
    EXPECT_EQ(call(third), 1);
    second = std::move(third);
    EXPECT_EQ(call(second), 1);
  }
  EXPECT_EQ(alive.use_count(), 1);
}

TEST(Callable, LetsExceptionsThrough) {
  const Callable thrower([]() -> int { throw std::runtime_error("x"); }, AddTo{});
  EXPECT_THROW(call(thrower), std::runtime_error);
}

TEST(Callable, KnowsTheEmptyStateOfPointersAndFunctions) {
  int (*none)() = nullptr;
  EXPECT_TRUE(is_empty_callable(none));
  EXPECT_FALSE(is_empty_callable(+[] { return 1; }));
  EXPECT_TRUE(is_empty_callable(std::function<int()>()));
  EXPECT_FALSE(is_empty_callable(std::function<int()>([] { return 1; })));
  EXPECT_FALSE(is_empty_callable([] { return 1; }));
}

}  // namespace
}  // namespace tarn::tls
