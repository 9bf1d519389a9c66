// SPDX-License-Identifier: Apache-2.0
// The slow half of a RegionCache. Layer: pool.
#include "tarn/detail/pool/region_cache.hpp"

namespace tarn::pool {

RegionList RegionCache::remove_oldest_beyond(std::uint32_t keep) noexcept {
  const std::uint32_t size = size_.load_relaxed();
  if (size <= keep) return {};
  RegionList out;
  out.count = size - keep;
  if (keep == 0) {
    out.first = newest_;
    newest_ = nullptr;
  } else {
    Region* last_kept = newest_;
    for (std::uint32_t i = 1; i < keep; ++i) last_kept = next_region(last_kept);
    out.first = next_region(last_kept);
    set_next_region(last_kept, nullptr);
  }
  size_.store_relaxed(keep);
  moved_in_.subtract(out.count);
  return out;
}

void RegionCache::audit() const noexcept {
  std::uint32_t length = 0;
  for (const Region* region = newest_; region != nullptr; region = next_region(region)) {
    TARN_CHECK(region->kind == RegionKind::pooled);
    TARN_CHECK(region->size_class == size_class_);
    TARN_CHECK(region->refs.load_relaxed() == 0);
    ++length;
    TARN_CHECK(length <= size_.load_relaxed());
  }
  TARN_CHECK(length == size_.load_relaxed());
  TARN_CHECK(size_.load_relaxed() <= granted_);
  TARN_CHECK(granted_ <= max_size_);
}

}  // namespace tarn::pool
