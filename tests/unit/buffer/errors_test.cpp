// SPDX-License-Identifier: Apache-2.0
// Tests of what buffers throw.
#include "tarn/detail/buffer/errors.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace tarn::detail {
namespace {

template <class E>
std::string message_of(const std::function<void()>& thrower) {
  try {
    thrower();
  } catch (const E& e) {
    return e.what();
  }
  return "nothing, or another type, was thrown";
}

TEST(Errors, OutOfRangeNamesIndexLengthAndBound) {
  EXPECT_EQ(message_of<std::out_of_range>(
                [] { throw_out_of_range("reader index", 4, 8, "writer index", 10); }),
            "reader index 4 + length 8 exceeds writer index 10");
}

TEST(Errors, OutsideNamesIndexAndBothEnds) {
  EXPECT_EQ(message_of<std::out_of_range>([] { throw_outside("writer index", 3, 4, 10); }),
            "writer index 3, expected 4 .. 10");
}

TEST(Errors, TooLargeNamesBothNumbers) {
  EXPECT_EQ(
      message_of<std::invalid_argument>([] { throw_too_large("capacity", 5, "max capacity", 4); }),
      "capacity 5 exceeds max capacity 4");
}

TEST(Errors, MalformedVarintNamesTheIndex) {
  EXPECT_EQ(message_of<std::runtime_error>([] { throw_malformed_varint(7, "too long"); }),
            "malformed varint at index 7: too long");
}

TEST(Errors, ReadOnlyIsALogicError) {
  EXPECT_THROW(throw_read_only(), ReadOnlyError);
  static_assert(std::is_base_of_v<std::logic_error, ReadOnlyError>);
}

}  // namespace
}  // namespace tarn::detail
