// SPDX-License-Identifier: Apache-2.0
// The slow half of a RegionCache. Layer: pool.
#include "tarn/detail/pool/region_cache.hpp"

#include "tarn/detail/base/check.hpp"

namespace tarn::pool {

Region* RegionCache::region_after(Region* region, std::uint32_t steps) noexcept {
  for (; steps != 0; --steps) region = next_region(region);
  return region;
}

RegionList RegionCache::shed_newest(std::uint32_t count) noexcept {
  const std::uint32_t size = this->size();
  TARN_ASSERT(count <= size);
  if (count == 0) return {};
  const RegionList out{newest_, region_after(newest_, count - 1), count};
  newest_ = next_region(out.last);
  set_next_region(out.last, nullptr);
  stock_.set_count(size - count);
  moved_in_.subtract(count);
  return out;
}

RegionList RegionCache::shed_oldest(std::uint32_t count) noexcept {
  const std::uint32_t size = this->size();
  TARN_ASSERT(count <= size);
  if (count == 0 || count == size) return shed_newest(count);
  Region* const last_kept = region_after(newest_, size - count - 1);
  Region* const first = next_region(last_kept);
  set_next_region(last_kept, nullptr);
  stock_.set_count(size - count);
  moved_in_.subtract(count);
  return {first, region_after(first, count - 1), count};
}

void RegionCache::audit() const noexcept {
  const std::uint32_t size = this->size();
  std::uint32_t length = 0;
  for (const Region* region = newest_; region != nullptr; region = next_region(region)) {
    TARN_CHECK(region->kind == RegionKind::pooled);
    TARN_CHECK(region->size_class == size_class_);
    TARN_CHECK(region->refs.load_relaxed() == 0);
    ++length;
    TARN_CHECK(length <= size);
  }
  TARN_CHECK(length == size);
  TARN_CHECK(size <= granted());
  TARN_CHECK(granted() == stock_.limit());
  TARN_CHECK(granted() <= max_size_);
}

}  // namespace tarn::pool
