// SPDX-License-Identifier: Apache-2.0
// The reference count of a region, as buffers use it. Layer: buffer.
#pragma once

#include <cstdint>

#include "tarn/detail/pool/core.hpp"
#include "tarn/detail/pool/region.hpp"

namespace tarn::detail {

/// Most sharers of one region. A count beyond it is a leak that was about to wrap around.
inline constexpr std::uint32_t kMaxSharers = std::uint32_t{1} << 31;

/// Undoes a share() that met `before`, then throws std::length_error; a count of 0 is fatal.
[[noreturn, gnu::cold]] void share_failed(pool::Region* region, std::uint32_t before);

/// unshare() when there are other sharers.
void unshare_slow(pool::Region* region) noexcept;

/// Adds a sharer.
///
///     owned (1) --share--> shared (2 .. kMaxSharers) --unshare--> owned (1) --unshare--> ended (0)
///
/// @pre the caller holds a share; a count of 0 is fatal.
/// @errors std::length_error when there are kMaxSharers already.
/// @complexity one relaxed increment.
inline void share(pool::Region* region) {
  // Relaxed: the caller's own share keeps the region alive, so nothing is published.
  const std::uint32_t before = region->refs.fetch_add_relaxed(1);
  if (before - 1 >= kMaxSharers - 1) [[unlikely]] {
    share_failed(region, before);
  }
}

/// Drops a share; the last one ends the region.
/// @complexity the only sharer: a load. Else one atomic decrement.
inline void unshare(pool::Region* region) noexcept {
  // [sync: last-share] Acquire: pairs with the release of the former sharers' decrements, so that
  // their writes come before whatever the memory is used for next. Nobody can add a share while we
  // hold the only one, hence no read-modify-write.
  if (region->refs.load_acquire() == 1) [[likely]] {
    // Relaxed: for a handle that was copied as bytes and is released again: it meets a 0.
    region->refs.store_relaxed(0);
    pool::release_region(region);
  } else {
    unshare_slow(region);
  }
}

/// Whether the caller's share is the only one; synchronises with the releases of all former ones.
[[nodiscard]] inline bool is_only_share(const pool::Region* region) noexcept {
  // [sync: last-share] Acquire: as in unshare().
  return region->refs.load_acquire() == 1;
}

}  // namespace tarn::detail
