// SPDX-License-Identifier: Apache-2.0
// What size_class_infos says of the classes agrees with itself and with the defaults.
#include "tarn/size_class_info.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>

namespace tarn {
namespace {

TEST(SizeClassInfo, DefaultsHave68ClassesOf16BytesTo4MiB) {
  const auto infos = size_class_infos();
  ASSERT_EQ(infos.size(), 68U);
  EXPECT_EQ(infos.front().size, 16U);
  EXPECT_EQ(infos.back().size, std::size_t{4} << 20);
  EXPECT_EQ(std::count_if(infos.begin(), infos.end(),
                          [](const auto& info) { return info.category <= SizeCategory::small; }),
            39);
}

TEST(SizeClassInfo, ClassesLeaveNoGapAndFillTheirRuns) {
  for (const std::size_t page_size : {4096U, 8192U, 65536U}) {
    for (const unsigned max_order : {0U, 3U, 9U, 14U}) {
      if (page_size << max_order > std::size_t{1} << 30) continue;
      std::size_t smallest = 1;
      for (const SizeClassInfo& info : size_class_infos(page_size, max_order)) {
        EXPECT_EQ(info.smallest, smallest);
        EXPECT_GE(info.size, info.smallest);
        EXPECT_EQ(info.elements * info.size + info.unused_bytes, info.run_pages * page_size);
        EXPECT_LT(info.unused_bytes, info.run_pages * page_size);
        smallest = info.size + 1;
      }
      EXPECT_EQ(smallest - 1, page_size << max_order) << "the last class is the chunk";
    }
  }
}

TEST(SizeClassInfo, BadGeometryNamesOptionValueAndRange) {
  const auto message = [](std::size_t page_size, unsigned max_order) -> std::string {
    try {
      (void)size_class_infos(page_size, max_order);
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "nothing thrown";
  };
  EXPECT_NE(message(5000, 9).find("page_size: 5000"), std::string::npos) << message(5000, 9);
  EXPECT_NE(message(8192, 15).find("max_order: 15"), std::string::npos) << message(8192, 15);
  EXPECT_NE(message(1 << 20, 11).find("max_order: 11"), std::string::npos) << message(1 << 20, 11);
}

}  // namespace
}  // namespace tarn
