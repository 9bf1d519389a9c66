// SPDX-License-Identifier: Apache-2.0
// The memory of a ring's cells. Layer: recycler.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

namespace tarn::recycler {

/// Cells that all start as zeros. Memory from calloc is not touched before it is used, so that a
/// large ring costs nothing until something comes. @returns null when memory is refused.
template <class Cell>
[[nodiscard]] Cell* allocate_cells(std::size_t count) noexcept {
  auto* const cells = static_cast<Cell*>(std::calloc(count, sizeof(Cell)));
#ifdef TARN_MODEL_CHECK
  for (std::size_t i = 0; cells != nullptr && i < count; ++i) {
    ::new (static_cast<void*>(cells + i)) Cell;
  }
#endif
  return cells;
}

/// @param cells null, or from allocate_cells(count).
template <class Cell>
void free_cells(Cell* cells, [[maybe_unused]] std::size_t count) noexcept {
#ifdef TARN_MODEL_CHECK
  for (std::size_t i = 0; cells != nullptr && i < count; ++i) cells[i].~Cell();
#endif
  std::free(cells);
}

}  // namespace tarn::recycler
