// SPDX-License-Identifier: Apache-2.0
// Zero-filled memory from a memory source, for tables and control blocks. Layer: pool.
#pragma once

#include <cstddef>

#include "tarn/detail/platform/memory.hpp"

namespace tarn::pool {

/// Maps direct memory that reads as 0; null when it is refused.
///
/// A fresh mapping of the system's is 0 without being touched, so a table costs resident memory
/// only where it is used. What any other source gives is cleared.
[[nodiscard]] void* map_zeroed(const platform::MemorySource& source, std::size_t size) noexcept;

/// Gives back what map_zeroed() gave, with the same size.
void unmap_zeroed(const platform::MemorySource& source, void* memory, std::size_t size) noexcept;

}  // namespace tarn::pool
