// SPDX-License-Identifier: Apache-2.0
// The LIST of an option: comma-separated names. Program tarn.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tarn::tools {

/// The names of a comma-separated list, in its order.
///
/// @errors UsageError, naming `option`: an empty list or name, a name twice, and a name that is not
///         among `allowed`, which are then listed.
[[nodiscard]] std::vector<std::string> parse_list(std::string_view option, std::string_view list,
                                                  std::span<const std::string> allowed);

}  // namespace tarn::tools
