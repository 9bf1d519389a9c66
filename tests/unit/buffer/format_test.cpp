// SPDX-License-Identifier: Apache-2.0
// Tests of buffers in format strings, with those of std::format and fmt that there are.
#include "tarn/format.hpp"

#include <gtest/gtest.h>

#include "tarn/byte_buf.hpp"

namespace tarn {
namespace {

[[maybe_unused]] ByteBuf example() { return std::move(ByteBuf::wrap_copy("hello").skip(2)); }

#ifdef FMT_VERSION
TEST(Format, DescribesBuffersByFmt) {
  EXPECT_EQ(fmt::format("<{}>", example()), "<ByteBuf(ridx: 2, widx: 5, cap: 5)>");
  EXPECT_EQ(fmt::format("{:>36}", example()), "   ByteBuf(ridx: 2, widx: 5, cap: 5)");
  EXPECT_EQ(fmt::format("{}", CompositeByteBuf::wrap_copy("a")),
            "CompositeByteBuf(ridx: 0, widx: 1, cap: 1, components: 1)");
}
#endif

#ifdef __cpp_lib_format
TEST(Format, DescribesBuffersByStdFormat) {
  EXPECT_EQ(std::format("<{}>", example()), "<ByteBuf(ridx: 2, widx: 5, cap: 5)>");
  EXPECT_EQ(std::format("{:>36}", example()), "   ByteBuf(ridx: 2, widx: 5, cap: 5)");
}
#endif

TEST(Format, OfABufferIsItsDescription) {
  EXPECT_EQ(describe(example()), "ByteBuf(ridx: 2, widx: 5, cap: 5)");
}

}  // namespace
}  // namespace tarn
