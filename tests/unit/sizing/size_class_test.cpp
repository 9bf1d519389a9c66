// SPDX-License-Identifier: Apache-2.0
// The class index is a type of its own.
#include "tarn/detail/sizing/size_class.hpp"

#include <gtest/gtest.h>

#include <concepts>
#include <cstddef>

namespace tarn::sizing {
namespace {

template <class T>
concept AddsUp = requires(T a, T b) {
  a + b;
};
template <class T>
concept Indexes = requires(int (&array)[4], T index) {
  array[index];
};

static_assert(!AddsUp<SizeClass> && !Indexes<SizeClass>);
static_assert(!std::convertible_to<std::size_t, SizeClass>);
static_assert(!std::convertible_to<SizeClass, std::size_t>);
static_assert(!std::constructible_from<std::size_t, SizeClass>);

TEST(SizeClass, OrdersBySize) {
  EXPECT_LT(SizeClass{3}, SizeClass{4});
  EXPECT_EQ(SizeClass{7}, SizeClass::from_index(std::size_t{7}));
  EXPECT_EQ(SizeClass{255}.raw(), 255);
}

TEST(SizeClass, CategoriesAreAllCounted) {
  EXPECT_EQ(static_cast<std::size_t>(Category::huge) + 1, kCategoryCount);
}

#ifndef NDEBUG
TEST(SizeClassDeathTest, RefusesAnIndexThatDoesNotFit) {
  EXPECT_DEATH(static_cast<void>(SizeClass::from_index(256)), "check failed");
}
#endif

}  // namespace
}  // namespace tarn::sizing
