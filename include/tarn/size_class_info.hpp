// SPDX-License-Identifier: Apache-2.0
// What the size classes of a pool are, for people and programs that choose sizes. Layer: pool.
#pragma once

#include <cstddef>
#include <vector>

#include "tarn/detail/pool/options.hpp"
#include "tarn/detail/sizing/size_class.hpp"
#include "tarn/detail/sizing/size_classes.hpp"

namespace tarn {

/// tiny < 512 <= small < smallest run class <= normal <= chunk < huge.
using SizeCategory = sizing::Category;

/// One size class. Sizes in bytes, pages of the allocator's page size.
struct SizeClassInfo {
  std::size_t size = 0;      ///< What a region of this class has; less is rounded up to it.
  std::size_t smallest = 0;  ///< The smallest size that is rounded up to it; of the first: 1.
  SizeCategory category = SizeCategory::tiny;
  std::size_t run_pages = 0;     ///< Pages of the run that its regions are cut from.
  std::size_t elements = 0;      ///< Regions in that run; 1 for a run of its own.
  std::size_t unused_bytes = 0;  ///< Of that run, in no region.
};

/// Every class up to the chunk's own, smallest first; larger sizes are huge.
///
/// @errors std::invalid_argument naming page_size or max_order, its value and the allowed range.
[[nodiscard]] inline std::vector<SizeClassInfo> size_class_infos(std::size_t page_size = 8192,
                                                                 unsigned max_order = 9) {
  PooledAllocatorOptions options;
  options.page_size = page_size;
  options.max_order = max_order;
  pool::validate(options);
  const sizing::Geometry geometry(page_size, max_order);
  std::vector<SizeClassInfo> infos;
  infos.reserve(geometry.class_count());
  for (std::size_t index = 0; index < geometry.class_count(); ++index) {
    const auto size_class = sizing::SizeClass::from_index(index);
    SizeClassInfo info;
    info.size = sizing::size_of(size_class);
    info.smallest = infos.empty() ? 1 : infos.back().size + 1;
    info.category = geometry.category(size_class);
    info.run_pages = geometry.run_pages(size_class);
    info.elements = geometry.elements(size_class);
    info.unused_bytes = info.run_pages * page_size - info.elements * info.size;
    infos.push_back(info);
  }
  return infos;
}

}  // namespace tarn
