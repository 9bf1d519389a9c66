// SPDX-License-Identifier: Apache-2.0
// Tests of allocate_cells. Layer: recycler.
#include "recycler/cell_array.hpp"

#include <gtest/gtest.h>

#include <cstdint>

#include "support/sanitizer_options.hpp"
#include "tarn/detail/sync/atomic.hpp"

namespace tarn::recycler {
namespace {

using Cell = sync::Atomic<std::uint64_t>;

TEST(CellArray, StartsAsZeros) {
  constexpr std::size_t kCount = 500;
  for (int round = 0; round < 2; ++round) {  // the second where the first has written
    Cell* const cells = allocate_cells<Cell>(kCount);
    ASSERT_NE(cells, nullptr);
    for (std::size_t i = 0; i < kCount; ++i) {
      EXPECT_EQ(cells[i].load_relaxed(), 0U);
      cells[i].store_relaxed(i + 1);
    }
    free_cells(cells, kCount);
  }
}

TEST(CellArray, IsNullWhenMemoryIsRefused) {
  volatile std::size_t too_many = ~std::size_t{0} / 2;  // gcc would warn of a known one
  EXPECT_EQ(allocate_cells<Cell>(too_many), nullptr);
  free_cells<Cell>(nullptr, too_many);
}

}  // namespace
}  // namespace tarn::recycler
