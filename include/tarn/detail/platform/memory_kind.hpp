// SPDX-License-Identifier: Apache-2.0
// The two kinds of memory. Layer platform; part of the public API through tarn/allocator.hpp.
#pragma once

#include <cstdint>

namespace tarn {

/// Where a chunk comes from.
enum class MemoryKind : std::uint8_t {
  heap,    ///< operator new.
  direct,  ///< Page-aligned mappings, made for I/O.
};

}  // namespace tarn
