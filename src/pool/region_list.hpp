// SPDX-License-Identifier: Apache-2.0
// Joining and cutting lists of regions. Layer: pool.
#pragma once

#include <cstddef>

#include "tarn/detail/base/check.hpp"
#include "tarn/detail/pool/region.hpp"

namespace tarn::pool {

/// Puts a region behind the last one of a list.
inline void append(RegionList& list, Region* region) noexcept {
  set_next_region(region, nullptr);
  if (list.last == nullptr) {
    list.first = region;
  } else {
    set_next_region(list.last, region);
  }
  list.last = region;
  ++list.count;
}

/// Puts the regions of `from`, of which there may be none, in front of those of `to`, whose `last`
/// stays as it is.
inline void prepend(const RegionList& from, RegionList& to) noexcept {
  if (from.first == nullptr) return;
  set_next_region(from.last, to.first);
  to.first = from.first;
  to.count += from.count;
}

/// Takes off a null-terminated list its first region and those of the same class and kind that
/// follow at once.
/// @returns them; the last one's link still leads into the list. @pre the list is not empty.
[[nodiscard]] inline RegionList cut_like_ones(Region*& list) noexcept {
  TARN_ASSERT(list != nullptr);
  const Region* const first = list;
  RegionList like{list, list, 1};
  for (list = next_region(list); list != nullptr; list = next_region(list)) {
    if (list->size_class != first->size_class || list->memory_kind != first->memory_kind) break;
    like.last = list;
    ++like.count;
  }
  return like;
}

/// Moves the regions past the first `keep` of `from` to the front of the null-terminated list `to`.
/// @pre `from` has more than `keep`.
inline void move_past(RegionList& from, std::size_t keep, Region*& to) noexcept {
  TARN_ASSERT(keep < from.count);
  Region* last_kept = nullptr;
  Region* rest = from.first;
  for (std::size_t i = 0; i < keep; ++i) {
    last_kept = rest;
    rest = next_region(rest);
  }
  set_next_region(from.last, to);
  to = rest;
  from = keep == 0 ? RegionList{} : RegionList{from.first, last_kept, keep};
}

}  // namespace tarn::pool
