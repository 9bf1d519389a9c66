// SPDX-License-Identifier: Apache-2.0
// A probe's case that is a size and a kind of memory.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <string_view>
#include <tarn/allocator.hpp>

namespace tarn::test {

/// "16384" is direct memory, "heap_16384" is heap memory; size 0: it is neither.
struct SizedCase {
  explicit SizedCase(const char* text) {
    constexpr std::string_view kHeap = "heap_";
    if (std::string_view(text).starts_with(kHeap)) {
      kind = MemoryKind::heap;
      text += kHeap.size();
    }
    size = static_cast<std::size_t>(std::atol(text));
  }

  MemoryKind kind = MemoryKind::direct;
  std::size_t size = 0;  // bytes
};

}  // namespace tarn::test
