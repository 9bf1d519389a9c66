// SPDX-License-Identifier: Apache-2.0
// `tarn sizes`: the table of size classes. Program tarn.
#pragma once

#include <cstddef>

namespace tarn::tools {

struct SizesOptions {
  std::size_t page_size = 8192;  // bytes
  unsigned max_order = 9;
  bool json = false;
};

/// Writes the classes that a pool of this geometry has; returns the exit status.
///
/// @errors UsageError naming option, value and range.
[[nodiscard]] int run_sizes(const SizesOptions& options);

}  // namespace tarn::tools
