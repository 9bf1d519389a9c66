// SPDX-License-Identifier: Apache-2.0
// Inside views of the allocators, for the library and its tests. Layer: buffer.
#pragma once

#include <cstddef>

#include "tarn/allocator.hpp"

namespace tarn::detail {

struct AllocatorAccess {
  static constexpr std::size_t kAlignment = 16;  // of what buffers ask a user's allocator for

  /// A pool over another source of memory than the system: `source` for what users get, `metadata`
  /// for the pool's own tables.
  [[nodiscard]] static PooledAllocator* make(
      const PooledAllocatorOptions& options, const platform::MemorySource& source,
      const platform::MemorySource& metadata = platform::system_memory()) {
    return new PooledAllocator(options, source, metadata);
  }
  [[nodiscard]] static pool::PoolCore& core(PooledAllocator& allocator) noexcept {
    return *allocator.core_;
  }
  /// A region of a user's allocator, refs 1. @errors std::bad_alloc.
  [[nodiscard]] static pool::Region* take_of_user(Allocator& allocator, std::size_t size,
                                                  MemoryKind kind);
};

}  // namespace tarn::detail
