// SPDX-License-Identifier: Apache-2.0
// Zero-filled memory from a memory source. Layer: pool.
#include "pool/zeroed_memory.hpp"

#include <cstring>

namespace tarn::pool {

void* map_zeroed(const platform::MemorySource& source, std::size_t size) noexcept {
  const std::size_t page = platform::system_page_size();
  void* const memory = source.map(source.context, size, page, MemoryKind::direct);
  if (memory == nullptr) return nullptr;
  if (source.map != platform::system_memory().map) std::memset(memory, 0, size);
  return memory;
}

void unmap_zeroed(const platform::MemorySource& source, void* memory, std::size_t size) noexcept {
  source.unmap(source.context, memory, size, platform::system_page_size(), MemoryKind::direct);
}

}  // namespace tarn::pool
