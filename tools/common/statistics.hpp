// SPDX-License-Identifier: Apache-2.0
// What several rounds of one measurement come to. Program tarn.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace tarn::tools {

/// The median; of an even number of values the mean of the middle two. @pre not empty
[[nodiscard]] inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 != 0) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

/// The smallest. @pre not empty
[[nodiscard]] inline double minimum(const std::vector<double>& values) {
  return *std::min_element(values.begin(), values.end());
}

}  // namespace tarn::tools
