// SPDX-License-Identifier: Apache-2.0
// Results go to standard output whole or the program fails. Program tarn.
#pragma once

#include <string_view>

namespace tarn::tools {

/// Writes all of `text` to standard output.
///
/// @errors RunError when not all of it can be written, for instance to a full device.
void write_output(std::string_view text);

/// One line for people, "tarn: " before it, to standard error; a failure is ignored.
void say(std::string_view line) noexcept;

}  // namespace tarn::tools
